"""How often the strongest key lies at one fixed distance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from catalog.schema.measures import OffsetConcentration
from catalog.schema.recipe import Recipe
from verify.anatomy import Anatomy
from verify.capture import LayerView, Reader
from verify.measures.running import FloatArray, RunningMeasure
from verify.prompts import Prompt, PromptSet
from verify.statistics import Options, Units


class OffsetConcentrationMeasure(RunningMeasure):
    """Share of queries of a prompt whose strongest key lies at the head's own distance back.

    Shape [prompts, heads], unit share of the queries that have a key at that distance. The
    distance is the one most frequent on the control variant; score and control are the shares on
    the two variants, paired by prompt. Shares at all other distances go along as options, so that
    a confirmation scores the same distance of a head on other prompts. There the control is free
    of the choice; on the prompts that the choice was made on it is, at most, a little high.
    Source: Voita et al. 2019, section 5.1.
    """

    def __init__(self, recipe: Recipe, prompts: PromptSet, anatomy: Anatomy) -> None:
        super().__init__(recipe, prompts, anatomy)
        measure = recipe.measure
        assert isinstance(measure, OffsetConcentration)
        assert self.control_variant is not None
        self._readers = {
            variant: _OffsetReader(anatomy, prompts.variants[variant], measure)
            for variant in (self.main_variant, self.control_variant)
        }

    def readers(self) -> Mapping[str, Sequence[Reader]]:
        return {variant: [reader] for variant, reader in self._readers.items()}

    def units(self) -> Units:
        assert self.control_variant is not None
        score, control = (
            self._readers[variant].shares.reshape(len(self.prompts.main), self.heads, -1)
            for variant in (self.main_variant, self.control_variant)
        )
        best = control.mean(axis=0).argmax(axis=-1)
        distances = tuple(range(1, score.shape[-1] + 1))
        return Units(
            score=score[..., 0],
            control=control[..., 0],
            paired=True,
            clusters=self.clusters,
            kind="mean",
            bounds=(0.0, 1.0),
            options=Options(score, control, distances, best),
        ).choosing(best)


class _OffsetReader(Reader):
    """Share of queries whose strongest key lies 1, 2, ... back: [prompts, layers, heads, n]."""

    def __init__(
        self, anatomy: Anatomy, prompts: Sequence[Prompt], measure: OffsetConcentration
    ) -> None:
        self._role = measure.query
        self._most = measure.max_offset
        self.shares: FloatArray = np.zeros(
            (len(prompts), anatomy.layers, anatomy.heads, measure.max_offset)
        )

    def read(self, view: LayerView) -> None:
        for index, prompt in enumerate(view.prompts):
            role = prompt.queries[self._role]
            queries = torch.tensor(role, device=view.device)
            strongest = [rows.argmax(-1) for _, rows in view.row_blocks(index, role)]
            back = queries[None] - torch.cat(strongest, dim=1)
            offsets = torch.arange(1, self._most + 1, device=view.device)
            # a query nearer to the start than the offset has no such key
            reaching = (queries[:, None] >= offsets).sum(0).clamp(min=1)
            # counted, so that equal shares are exactly equal when the best is chosen; a key that
            # lies an offset back is one that the query reaches
            count = (back[..., None] == offsets).sum(1)
            share = count.cpu().numpy() / reaching.cpu().numpy()
            self.shares[view.numbers[index], view.layer] = share
