"""How much worse the model does without a head."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from catalog.schema.controls import VaryPrompts, VaryRole
from catalog.schema.measures import AblationEffect
from catalog.schema.recipe import Recipe
from verify.ablation import Replacement, WithoutEach, passes, without_each
from verify.anatomy import Anatomy
from verify.capture import LayerView, Reader
from verify.measures.running import FloatArray, RunningMeasure
from verify.prompts import CannotBuild, Prompt, PromptSet
from verify.statistics import Units


class AblationEffectMeasure(RunningMeasure):
    """Outcome of the model as it is less its outcome with z_h replaced at the positions of a role.

    For a loss the other way round: above 0 the head is needed, whatever the metric. Shape [prompts,
    heads]; unit nats, probability or share of prompts, and for ``logit-difference`` a share of its
    mean over all prompts of the scored variant, with the interval of a ratio. Logits are the
    model's own, soft cap included. ``mean`` and ``resample`` take what they put in place of z_h
    from prompts of the variant that is read, so the control's from its own.

    Raises:
        CannotBuild: if no prompt can lend another its output; if the mean logit difference is not
            above 0, so that nothing is a share of it.
    """

    def __init__(self, recipe: Recipe, prompts: PromptSet, anatomy: Anatomy) -> None:
        super().__init__(recipe, prompts, anatomy)
        measure, control = recipe.measure, recipe.control
        assert isinstance(measure, AblationEffect)
        seed = getattr(recipe.prompts, "seed", 0)
        self._measure = measure
        self._score = _Sweep(anatomy, prompts.main, measure, seed)
        if isinstance(control, VaryPrompts):
            self._control = _Sweep(anatomy, prompts.variants[control.variant], measure, seed)
        else:
            assert isinstance(control, VaryRole)
            elsewhere = measure.model_copy(update={"at": control.query})
            self._control = _Sweep(anatomy, prompts.main, elsewhere, seed)

    def readers(self) -> Mapping[str, Sequence[Reader]]:
        made: dict[str, list[Reader]] = {self.main_variant: list(self._score.readers)}
        made.setdefault(self.control_variant or self.main_variant, []).extend(self._control.readers)
        return {variant: readers for variant, readers in made.items() if readers}

    @classmethod
    def work_on(cls, recipe: Recipe, prompts: PromptSet, anatomy: Anatomy) -> float:
        """A sweep of the prompts that are scored, and one of the control's."""
        control = getattr(recipe.control, "variant", None)  # a role is that of the same prompts
        compared = prompts.variants.get(control or "", prompts.main)
        tokens = sum(len(prompt.ids) for prompt in (*prompts.main, *compared))
        return tokens * passes(anatomy)

    def run(
        self,
        batch_size: int | None,
        limit_memory: int | None,
        advance: Callable[[float], None],
    ) -> None:
        """Take away each head in turn, on the prompts that are scored and on the control's."""
        for sweep in (self._score, self._control):
            sweep.run(batch_size, limit_memory, lambda share: advance(share / 2))

    def units(self) -> Units:
        divide = 1.0
        divided_by = None
        if self._measure.metric == "logit-difference":
            divided_by = self._score.found.whole
            divide = float(divided_by.mean())
            if not divide > 0:
                raise CannotBuild(
                    f"the mean logit difference is {divide:.3g}: effects are no shares of it"
                )
        return Units(
            score=self._score.effects() / divide,
            control=self._control.effects() / divide,
            paired=self.control_clusters is None,
            clusters=self.clusters,
            control_clusters=self.control_clusters,
            kind="mean",
            divided_by=divided_by,
        )


