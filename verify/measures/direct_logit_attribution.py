"""What a head writes straight to the logits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from catalog.schema.controls import VaryPrompts, VaryRole
from catalog.schema.measures import DirectLogitAttribution
from catalog.schema.recipe import Recipe
from verify.anatomy import Anatomy
from verify.capture import LayerView, Reader
from verify.measures.head_scores import HeadScores
from verify.measures.running import AnswerReader, FloatArray, RunningMeasure
from verify.prompts import CannotBuild, Prompt, PromptSet, key_positions
from verify.statistics import Units


class DirectLogitAttributionMeasure(RunningMeasure):
    """DLA_h = (z_h W_O^h) through the frozen final norm, dotted with W_U[correct] - W_U[foil].

    z_h is the head's output at the query position, the norm's scale is that of the whole residual
    stream there. Shape [prompts, heads], unit logits, or with ``scale: share`` divided by the mean
    logit difference over all prompts of the scored variant. That mean is an estimate, too, and the
    difference of each prompt goes along, so that intervals are those of a ratio; with prompts of
    heads, where the mean is one over the prompts of all heads, it counts as a constant.
    ``direction: negative`` turns the sign. Source: Wang et al. 2022, section 3.1.

    With ``through`` z_h is only what comes from keys of that role, the sum over them of
    A_h[query, key] norm_l(x_key) W_V^h, x being the stream that enters the layer. Biases of norm
    and values, which are moved whatever is attended to, are left out as in the OV circuit; without
    them, parts through roles that share no key add up. The control is then another key role of the
    same prompts, or a variant. Source: Chughtai et al. 2024.

    Raises:
        CannotBuild: if effects through a role are asked of a model whose values are clipped.
    """

    def __init__(self, recipe: Recipe, prompts: PromptSet, anatomy: Anatomy) -> None:
        super().__init__(recipe, prompts, anatomy)
        measure, control = recipe.measure, recipe.control
        assert isinstance(measure, DirectLogitAttribution)
        clip = anatomy.parts.clipped
        if measure.through is not None and clip is not None:
            raise CannotBuild(
                f"values of {anatomy.architecture} are cut at {clip:g}, so that they do not follow"
                " from the stream by a matrix: effects have no parts by source"
            )
        self._measure = measure
        self._score = _DirectReader(anatomy, prompts.main, measure)
        if isinstance(control, VaryPrompts):
            self._control = _DirectReader(anatomy, prompts.variants[control.variant], measure)
        else:
            assert isinstance(control, VaryRole)
            elsewhere = measure.model_copy(update={"through": control.key})
            self._control = _DirectReader(anatomy, prompts.main, elsewhere)

    def readers(self) -> Mapping[str, Sequence[Reader]]:
        if self.control_variant is None:
            both = (self._score, self._control)
            return {self.main_variant: [r for reader in both for r in (reader, reader.answers)]}
        return {
            self.main_variant: [self._score, self._score.answers],
            self.control_variant: [self._control, self._control.answers],
        }

    def units(self) -> Units:
        divide = 1.0
        divided_by = None
        if self._measure.scale == "share":
            answers = self._score.answers.logits
            difference = answers[self._measure.correct]
            if self._measure.foil:
                difference = difference - answers[self._measure.foil]
            divide = float(difference.mean())
            divided_by = None if self._of_heads else difference
        if self._measure.direction == "negative":
            divide = -divide
        return Units(
            score=self._score.attributions() / divide,
            control=self._control.attributions() / divide,
            paired=self.control_clusters is None,
            clusters=self.clusters,
            control_clusters=self.control_clusters,
            kind="mean",
            divided_by=divided_by,
        )


class _DirectReader(Reader):
    def __init__(
        self, anatomy: Anatomy, prompts: Sequence[Prompt], measure: DirectLogitAttribution
    ) -> None:
        self._anatomy = anatomy
        self._measure = measure
        self._raw = HeadScores(anatomy, [prompt.head for prompt in prompts])
        self.answers = AnswerReader(anatomy, prompts)

    def read(self, view: LayerView) -> None:
        unembedding = self._anatomy.unembedding.weight
        ends = [prompt.queries[self._measure.at][0] for prompt in view.prompts]
        rows = torch.arange(len(ends), device=view.device)
        z = view.z[rows, torch.tensor(ends, device=rows.device)].float()
        part = None if self._measure.through is None else self._moved(view, ends)
        correct = [prompt.answers[self._measure.correct] for prompt in view.prompts]
        direction = unembedding[torch.tensor(correct)].float()
        if self._measure.foil:
            foil = [prompt.answers[self._measure.foil] for prompt in view.prompts]
            direction = direction - unembedding[torch.tensor(foil)].float()
        values = self._anatomy.head_logits(view.layer, z, direction, part)
        self._raw.put(view.numbers, view.layer, values.cpu().double().numpy())

    def _moved(self, view: LayerView, ends: Sequence[int]) -> torch.Tensor:
        """What each head moves to the query from keys of the role: [batch, heads, head width].

        Where a prompt has no such key, nothing is moved: its effect is 0, not left out.
        """
        role, anatomy = self._measure.through, self._anatomy
        assert role is not None
        batch: list[int] = []
        keys: list[int] = []
        for index, (prompt, end) in enumerate(zip(view.prompts, ends, strict=True)):
            found, _ = key_positions(prompt, role, end)
            batch += [index] * len(found)
            keys += found
        attention = view.entries(batch, [ends[index] for index in batch], keys)
        rows = torch.tensor(batch, dtype=torch.long, device=view.device)
        source = view.residual[rows, torch.tensor(keys, dtype=torch.long, device=view.device)]
        norm = anatomy.attention_norm(view.layer)
        read = (norm(source) - norm(torch.zeros_like(source[:1]))).float()
        values = torch.einsum(
            "nd,hdf->nhf", read, anatomy.value_weight(view.layer).float().to(read.device)
        )
        moved = torch.zeros(len(ends), *values.shape[1:], device=view.device)
        return moved.index_add_(0, rows, attention[:, :, None] * values)

    def attributions(self) -> FloatArray:
        """[units, heads] in logits."""
        return self._raw.units(divide=self.answers.scale)
