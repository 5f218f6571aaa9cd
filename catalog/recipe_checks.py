"""Checks of recipes against the other entries: word lists, texts, other types' heads, code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, TypeGuard, get_args

from pydantic import TypeAdapter

from catalog.contents import Contents, EntryFile
from catalog.problems import Path, Problem
from catalog.references import all_names, cycles, unknown
from catalog.schema import HeadType, Recipe
from catalog.schema.controls import AnyControl, Control
from catalog.schema.measures import AnyMeasure, Measure
from catalog.schema.prompts import (
    BUILDERS,
    Builder,
    Conflict,
    FewShot,
    IndirectObject,
    LabelledTemplates,
    Prompts,
    RepeatedPassage,
    RepeatedRandomTokens,
    Series,
    SplitWords,
    Templates,
    Tokens,
)
from catalog.schema.recipe import MISSING_NOT_NAMED, Criterion, misfits
from catalog.schema.templates import PAIR_SIDES
from catalog.written import SLUG, defaults, fields_named, is_a, items, part, texts, value_at

_WORDS = frozenset({"words", "series"})
_SERIES = frozenset({"series"})
_PAIRS = frozenset({"pairs"})
_TEMPLATES = frozenset({"templates"})

_BUILDERS: dict[str, type[Builder]] = {
    get_args(builder.model_fields["builder"].annotation)[0]: builder
    for builder in BUILDERS
    if builder is not Tokens
}

LIST_KINDS: dict[type[Builder], dict[str, frozenset[str]]] = {
    RepeatedRandomTokens: {"pool": _WORDS},
    IndirectObject: {
        "names": _WORDS,
        "places": _WORDS,
        "objects": _WORDS,
        "templates": _TEMPLATES,
    },
    Series: {"series": _SERIES},
    RepeatedPassage: {"words": _WORDS, "fillers": _WORDS},
    SplitWords: {"words": _WORDS, "fillers": _WORDS},
    FewShot: {"pairs": _PAIRS},
    Conflict: {"pairs": _PAIRS, "templates": _TEMPLATES},
    LabelledTemplates: {"templates": _TEMPLATES, "fill": _WORDS | _PAIRS},
    Templates: {"templates": _TEMPLATES, "candidates": _WORDS},
}
"""Which kinds of word list each field of a builder takes."""

_BY_MEASURE: dict[Any, frozenset[str]] = {"ov-mapping": _SERIES, "ov-relation": _PAIRS}
"""Which kinds of word list a measure takes that reads weights only, if not any words."""

INDIRECT_OBJECT_SLOTS = frozenset({"A", "B", "S", "place", "object"})
_NEEDED_SLOTS = frozenset({"A", "B", "S"})

SLOT = re.compile(r"\{([A-Za-z][A-Za-z0-9_]*)(?:\|[^{}]*)?\}")
"""A slot of a template: ``{name}``, or ``{name|some words}`` for literal words with a name."""
_FILLED = re.compile(r"\{([A-Za-z][A-Za-z0-9_]*)\}")


_PROMPTS: TypeAdapter[Builder] = TypeAdapter(Prompts)
_MEASURE: TypeAdapter[Measure] = TypeAdapter(AnyMeasure)
_CONTROL: TypeAdapter[Control] = TypeAdapter(AnyControl)
_CRITERION: TypeAdapter[Criterion] = TypeAdapter(Criterion)


def check_recipe(
    contents: Contents,
    file: EntryFile[HeadType],
    path: Path,
    recipe: dict[str, Any],
    types: set[str],
) -> Iterator[Problem]:
    """What is wrong with one recipe, as written, beyond its single fields.

    ``types`` are the ids of all head types. Each check needs only the parts that it is about to be
    valid. What validation of the whole recipe has told already is told in the same words, and a
    problem counts once.
    """
    prompts = part(_PROMPTS, recipe.get("prompts"))
    measure = part(_MEASURE, recipe.get("measure"))
    control = part(_CONTROL, recipe.get("control"))
    criterion = part(_CRITERION, recipe.get("criterion"))
    if prompts is not None and measure is not None:
        control_given = recipe.get("control") is not None
        for misfit in misfits(prompts, measure, control, criterion, control_given=control_given):
            yield file.problem(path, misfit)
        if control is not None or not control_given:
            yield from _without_code(file, path, recipe, prompts, measure, control)
    if recipe.get("status") == "described" and recipe.get("missing") is None:
        yield file.problem(path, MISSING_NOT_NAMED)
    if measure is not None:
        yield from _thresholds(file, path, recipe.get("criterion"), measure)
    for where, name in fields_named(recipe.get("measure"), "found-by", (*path, "measure")):
        if is_a(name, SLUG) and name not in types:
            yield unknown(file, where, name, "head type", "head-types", types)
    yield from _word_lists(contents, file, (*path, "prompts"), recipe)
    yield from _slots(contents, file, (*path, "prompts"), recipe)
    known = all_names(contents.texts)
    for field, name in _text_sets(recipe):
        if name not in known:
            yield unknown(file, (*path, "prompts", field), name, "text set", "text", known)


def _without_code(
    file: EntryFile[HeadType],
    path: Path,
    recipe: dict[str, Any],
    prompts: Builder,
    measure: Measure,
    control: Control | None,
) -> Iterator[Problem]:
    known: dict[str, Any] = {"prompts": prompts, "measure": measure, "control": control}
    parts = Recipe.model_construct(**known).kinds_without_code()
    if recipe.get("status", "runnable") == "runnable" and parts:
        verb = "has" if len(parts) == 1 else "have"
        yield file.problem(
            (*path, "status"),
            f"not runnable yet: {' and '.join(parts)} {verb} no code; write `status: described`"
            " and name what is missing under `missing`",
        )


def _thresholds(
    file: EntryFile[HeadType], path: Path, criterion: Any, measure: Measure
) -> Iterator[Problem]:
    """Thresholds that every head meets, or none: they lie outside what the measure can give."""
    if measure.range is None or not isinstance(criterion, dict):
        return
    low, high = measure.range
    width = high - low
    name = getattr(measure, "kind", "")
    ranges = {
        "min_score": (low, high, f"'{name}' lies between {low:g} and {high:g}"),
        "min_margin": (-width, width, f"margins of '{name}' lie between {-width:g} and {width:g}"),
    }
    for field, (least, most, why) in ranges.items():
        value = criterion.get(field)
        if _is_number(value) and not least <= value <= most:
            fate = "can never be met" if value > most else "is always met"
            yield file.problem((*path, "criterion", field), f"{field} {value:g} {fate}: {why}")
    change = criterion.get("max_change")
    if _is_number(change) and change > width:
        yield file.problem(
            (*path, "criterion", "max_change"),
            f"max_change {change:g} is always met: scores of '{name}' differ by {width:g} at most",
        )


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _builder(recipe: dict[str, Any]) -> type[Builder] | None:
    """The builder that is named, whether or not its fields are valid."""
    name = value_at(recipe, ("prompts", "builder"))
    return _BUILDERS.get(name) if isinstance(name, str) else None


def _text_sets(recipe: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Field and id of each text set that the prompts are made from."""
    builder = _builder(recipe)
    for field in ("text", "other"):
        if builder is not None and field in builder.model_fields:
            name = recipe["prompts"].get(field, defaults(builder).get(field))
            if is_a(name, SLUG):
                yield field, name