class _Sweep:
    """The measure on one variant, at one role."""

    def __init__(
        self, anatomy: Anatomy, prompts: Sequence[Prompt], measure: AblationEffect, seed: int
    ) -> None:
        self._anatomy = anatomy
        self.prompts = prompts
        self._positions = [tuple(prompt.queries.get(measure.at, ())) for prompt in prompts]
        if not all(self._positions):
            raise CannotBuild(f"some prompts have no position of role '{measure.at}'")
        of_text = measure.metric == "loss" and measure.correct is None
        if of_text and any(
            min(found) >= len(prompt.ids) - 1
            for found, prompt in zip(self._positions, prompts, strict=True)
        ):
            raise CannotBuild(f"no token follows role '{measure.at}' whose loss could be read")
        self.readers: list[Reader] = []
        self._replacement: Replacement
        if measure.replace == "zero":
            self._replacement = _Nothing(anatomy, self._positions)
        elif measure.replace == "mean":
            mean = _Mean(anatomy, self._positions)
            self._replacement = mean
            self.readers.append(mean)
        else:
            lent = _Lent(lenders(prompts, self._positions, seed), self._positions)
            self._replacement = lent
            self.readers.append(lent)
        self._outcome = _Outcome(anatomy, prompts, self._positions, measure)
        self.found: WithoutEach

    def run(
        self,
        batch_size: int | None,
        limit_memory: int | None,
        advance: Callable[[float], None],
    ) -> None:
        """Take away each head in turn."""
        self.found = without_each(
            self._anatomy,
            self.prompts,
            self._positions,
            self._replacement,
            self._outcome,
            batch_size=batch_size,
            limit_memory=limit_memory,
            advance=advance,
        )

    def effects(self) -> FloatArray:
        """What is lost without each head, [prompts, heads]; the metric as it is read."""
        lost = self.found.whole[:, None, None] - self.found.without
        return lost.reshape(len(lost), -1)


class _Nothing:
    """Zero in the place of every output."""

    def __init__(self, anatomy: Anatomy, positions: Sequence[Sequence[int]]) -> None:
        self._shape = (anatomy.heads, anatomy.head_width)
        self._positions = positions

    def of(self, _: int, numbers: Sequence[int]) -> Tensor:
        """As the protocol says."""
        return torch.zeros(sum(len(self._positions[number]) for number in numbers), *self._shape)


class _Mean(Reader):
    """The mean over the prompts of what each head gives out, at the i-th position of a role."""

    def __init__(self, anatomy: Anatomy, positions: Sequence[Sequence[int]]) -> None:
        self._positions = positions
        places = max(len(found) for found in positions)
        self._sums = torch.zeros(
            anatomy.layers, places, anatomy.heads, anatomy.head_width, dtype=torch.float64
        )
        # a batch that did not fit is read again, and must not be added twice
        self._added = np.zeros((anatomy.layers, len(positions)), dtype=bool)
        counts = torch.zeros(places, dtype=torch.float64)
        for found in positions:
            counts[: len(found)] += 1
        self._counts = counts[:, None, None]

    def read(self, view: LayerView) -> None:
        """Add up what one layer gives out."""
        for index, number in enumerate(view.numbers):
            if self._added[view.layer, number]:
                continue
            taken = view.z[index, list(self._positions[number])].cpu().double()
            if not bool(taken.isfinite().all()):  # if it stays so, the pass says so
                continue
            self._added[view.layer, number] = True
            self._sums[view.layer, : len(taken)] += taken

    def of(self, layer: int, numbers: Sequence[int]) -> Tensor:
        """As the protocol says."""
        mean = (self._sums[layer] / self._counts).float()
        return torch.cat([mean[: len(self._positions[number])] for number in numbers])


class _Lent(Reader):
    """What each head gives out on another prompt, at the i-th position of a role."""

    def __init__(self, lender: Sequence[int], positions: Sequence[Sequence[int]]) -> None:
        self._lender = lender
        self._positions = positions
        self._lending = frozenset(lender)
        self._given: dict[tuple[int, int], Tensor] = {}

    def read(self, view: LayerView) -> None:
        """Keep what one layer gives out on prompts that lend."""
        for index, number in enumerate(view.numbers):
            if number in self._lending:
                taken = view.z[index, list(self._positions[number])]
                self._given[view.layer, number] = taken.cpu()

    def of(self, layer: int, numbers: Sequence[int]) -> Tensor:
        """As the protocol says."""
        return torch.cat(
            [
                self._given[layer, self._lender[number]][: len(self._positions[number])]
                for number in numbers
            ]
        )


