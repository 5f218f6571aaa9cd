"""Attention to the context token that the model is about to predict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from catalog.schema.measures import AttentionToPredicted
from catalog.schema.recipe import Recipe
from verify.anatomy import Anatomy
from verify.capture import LayerView, Reader
from verify.measures.running import RunningMeasure
from verify.prompts import Prompt, PromptSet
from verify.statistics import Units

LEAST_CANDIDATES = 4
"""A query with fewer different context tokens to choose from is left out."""


class AttentionToPredictedMeasure(RunningMeasure):
    """Attention to the context token with the highest logit before the head's layer.

    For each query q of a prompt: the residual stream entering the layer goes through the final
    norm and the unembedding (the logit lens), read only at tokens of the context: positions 1..q-1
    whose token is neither the query's own nor that of the start. P are the positions of the token
    with the highest logit, L those of tokens in the lower half of the ranking. Score: attention
    summed over P. Control: |P| times the mean attention over L, which is what as many positions
    would get from a head that ignores predictions. Both are means over queries, shape
    [prompts, heads], unit share of attention; paired.
    Source: McDougall et al. 2023, section 3.2.
    """

    def __init__(self, recipe: Recipe, prompts: PromptSet, anatomy: Anatomy) -> None:
        super().__init__(recipe, prompts, anatomy)
        measure = recipe.measure
        assert isinstance(measure, AttentionToPredicted)
        self._reader = _PredictionReader(anatomy, prompts.main, measure.query)

    def readers(self) -> Mapping[str, Sequence[Reader]]:
        return {self.main_variant: [self._reader]}

    def units(self) -> Units:
        count = len(self._reader.score)
        return Units(
            score=self._reader.score.reshape(count, -1),
            control=self._reader.control.reshape(count, -1),
            paired=True,
            clusters=self.clusters,
            kind="mean",
            bounds=(0.0, 1.0),
        )


class _PredictionReader(Reader):
    def __init__(self, anatomy: Anatomy, prompts: Sequence[Prompt], role: str) -> None:
        self._anatomy = anatomy
        self._role = role
        shape = (len(prompts), anatomy.layers, anatomy.heads)
        self.score = np.full(shape, np.nan)
        self.control = np.full(shape, np.nan)

    def read(self, view: LayerView) -> None:
        for index, prompt in enumerate(view.prompts):
            if not prompt.queries[self._role]:
                continue
            ids = torch.tensor(prompt.ids, device=view.device)
            queries = torch.tensor(prompt.queries[self._role], device=ids.device)
            logits = self._anatomy.lens(view.residual[index, queries], ids)
            predicted, lower, usable = predicted_positions(logits, ids, queries)
            weights = view.rows(index, prompt.queries[self._role])[:, usable]
            if not len(weights[0]):
                continue
            predicted, lower = predicted[usable].float(), lower[usable].float()
            copies = predicted.sum(-1)
            score = (weights * predicted).sum(-1)
            control = copies * (weights * lower).sum(-1) / lower.sum(-1)
            here = view.numbers[index]
            self.score[here, view.layer] = score.mean(-1).clamp(max=1.0).cpu().numpy()
            # rounding of a mean times a count can pass 1 by a hair
            self.control[here, view.layer] = control.mean(-1).clamp(max=1.0).cpu().numpy()


def predicted_positions(
    logits: Tensor, ids: Tensor, queries: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Which context positions hold the most predicted token, and which the less predicted ones.

    Args:
        logits: [queries, tokens], the logit of each context token before the layer.
        ids: [tokens].
        queries: [queries], their positions.

    Returns:
        masks [queries, tokens] of P and L, and [queries] of the queries that have enough of both.
    """
    positions = torch.arange(len(ids), device=ids.device)
    before = (positions[None] < queries[:, None]) & (positions[None] > 0)
    candidates = before & (ids[None] != ids[queries][:, None]) & (ids[None] != ids[0])
    masked = logits.masked_fill(~candidates, float("-inf"))
    best = ids[masked.argmax(-1)]
    predicted = candidates & (ids[None] == best[:, None])
    median = masked.masked_fill(~candidates, float("nan")).nanmedian(-1, keepdim=True).values
    lower = candidates & ~predicted & (masked <= median)
    usable = (candidates.sum(-1) >= LEAST_CANDIDATES) & lower.any(-1) & predicted.any(-1)
    return predicted, lower, usable
