"""Examples: where the best head of a type looks, in one prompt of its own recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from catalog.loading import Catalog
from catalog.responses import TypeResult
from catalog.schema.answered import Answered
from catalog.schema.base import Strength, layer_and_head
from catalog.schema.evidence import Evidence
from catalog.schema.example import MAX_TOKENS, Example, Looking
from catalog.schema.head_type import HeadType
from catalog.schema.prompts import Tokens
from catalog.schema.recipe import Recipe
from verify.builders import build
from verify.capture import LayerView, Reader, run_pass
from verify.evidence_files import is_fresh
from verify.loading import LoadedModel
from verify.prompts import Prompt, key_positions
from verify.recording import Settings
from verify.sorting import sorted_by_answers
from verify.words import Words

ENOUGH_TOKENS = 48
"""Longer prompts are cut here if what the recipe scores is seen before that."""
_ENOUGH_QUERIES = 4
_DIGITS = 3


@dataclass
class _HeadReader(Reader):
    """Every attention row of one head in the only prompt of a pass: [tokens, tokens]."""

    layer: int
    head: int
    pattern: Tensor | None = None

    def read(self, view: LayerView) -> None:
        """Keep the pattern of the head."""
        if view.layer == self.layer:
            self.pattern = view.all_rows(0)[self.head].cpu()


def recipe_of(entry: HeadType) -> Recipe | None:
    """The recipe whose prompts show the type: of those it joins, one about attention first.

    None if all of them read weights only, or none can be run: there is no prompt to show.
    """
    joined = entry.identify.recipes if entry.identify else ()
    running = [
        recipe
        for recipe in map(entry.recipe, joined)
        if recipe.status == "runnable" and not isinstance(recipe.prompts, Tokens)
    ]
    running.sort(key=lambda recipe: recipe.measure.strength != Strength.PATTERN)
    return running[0] if running else None


def holds(
    example: Example, entry: HeadType, result: TypeResult, records: Mapping[str, Evidence]
) -> bool:
    """Whether an example is still that of the evidence it lies beside."""
    recipe = recipe_of(entry)
    source = records.get(recipe.id) if recipe else None
    return (
        source is not None
        and example.recipe == source.recipe
        and result.found[:1] == (example.head,)
        and is_fresh(example, source.model, source.run)
    )


def make_example(
    entry: HeadType,
    result: TypeResult,
    records: Mapping[str, Evidence],
    loaded: LoadedModel,
    catalog: Catalog,
    settings: Settings,
) -> Example | None:
    """The example of a head type that was found.

    Args:
        entry: the head type.
        result: its verdict; the first of the found heads is shown, in the prompt with the fewest
            unknown tokens, of those the shortest.
        records: the evidence it rests on, by recipe.
        loaded: the model.
        catalog: for word lists and texts.
        settings: the seed of the run.

    Returns:
        None if the type was not found, none of its recipes runs the model, or no prompt is short
        enough (``MAX_TOKENS``).
    """
    recipe = recipe_of(entry)
    if not result.found or recipe is None or recipe.id not in records:
        return None
    words = Words(
        loaded.tokenizer, catalog.vocabularies, catalog.texts, loaded.anatomy.embedding_rows
    )
    seed = recipe.prompts.seed + settings.seed
    made = build(recipe.prompts.model_copy(update={"seed": seed}), words, loaded.anatomy)
    if isinstance(recipe.prompts, Answered) and recipe.prompts.is_sorted:
        made = sorted_by_answers(made, recipe.prompts, seed, loaded, settings)
    prompts = made.main
    unknown = loaded.tokenizer.unk_token_id
    layer, head = layer_and_head(result.found[0])
    own = (None, layer * loaded.anatomy.heads + head)
    number, prompt = min(
        ((number, prompt) for number, prompt in enumerate(prompts) if prompt.head in own),
        key=lambda item: (item[1].ids.count(unknown), len(item[1].ids), item[0]),
    )
    shown = _cut(prompt, recipe)
    if len(shown.ids) > MAX_TOKENS:
        return None
    reader = _HeadReader(layer, head)
    run_pass(loaded.anatomy, [shown], [reader], batch_size=1)
    assert reader.pattern is not None
    rows = np.clip(np.round(reader.pattern.double().numpy(), _DIGITS), 0.0, 1.0)
    return Example(
        head_type=entry.id,
        recipe=recipe.id,
        model=records[recipe.id].model,
        run=records[recipe.id].run,
        head=result.found[0],
        prompt=number,
        cut=len(shown.ids) < len(prompt.ids),
        tokens=_texts(shown, loaded),
        looking=_looking(shown, recipe),
        attention=tuple(
            tuple(round(float(value), _DIGITS) for value in row[: i + 1])
            for i, row in enumerate(rows)
        ),
    )


def _cut(prompt: Prompt, recipe: Recipe) -> Prompt:
    """The prompt up to ``ENOUGH_TOKENS`` if enough of what is scored lies before that."""
    early = [q for role in recipe.measure.query_roles for q in prompt.queries[role]]
    enough = sum(query < ENOUGH_TOKENS for query in early) >= _ENOUGH_QUERIES
    if len(prompt.ids) <= ENOUGH_TOKENS or not enough:
        return prompt
    return Prompt(
        ids=prompt.ids[:ENOUGH_TOKENS],
        queries={
            role: tuple(q for q in at if q < ENOUGH_TOKENS) for role, at in prompt.queries.items()
        },
        places=prompt.places,
        relations=prompt.relations,
        cluster=prompt.cluster,
    )


def _looking(prompt: Prompt, recipe: Recipe) -> tuple[Looking, ...]:
    """Query and key positions of the recipe's own roles; none if the measure finds its keys."""
    queries = [q for role in recipe.measure.query_roles for q in prompt.queries[role]]
    made = []
    for query in sorted(set(queries)):
        roles = recipe.measure.key_roles
        keys = [key for role in roles for key in key_positions(prompt, role, query)[0]]
        if keys:
            made.append(Looking(query=query, keys=tuple(sorted(set(keys)))))
    return tuple(made)


def _texts(prompt: Prompt, loaded: LoadedModel) -> tuple[str, ...]:
    """Each token as text. Bytes that are no whole character come out as U+FFFD."""
    decode = loaded.tokenizer.decode
    return tuple(str(decode([token], skip_special_tokens=False)) for token in prompt.ids)