def lenders(
    prompts: Sequence[Prompt], positions: Sequence[Sequence[int]], seed: int
) -> tuple[int, ...]:
    """For each prompt another one, drawn from those of other clusters with as many positions.

    Raises:
        CannotBuild: if there is none for some prompt.
    """
    generator = np.random.default_rng(seed)
    clusters = np.array([prompt.cluster for prompt in prompts])
    counts = np.array([len(found) for found in positions])
    made = []
    for number in range(len(prompts)):
        fit = np.flatnonzero((clusters != clusters[number]) & (counts >= counts[number]))
        if not len(fit):
            raise CannotBuild(
                "no prompt of another template can lend its output to each prompt: heads cannot be"
                " resampled"
            )
        made.append(int(generator.choice(fit)))
    return tuple(made)


class _Outcome:
    """The metric of a run, read off the normed stream; what no metric reads is not computed.

    The higher, the better: of a loss it is the negative, a log probability.
    """

    def __init__(
        self,
        anatomy: Anatomy,
        prompts: Sequence[Prompt],
        positions: Sequence[Sequence[int]],
        measure: AblationEffect,
    ) -> None:
        self._anatomy = anatomy
        self._prompts = prompts
        self._positions = positions
        self._measure = measure

    def __call__(self, numbers: Sequence[int], normed: Tensor) -> Tensor:
        """As the protocol says."""
        if self._measure.correct is None:
            return self._text(numbers, normed)
        ends = torch.tensor([self._prompts[number].queries["end"][0] for number in numbers])
        rows = torch.arange(len(numbers), device=normed.device)
        at_end = normed[rows, ends.to(normed.device)]
        correct = self._answers(numbers, self._measure.correct)
        if self._measure.foil is not None:
            foil = self._answers(numbers, self._measure.foil)
            difference = self._logits(at_end, correct) - self._logits(at_end, foil)
            right = self._measure.metric == "accuracy"
            return (difference > 0).float() if right else difference
        at_once = self._anatomy.logits_at_once
        made = [
            self._of_all(part, answers)
            for part, answers in zip(at_end.split(at_once), correct.split(at_once), strict=True)
        ]
        return torch.cat(made)

    def _of_all(self, at_end: Tensor, correct: Tensor) -> Tensor:
        """What needs the logits of all tokens."""
        logits = self._all_logits(at_end)
        correct = correct.to(logits.device)
        if self._measure.metric == "accuracy":
            return (logits.argmax(-1) == correct).float()
        logs = logits.log_softmax(-1).gather(-1, correct[:, None])[:, 0]
        return logs if self._measure.metric == "loss" else logs.exp()

    def _text(self, numbers: Sequence[int], normed: Tensor) -> Tensor:
        """Mean log probability of the next token, from the first position that is changed on."""
        read: list[Tensor] = []
        due: list[int] = []
        lengths: list[int] = []
        for row, number in enumerate(numbers):
            ids, first = self._prompts[number].ids, min(self._positions[number])
            read.append(normed[row, first : len(ids) - 1])
            due.extend(ids[first + 1 :])
            lengths.append(len(ids) - 1 - first)
        logs = []
        at_once = self._anatomy.logits_at_once
        for part, tokens in zip(
            torch.cat(read).split(at_once), torch.tensor(due).split(at_once), strict=True
        ):
            every = self._all_logits(part).log_softmax(-1)
            logs.append(every.gather(-1, tokens.to(every.device)[:, None])[:, 0])
        return torch.stack([of_one.mean() for of_one in torch.cat(logs).split(lengths)])

    def _answers(self, numbers: Sequence[int], name: str) -> Tensor:
        return torch.tensor([self._prompts[number].answers[name] for number in numbers])

    def _logits(self, normed: Tensor, tokens: Tensor) -> Tensor:
        return self._capped(self._anatomy.logits(normed, tokens))

    def _all_logits(self, normed: Tensor) -> Tensor:
        return self._capped(self._anatomy.all_logits(normed))

    def _capped(self, logits: Tensor) -> Tensor:
        cap = self._anatomy.parts.logit_cap
        return logits if cap is None else cap * torch.tanh(logits / cap)
