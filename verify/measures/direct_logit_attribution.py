"""What a head writes straight to the logits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from catalog.schema.controls import VaryPrompts
from catalog.schema.measures import DirectLogitAttribution
from catalog.schema.recipe import Recipe
from verify.anatomy import Anatomy
from verify.capture import LayerView, Reader
from verify.measures.running import AnswerReader, FloatArray, RunningMeasure
from verify.prompts import Prompt, PromptSet
from verify.statistics import Units


class DirectLogitAttributionMeasure(RunningMeasure):
    """DLA_h = (z_h W_O^h) through the frozen final norm, dotted with W_U[correct] - W_U[foil].

    z_h is the head's output at the query position, the norm's scale is that of the whole residual
    stream there. Shape [prompts, heads], unit logits, or with ``scale: share`` divided by the mean
    logit difference over all prompts of the scored variant (a constant, so units stay prompts).
    ``direction: negative`` turns the sign. Source: Wang et al. 2022, section 3.1.
    """

    def __init__(self, recipe: Recipe, prompts: PromptSet, anatomy: Anatomy) -> None:
        super().__init__(recipe, prompts, anatomy)
        measure, control = recipe.measure, recipe.control
        assert isinstance(measure, DirectLogitAttribution)
        assert isinstance(control, VaryPrompts)
        self._measure = measure
        self._score = _DirectReader(anatomy, prompts.main, measure)
        self._control = _DirectReader(anatomy, prompts.variants[control.variant], measure)

    def readers(self) -> Mapping[str, Sequence[Reader]]:
        assert self.control_variant is not None
        return {
            self.main_variant: [self._score, self._score.answers],
            self.control_variant: [self._control, self._control.answers],
        }

    def units(self) -> Units:
        divide = 1.0
        if self._measure.scale == "share":
            answers = self._score.answers.logits
            difference = answers[self._measure.correct]
            if self._measure.foil:
                difference = difference - answers[self._measure.foil]
            divide = float(difference.mean())
        if self._measure.direction == "negative":
            divide = -divide
        return Units(
            score=self._score.attributions() / divide,
            control=self._control.attributions() / divide,
            paired=True,
            clusters=self.clusters,
            kind="mean",
        )


class _DirectReader(Reader):
    def __init__(
        self, anatomy: Anatomy, prompts: Sequence[Prompt], measure: DirectLogitAttribution
    ) -> None:
        self._anatomy = anatomy
        self._measure = measure
        self._raw: FloatArray = np.full((len(prompts), anatomy.layers, anatomy.heads), np.nan)
        self.answers = AnswerReader(anatomy, prompts)

    def read(self, view: LayerView) -> None:
        unembedding = self._anatomy.unembedding.weight
        ends = [prompt.queries[self._measure.at][0] for prompt in view.prompts]
        rows = torch.arange(len(ends), device=view.device)
        z = view.z[rows, torch.tensor(ends, device=rows.device)].float()
        correct = [prompt.answers[self._measure.correct] for prompt in view.prompts]
        direction = unembedding[torch.tensor(correct)].float()
        if self._measure.foil:
            foil = [prompt.answers[self._measure.foil] for prompt in view.prompts]
            direction = direction - unembedding[torch.tensor(foil)].float()
        values = self._anatomy.head_logits(view.layer, z, direction)
        self._raw[list(view.numbers), view.layer] = values.cpu().numpy()

    def attributions(self) -> FloatArray:
        """[prompts, heads] in logits."""
        scaled: FloatArray = self._raw / self.answers.scale[:, None, None]
        return scaled.reshape(len(scaled), -1)
