"""Checks of recipes against the other entries: word lists, texts, other types' heads, code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from catalog.entry_files import Contents, EntryFile
from catalog.problems import Path, Problem
from catalog.references import all_names, cycles, unknown
from catalog.schema import HeadType, Recipe
from catalog.schema.measures import OVMapping
from catalog.schema.prompts import (
    Builder,
    Conflict,
    FewShot,
    IndirectObject,
    LabelledTemplates,
    RepeatedRandomTokens,
    Series,
    Tokens,
)

_WORDS = frozenset({"words", "series"})
_SERIES = frozenset({"series"})
_PAIRS = frozenset({"pairs"})
_TEMPLATES = frozenset({"templates"})
_ANY = _WORDS | _PAIRS | _TEMPLATES

LIST_KINDS: dict[type[Builder], dict[str, frozenset[str]]] = {
    RepeatedRandomTokens: {"pool": _WORDS},
    IndirectObject: {
        "names": _WORDS,
        "places": _WORDS,
        "objects": _WORDS,
        "templates": _TEMPLATES,
    },
    Series: {"series": _SERIES},
    FewShot: {"pairs": _PAIRS},
    Conflict: {"pairs": _PAIRS, "templates": _TEMPLATES},
    LabelledTemplates: {"templates": _TEMPLATES, "fill": _WORDS | _PAIRS},
}
"""Which kinds of word list each field of a builder takes."""

INDIRECT_OBJECT_SLOTS = frozenset({"A", "B", "S", "place", "object"})
_NEEDED_SLOTS = frozenset({"A", "B", "S"})

SLOT = re.compile(r"\{([A-Za-z][A-Za-z0-9_]*)\}")


def check_recipe(
    contents: Contents, file: EntryFile[HeadType], path: Path, recipe: Recipe, types: set[str]
) -> Iterator[Problem]:
    """What one recipe names and cannot have; ``types`` are the ids of all head types."""
    missing = recipe.kinds_without_code()
    if recipe.status == "runnable" and missing:
        parts = " and ".join(missing)
        verb = "has" if len(missing) == 1 else "have"
        yield file.problem(
            (*path, "status"),
            f"not runnable yet: {parts} {verb} no code; write `status: described`"
            " and name what is missing under `missing`",
        )
    for name in recipe.measure.found_by():
        if name not in types:
            where = _where(file, (*path, "measure"), "found-by", name)
            yield unknown(file, where, name, "head type", "head-types", types)
    yield from _word_lists(contents, file, (*path, "prompts"), recipe)
    texts = all_names(contents.texts)
    for name in recipe.prompts.text_sets():
        if name not in texts:
            yield unknown(file, (*path, "prompts", "text"), name, "text set", "text", texts)


def _word_lists(
    contents: Contents, file: EntryFile[HeadType], path: Path, recipe: Recipe
) -> Iterator[Problem]:
    for where, name, kinds in _lists_of(recipe, path):
        list_file = contents.vocabularies.get(name)
        if list_file is None:
            known = all_names(contents.vocabularies)
            if name not in known:
                yield unknown(file, where, name, "word list", "vocabulary", known)
            continue
        vocabulary = list_file.value
        if vocabulary is None:
            continue
        if vocabulary.kind not in kinds:
            wanted = " or ".join(sorted(kinds))
            yield file.problem(
                where, f"'{name}' is a list of kind {vocabulary.kind}; this needs {wanted}"
            )
        elif isinstance(recipe.prompts, IndirectObject) and vocabulary.kind == "templates":
            for template in vocabulary.templates or ():
                slots = set(SLOT.findall(template.text))
                wrong = sorted(slots - INDIRECT_OBJECT_SLOTS)
                lacking = sorted(_NEEDED_SLOTS - slots)
                if wrong or lacking:
                    fault = f"has unknown slots {wrong}" if wrong else f"lacks the slots {lacking}"
                    yield file.problem(
                        where,
                        f"template '{template.id}' of '{name}' {fault}; builder"
                        f" 'indirect-object' knows {', '.join(sorted(INDIRECT_OBJECT_SLOTS))}",
                    )


def _lists_of(recipe: Recipe, path: Path) -> Iterator[tuple[Path, str, frozenset[str]]]:
    """Place, id and allowed kinds of each word list that the prompts are made from."""
    prompts = recipe.prompts
    if isinstance(prompts, Tokens):
        kinds = _SERIES if isinstance(recipe.measure, OVMapping) else _WORDS
        for i, name in enumerate(prompts.tokens.vocabulary or ()):
            yield (*path, "tokens", "vocabulary", i), name, kinds
        return
    told: set[str] = set()
    for field, kinds in LIST_KINDS.get(type(prompts), {}).items():
        value = getattr(prompts, field)
        if isinstance(value, str):
            told.add(value)
            yield (*path, field), value, kinds
        elif value is not None:
            told.update(value)
            for i, name in enumerate(value):
                yield (*path, field, i), name, kinds
    for name in prompts.vocabularies():
        if name not in told:  # a builder that LIST_KINDS does not know yet
            yield path, name, _ANY


def _where(file: EntryFile[Any], base: Path, field: str, value: str) -> Path:
    """The place below ``base`` where a field of this name has this value."""
    data: Any = file.data
    for step in base:
        data = data[step]
    waiting: list[tuple[Path, Any]] = [(base, data)]
    while waiting:
        path, data = waiting.pop()
        if isinstance(data, dict):
            if data.get(field) == value:
                return (*path, field)
            waiting += [((*path, name), inner) for name, inner in data.items()]
    return base


def check_graph(contents: Contents) -> Iterator[Problem]:
    """Recipes that need the heads of other types must not need their own in the end."""
    needs: dict[str, dict[str, Path]] = {}
    for name, file in contents.head_types.items():
        needs[name] = {}
        for i, recipe in enumerate(file.value.recipes if file.value else ()):
            for other in recipe.measure.found_by():
                path = _where(file, ("recipes", i, "measure"), "found-by", other)
                needs[name].setdefault(other, path)
    for cycle in cycles({name: sorted(others) for name, others in needs.items()}):
        first = cycle[0]
        path = needs[first][cycle[1] if len(cycle) > 1 else first]
        shown = " -> ".join([*cycle, first])
        yield contents.head_types[first].problem(
            path, f"recipes that use each other's heads go in a circle: {shown}"
        )
