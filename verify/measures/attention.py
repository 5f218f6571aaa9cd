"""Attention from one role to another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from catalog.schema.controls import VaryPrompts, VaryRole
from catalog.schema.measures import Attention
from catalog.schema.recipe import Recipe
from verify.anatomy import Anatomy
from verify.capture import Reader
from verify.measures.running import PairReader, RunningMeasure
from verify.prompts import CannotBuild, Pairs, Prompt, PromptSet, evenly, offsets_of, pairs
from verify.statistics import Units


class AttentionMeasure(RunningMeasure):
    """Score of a prompt: mean over query positions of the attention summed over key positions.

    Shape [prompts, heads], unit share of attention. Control: another role (or another variant) of
    the same prompts, so head and control are paired, but for a variant of other prompts.

    Raises:
        CannotBuild: if no prompt has a position of each role (a tokenizer without full stops leaves
            no sentences).
    """

    def __init__(self, recipe: Recipe, prompts: PromptSet, anatomy: Anatomy) -> None:
        super().__init__(recipe, prompts, anatomy)
        measure, control = recipe.measure, recipe.control
        assert isinstance(measure, Attention)
        own = [prompt.head for prompt in prompts.main]
        scored = [pairs(prompt, measure.query, measure.key) for prompt in prompts.main]
        self._score = PairReader(anatomy, _some(scored, measure.query, measure.key), own)
        if isinstance(control, VaryPrompts):
            varied = prompts.variants[control.variant]
            compared = [pairs(prompt, measure.query, measure.key) for prompt in varied]
            own = [prompt.head for prompt in varied]
        else:
            assert isinstance(control, VaryRole)
            compared = [_control_pairs(prompt, measure, control) for prompt in prompts.main]
        _some(compared, measure.query, getattr(control, "key", None) or measure.key)
        self._control = PairReader(anatomy, compared, own)

    def readers(self) -> Mapping[str, Sequence[Reader]]:
        if self.control_variant is None:
            return {self.main_variant: [self._score, self._control]}
        return {self.main_variant: [self._score], self.control_variant: [self._control]}

    def units(self) -> Units:
        return Units(
            score=self._score.units(),
            control=self._control.units(),
            paired=self.control_clusters is None,
            clusters=self.clusters,
            control_clusters=self.control_clusters,
            kind="mean",
            bounds=(0.0, 1.0),
        )


def _some(found: Sequence[Pairs | None], query: str, key: str) -> Sequence[Pairs | None]:
    """The entries of each prompt, if any prompt has some.

    Raises:
        CannotBuild: if none has.
    """
    if all(one is None for one in found):
        raise CannotBuild(f"no prompt has '{query}' and before it '{key}' with this tokenizer")
    return found


def _control_pairs(prompt: Prompt, measure: Attention, control: VaryRole) -> Pairs | None:
    if control.key == "evenly":
        return evenly(prompt, control.query or measure.query, measure.key)
    offsets = offsets_of(prompt, measure.query, measure.key)
    return pairs(prompt, control.query or measure.query, control.key or measure.key, offsets)