def _word_lists(
    contents: Contents, file: EntryFile[HeadType], path: Path, recipe: dict[str, Any]
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
        elif _builder(recipe) is IndirectObject and vocabulary.kind == "templates":
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


def _slots(
    contents: Contents, file: EntryFile[HeadType], path: Path, recipe: dict[str, Any]
) -> Iterator[Problem]:
    """Builder ``templates``: slots and lists must be there, and each list of the kind it needs."""
    prompts = part(_PROMPTS, recipe.get("prompts"))
    if not isinstance(prompts, Templates):
        return
    listed = contents.vocabularies.get(prompts.templates)
    written = (listed.value.templates if listed and listed.value else None) or ()
    slots = {slot for template in written for slot in SLOT.findall(template.text)}
    for template in written:
        if lacking := sorted(set(_FILLED.findall(template.text)) - set(prompts.fill)):
            yield file.problem(
                (*path, "fill"),
                f"template '{template.id}' of '{prompts.templates}' has slots without a fill:"
                f" {', '.join(lacking)}",
            )
    for role, named in prompts.roles.items() if written else ():
        if wrong := sorted({name.partition(".")[0] for name in named} - slots):
            yield file.problem(
                (*path, "roles", role),
                f"no template of '{prompts.templates}' has a slot {', '.join(wrong)}"
                f" (there are: {', '.join(sorted(slots))})",
            )
    known = all_names(contents.vocabularies)
    for field, fills in (("fill", prompts.fills()), ("corrupt", prompts.corrupted_fills())):
        for slot in getattr(prompts, field):
            how = fills[slot]
            where = (*path, field, slot)
            there = contents.vocabularies.get(how.words)
            if there is None:
                if how.words not in known:
                    yield unknown(file, where, how.words, "word list", "vocabulary", known)
                continue
            kinds = _PAIRS if how.side in PAIR_SIDES else _WORDS
            if there.value is not None and there.value.kind not in kinds:
                wanted = " or ".join(sorted(kinds))
                yield file.problem(
                    where,
                    f"'{how.words}' is a list of kind {there.value.kind}; this needs {wanted}"
                    " (pairs need a side, first or second)",
                )
            elif slot in prompts.ascending and there.value and there.value.kind != "series":
                yield file.problem(where, f"'ascending' needs a series, and '{how.words}' is none")


def _lists_of(recipe: dict[str, Any], path: Path) -> Iterator[tuple[Path, str, frozenset[str]]]:
    """Place, id and allowed kinds of each word list that the prompts are made from."""
    prompts = recipe.get("prompts")
    if not isinstance(prompts, dict):
        return
    builder = _builder(recipe)
    fields: list[tuple[Path, Any, frozenset[str]]] = []
    if builder is not None:
        for field, kinds in LIST_KINDS.get(builder, {}).items():
            value = prompts.get(field, defaults(builder).get(field))
            fields.append(((field,), value, kinds))
    elif "builder" not in prompts:
        kinds = _BY_MEASURE.get(value_at(recipe, ("measure", "kind")), _WORDS)
        if value_at(recipe, ("measure", "relation")) == "initial":
            kinds = _WORDS
        for field, allowed in (("vocabulary", kinds), ("initials", _WORDS)):
            fields.append((("tokens", field), value_at(prompts, ("tokens", field)), allowed))
    for below, value, kinds in fields:
        for deeper, name in texts(value):
            if is_a(name, SLUG):
                yield (*path, *below, *deeper), name, kinds


def check_graph(contents: Contents) -> Iterator[Problem]:
    """Recipes that need the heads of other types must not need their own in the end."""
    needs: dict[str, dict[str, Path]] = {}
    for name, file in contents.head_types.items():
        needs[name] = {}
        for i, recipe in items(file.data, "recipes"):
            below: Path = ("recipes", i, "measure")
            for path, other in fields_named(recipe.get("measure"), "found-by", below):
                if isinstance(other, str):
                    needs[name].setdefault(other, path)
    for cycle in cycles({name: sorted(others) for name, others in needs.items()}):
        first = cycle[0]
        path = needs[first][cycle[1] if len(cycle) > 1 else first]
        shown = " -> ".join([*cycle, first])
        yield contents.head_types[first].problem(
            path, f"recipes that use each other's heads go in a circle: {shown}"
        )
