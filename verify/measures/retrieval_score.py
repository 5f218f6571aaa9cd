"""Whether a head's strongest attention lies on the token that is being written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from catalog.schema.controls import VaryRole
from catalog.schema.measures import RetrievalScore
from catalog.schema.recipe import Recipe
from verify.anatomy import Anatomy
from verify.capture import LayerView, Reader
from verify.measures.head_scores import HeadScores
from verify.measures.running import RunningMeasure
from verify.prompts import CannotBuild, Prompt, PromptSet
from verify.statistics import Units


class RetrievalScoreMeasure(RunningMeasure):
    """Share of queries whose strongest key, over all positions, is the one that answers it.

    The i-th query is answered by the i-th position of the key role. Control: the share of queries
    whose strongest key is any other position of its key role. Shape [prompts, heads], unit share of
    written tokens; paired. Each token counts once, where the source adds a share at every step of
    its answer. Where every prompt writes one token, a score is a hit or none and counts as a share.
    Source: Wu et al. 2024, section 2, and the released ``retrieval_head_detection.py``.

    Raises:
        CannotBuild: if the key role has not as many positions as the query role.
    """

    def __init__(self, recipe: Recipe, prompts: PromptSet, anatomy: Anatomy) -> None:
        super().__init__(recipe, prompts, anatomy)
        measure, control = recipe.measure, recipe.control
        assert isinstance(measure, RetrievalScore)
        assert isinstance(control, VaryRole)
        wanted = []
        for prompt in prompts.main:
            right, asked = prompt.places[measure.key], prompt.queries[measure.query]
            if len(right) != len(asked):
                raise CannotBuild(f"{len(asked)} tokens are written, of {len(right)} to be copied")
            wanted.append((right, prompt.places[control.key or measure.key]))
        self._one_each = all(len(right) == 1 for right, _ in wanted)
        self._reader = _StrongestReader(anatomy, prompts.main, measure.query, wanted)

    def readers(self) -> Mapping[str, Sequence[Reader]]:
        return {self.main_variant: [self._reader]}

    def units(self) -> Units:
        return Units(
            score=self._reader.right.units(),
            control=self._reader.elsewhere.units(),
            paired=True,
            clusters=self.clusters,
            kind="share" if self._one_each else "mean",
            bounds=(0.0, 1.0),
        )


class _StrongestReader(Reader):
    """Shares of queries whose strongest key is the right one, or another of those told."""

    def __init__(
        self,
        anatomy: Anatomy,
        prompts: Sequence[Prompt],
        role: str,
        wanted: Sequence[tuple[tuple[int, ...], tuple[int, ...]]],
    ) -> None:
        self._role = role
        self._wanted = wanted
        own = [prompt.head for prompt in prompts]
        self.right = HeadScores(anatomy, own)
        self.elsewhere = HeadScores(anatomy, own)

    def read(self, view: LayerView) -> None:
        for index, (number, prompt) in enumerate(zip(view.numbers, view.prompts, strict=True)):
            strongest = view.rows(index, prompt.queries[self._role]).argmax(-1).cpu().numpy()
            right, others = self._wanted[number]
            hits = strongest == np.array(right)
            elsewhere = np.isin(strongest, others) & ~hits
            self.right.put([number], view.layer, hits.mean(-1)[None])
            self.elsewhere.put([number], view.layer, elsewhere.mean(-1)[None])
