"""What every measure that runs the model has in common, and readers they share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from catalog.schema.controls import VaryPrompts
from catalog.schema.recipe import Recipe
from verify.anatomy import Anatomy
from verify.capture import CaptureFailed, FinalView, LayerView, Reader
from verify.measures.head_scores import HeadScores
from verify.prompts import Pairs, Prompt, PromptSet
from verify.statistics import Units

FloatArray = NDArray[np.float64]
_HALF_ROUNDING = 0.02


class RunningMeasure(ABC):
    """A measure of one recipe on one prompt set.

    Its readers ride along a forward pass over each variant (``readers()``); afterwards ``units()``
    turns what they took into scores and controls, [prompts, heads] with heads layer-major.
    """

    def __init__(self, recipe: Recipe, prompts: PromptSet, anatomy: Anatomy) -> None:
        self.recipe = recipe
        self.prompts = prompts
        self.anatomy = anatomy

    @property
    def heads(self) -> int:
        """Heads of the whole model."""
        return self.anatomy.layers * self.anatomy.heads

    @property
    def clusters(self) -> NDArray[np.int64]:
        """Cluster of each unit."""
        clusters = np.array([prompt.cluster for prompt in self.prompts.main], dtype=np.int64)
        return clusters.reshape(self.heads, -1)[0] if self._of_heads else clusters

    @property
    def _of_heads(self) -> bool:
        return self.prompts.main[0].head is not None

    @property
    def control_variant(self) -> str | None:
        """The variant that the control reads, if the control is one."""
        control = self.recipe.control
        return control.variant if isinstance(control, VaryPrompts) else None

    @property
    def control_clusters(self) -> NDArray[np.int64] | None:
        """Cluster of each prompt of the control, where these are no partners of those scored."""
        variant = self.control_variant
        if variant is None or variant not in self.prompts.unaligned:
            return None
        made = self.prompts.variants[variant]
        return np.array([prompt.cluster for prompt in made], dtype=np.int64)

    @property
    def main_variant(self) -> str:
        """The variant that the recipe scores."""
        return next(iter(self.prompts.variants))

    @abstractmethod
    def readers(self) -> Mapping[str, Sequence[Reader]]:
        """Readers by variant."""

    @classmethod
    def work_on(cls, recipe: Recipe, prompts: PromptSet, anatomy: Anatomy) -> float:  # noqa: ARG003
        """What :meth:`run` would take, in tokens that a forward pass reads."""
        return 0.0

    @property
    def work(self) -> float:
        """What :meth:`run` takes, in tokens that a forward pass reads."""
        return self.work_on(self.recipe, self.prompts, self.anatomy)

    def run(  # noqa: B027  (most measures have nothing to run)
        self,
        batch_size: int | None,
        limit_memory: int | None,
        advance: Callable[[float], None],
    ) -> None:
        """What must be run beside the passes that recipes share, once these are through.

        Args:
            batch_size: prompts a forward pass; None to find it.
            limit_memory: bytes that weights and activations may take together.
            advance: called with the share that is newly through.
        """

    @abstractmethod
    def units(self) -> Units:
        """Scores and controls, once all passes are through.

        Raises:
            CannotBuild: if what was run allows none, with the reason.
        """


@dataclass(frozen=True)
class _Entries:
    """The entries that a batch is asked for: prompt of the batch, query, key [n], weight [n, 1]."""

    index: NDArray[np.int64]
    query: NDArray[np.int64]
    key: NDArray[np.int64]
    weight: Tensor


class PairReader(Reader):
    """Sums of chosen attention entries by prompt and head; NaN where there are none.

    Args:
        anatomy: the model.
        pairs: for each prompt the entries.
        own: for each prompt the head that it was made for, if it was made for one.
    """

    def __init__(
        self,
        anatomy: Anatomy,
        pairs: Sequence[Pairs | None],
        own: Sequence[int | None] | None = None,
    ) -> None:
        self._pairs = pairs
        self._gathered: tuple[tuple[int, ...], _Entries | None] = ((), None)
        self.scores = HeadScores(anatomy, own or [None] * len(pairs))

    def read(self, view: LayerView) -> None:
        """Gather the entries of every prompt of the batch at once."""
        if self._gathered[0] != view.numbers:  # else another layer of the same batch
            self._gathered = view.numbers, self._gather(view.numbers)
        asked = self._gathered[1]
        if asked is None:
            return
        entries = view.entries(asked.index, asked.query, asked.key)
        # sums in double precision, on the CPU: not every device has it
        weighted = entries.cpu().double() * asked.weight
        sums = torch.zeros(len(view.prompts), weighted.shape[1], dtype=torch.float64)
        sums.index_add_(0, torch.from_numpy(asked.index), weighted)
        present = np.unique(asked.index)
        self.scores.put(np.array(view.numbers)[present], view.layer, sums.numpy()[present])

    def _gather(self, numbers: tuple[int, ...]) -> _Entries | None:
        chosen = [(index, self._pairs[number]) for index, number in enumerate(numbers)]
        known = [(index, one) for index, one in chosen if one is not None]
        if not known:
            return None
        return _Entries(
            np.repeat([index for index, _ in known], [len(one.query) for _, one in known]),
            np.concatenate([one.query for _, one in known]),
            np.concatenate([one.key for _, one in known]),
            torch.from_numpy(np.concatenate([one.weight for _, one in known]))[:, None],
        )

    def units(self) -> FloatArray:
        """[units, heads], layer-major.

        Attention rounded to half precision can add up to a little over 1; no more than that.

        Raises:
            CaptureFailed: if a share lies outside 0 to 1 by more than half precision explains.
        """
        made = self.scores.units()
        if np.nanmin(made) < -_HALF_ROUNDING or np.nanmax(made) > 1 + _HALF_ROUNDING:
            raise CaptureFailed("attention weights do not lie between 0 and 1")
        shares: FloatArray = np.clip(made, 0.0, 1.0)
        return shares


class AnswerReader(Reader):
    """Logits of the answers at ``end``: what the gate and the share of the effect need."""

    def __init__(self, anatomy: Anatomy, prompts: Sequence[Prompt]) -> None:
        self._anatomy = anatomy
        self.logits: dict[str, FloatArray] = {
            name: np.full(len(prompts), np.nan) for name in (prompts[0].answers if prompts else ())
        }
        self.scale = np.full(len(prompts), np.nan)
        """The number that the final norm divides by at ``end``."""

    def finish(self, view: FinalView) -> None:
        """Read the answers' logits from the normed residual stream."""
        ends = [prompt.queries["end"][0] for prompt in view.prompts]
        rows = torch.arange(len(ends), device=view.normed.device)
        at_end = view.normed[rows, torch.tensor(ends, device=rows.device)].float()
        scales = self._anatomy.final_scale(
            view.residual[rows, torch.tensor(ends, device=rows.device)]
        )
        here = list(view.numbers)
        self.scale[here] = scales.cpu().numpy()
        for name, logits in self.logits.items():
            tokens = torch.tensor([p.answers[name] for p in view.prompts], device=rows.device)
            logits[here] = self._anatomy.logits(at_end, tokens).cpu().numpy()
