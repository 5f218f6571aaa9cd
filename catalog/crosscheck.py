"""Checks of entries against each other: everything that is named exists, fits and is unique.

A file that is not valid by itself is still there to be named, so one mistake gives one problem
and not one more in every file that refers to it.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from catalog.entry_files import Contents, EntryFile
from catalog.explain import did_you_mean
from catalog.problems import Path, Problem
from catalog.schema import Claim, Evidence, HeadType, Model, Recipe
from catalog.schema.housekeeping import Redirect
from catalog.schema.measures import OVMapping
from catalog.schema.model import Hub
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

_SLOT = re.compile(r"\{([A-Za-z][A-Za-z0-9_]*)\}")


def check(contents: Contents) -> Iterator[Problem]:
    """All problems between files (those within one file are in ``contents.problems``)."""
    yield from _head_types(contents)
    yield from _recipe_graph(contents)
    yield from _papers(contents)
    yield from _model_names(contents)
    yield from _head_type_names(contents)
    yield from _templates(contents)
    yield from _redirects(contents)
    yield from _changes(contents)
    yield from _evidence(contents)


def _names(files: Mapping[str, EntryFile[Any]]) -> set[str]:
    return {name for file in files.values() for name in file.names()}


def _unknown(
    file: EntryFile[Any], path: Path, name: str, what: str, folder: str, known: Iterable[str]
) -> Problem:
    near = did_you_mean(name, known)
    more = f"did you mean '{near}'?" if near else f"there is no entries/{folder}/{name}.yaml"
    return file.problem(path, f"unknown {what} '{name}'; {more}")


# --- head types: what they name --------------------------------------------------------------


def _head_types(contents: Contents) -> Iterator[Problem]:
    papers, types = _names(contents.papers), _names(contents.head_types)
    for file in contents.head_types.values():
        entry = file.value
        if entry is None:
            continue
        cited: list[tuple[Path, str]] = [
            (("papers", i, "paper"), role.paper) for i, role in enumerate(entry.papers)
        ]
        cited += [(("claims", i, "paper"), claim.paper) for i, claim in enumerate(entry.claims)]
        cited += [
            (("caveats", i, "source"), caveat.source)
            for i, caveat in enumerate(entry.caveats)
            if caveat.source
        ]
        cited += [(("recipes", i, "source"), item.source) for i, item in enumerate(entry.recipes)]
        for path, key in cited:
            if key not in papers:
                yield _unknown(file, path, key, "paper", "papers", papers)
        for i, claim in enumerate(entry.claims):
            yield from _claim(contents, file, ("claims", i), claim)
        for i, related in enumerate(entry.related):
            path = ("related", i, "type")
            if related.type == entry.id:
                yield file.problem(path, "a head type is not related to itself")
            elif related.type not in types:
                yield _unknown(file, path, related.type, "head type", "head-types", types)
        for i, recipe in enumerate(entry.recipes):
            yield from _recipe(contents, file, ("recipes", i), recipe, types)


def _claim(
    contents: Contents, file: EntryFile[HeadType], path: Path, claim: Claim
) -> Iterator[Problem]:
    model_file = contents.models.get(claim.model)
    if model_file is None:
        known = _names(contents.models)
        if claim.model not in known:
            yield _unknown(file, (*path, "model"), claim.model, "model", "models", known)
        return
    model = model_file.value
    if model is None:
        return
    for i, head in enumerate(claim.heads or ()):
        if not model.has_head(head):
            yield file.problem((*path, "heads", i), _outside(head, model))
    total = model.layers * model.heads
    if claim.count is not None and claim.count > total:
        yield file.problem(
            (*path, "count"), f"{claim.count} heads are more than {model.id} has ({total})"
        )


def _outside(head: str, model: Model) -> str:
    return (
        f"{model.id} has no head '{head}': {model.layers} layers of {model.heads} heads,"
        f" '0.0' to '{model.layers - 1}.{model.heads - 1}'"
    )


# --- recipes ---------------------------------------------------------------------------------


def _recipe(
    contents: Contents, file: EntryFile[HeadType], path: Path, recipe: Recipe, types: set[str]
) -> Iterator[Problem]:
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
            yield _unknown(file, where, name, "head type", "head-types", types)
    yield from _word_lists(contents, file, (*path, "prompts"), recipe)
    texts = _names(contents.texts)
    for name in recipe.prompts.text_sets():
        if name not in texts:
            yield _unknown(file, (*path, "prompts", "text"), name, "text set", "text", texts)


def _word_lists(
    contents: Contents, file: EntryFile[HeadType], path: Path, recipe: Recipe
) -> Iterator[Problem]:
    for where, name, kinds in _lists_of(recipe, path):
        list_file = contents.vocabularies.get(name)
        if list_file is None:
            known = _names(contents.vocabularies)
            if name not in known:
                yield _unknown(file, where, name, "word list", "vocabulary", known)
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
                slots = set(_SLOT.findall(template.text))
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


def _recipe_graph(contents: Contents) -> Iterator[Problem]:
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


def cycles(graph: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """Circles of a graph, at least one from each group of nodes that reach each other.

    Each starts at its first name in alphabetical order. Depth first, without recursion.
    """
    done: set[str] = set()
    found: list[list[str]] = []
    for start in sorted(graph):
        if start in done:
            continue
        trail = [start]
        on_trail = {start: 0}
        waiting = [iter(graph[start])]
        while waiting:
            for node in waiting[-1]:
                if node in on_trail:
                    circle = trail[on_trail[node] :]
                    least = circle.index(min(circle))
                    circle = circle[least:] + circle[:least]
                    if circle not in found:
                        found.append(circle)
                elif node in graph and node not in done:
                    on_trail[node] = len(trail)
                    trail.append(node)
                    waiting.append(iter(graph[node]))
                    break
            else:
                waiting.pop()
                left = trail.pop()
                del on_trail[left]
                done.add(left)
    return found


# --- papers, models, names -------------------------------------------------------------------


def _papers(contents: Contents) -> Iterator[Problem]:
    cited: set[str] = set()
    for file in contents.head_types.values():
        if file.value is not None:
            cited |= file.value.cited_papers()
        else:  # whatever it would cite once it is valid
            cited |= _texts_in(file.data)
    for name, paper in contents.papers.items():
        if not (paper.names() | {name}) & cited:
            yield paper.problem(("id",), "no entry cites this paper")


def _texts_in(data: Any) -> set[str]:
    found: set[str] = set()
    waiting = [data]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            found.add(value)
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            waiting += value.values()
    return found


def _model_names(contents: Contents) -> Iterator[Problem]:
    """Ids, hub ids and aliases of models are one space of names, whatever their case."""
    taken = {name.casefold(): name for name in sorted(contents.models)}
    for name, file in sorted(contents.models.items()):
        model = file.value
        if model is None:
            continue
        written: list[tuple[Path, str]] = []
        if isinstance(model.source, Hub):
            written.append((("source", "hub_id"), model.source.hub_id))
        written += [(("aliases", i), alias) for i, alias in enumerate(model.aliases)]
        yield from _one_space(file, name, "model", written, taken)


def _head_type_names(contents: Contents) -> Iterator[Problem]:
    """Ids, names and aliases of head types are one space of names, whatever their case."""
    taken = {name.casefold(): name for name in sorted(contents.head_types)}
    for name, file in sorted(contents.head_types.items()):
        if file.value is not None:
            written: list[tuple[Path, str]] = [(("name",), file.value.name)]
            written += [(("aliases", i), alias) for i, alias in enumerate(file.value.aliases)]
            yield from _one_space(file, name, "head type", written, taken)


def _one_space(
    file: EntryFile[Any],
    owner: str,
    what: str,
    written: list[tuple[Path, str]],
    taken: dict[str, str],
) -> Iterator[Problem]:
    own: set[str] = set()
    for path, text in written:
        folded = text.casefold()
        other = taken.setdefault(folded, owner)
        if other != owner:
            yield file.problem(path, f"'{text}' is already a name of {what} '{other}'")
        elif folded in own:
            yield file.problem(path, f"'{text}' is given twice")
        own.add(folded)


def _templates(contents: Contents) -> Iterator[Problem]:
    for file in contents.vocabularies.values():
        templates = (file.value.templates if file.value else None) or ()
        seen: set[str] = set()
        for i, template in enumerate(templates):
            path: Path = ("templates", i, "text")
            if not _SLOT.search(template.text) or re.search(r"[{}]", _SLOT.sub("", template.text)):
                yield file.problem(path, "a template has slots, each written {name}")
            if template.id in seen:
                yield file.problem(("templates", i, "id"), f"'{template.id}' is given twice")
            seen.add(template.id)


# --- redirects and changes -------------------------------------------------------------------


def _addresses(contents: Contents) -> set[str]:
    """Kind and id of everything that has a page."""
    folders: dict[str, Mapping[str, EntryFile[Any]]] = {
        "head-types": contents.head_types,
        "papers": contents.papers,
        "models": contents.models,
    }
    return {f"{folder}/{name}" for folder, files in folders.items() for name in _names(files)}


def _moved(contents: Contents) -> tuple[Redirect, ...]:
    file = contents.redirects
    return file.value.redirects if file is not None and file.value is not None else ()


def _redirects(contents: Contents) -> Iterator[Problem]:
    file, moved, known = contents.redirects, _moved(contents), _addresses(contents)
    if file is None:
        return
    first: dict[str, int] = {}
    olds = {redirect.old for redirect in moved}
    for i, redirect in enumerate(moved):
        path: Path = ("redirects", i)
        if redirect.old in first:
            yield file.problem((*path, "old"), f"'{redirect.old}' is given twice")
        first.setdefault(redirect.old, i)
        if redirect.old in known:
            yield file.problem(
                (*path, "old"), f"'{redirect.old}' still exists; delete it or the redirect"
            )
        if redirect.new is None:
            continue
        if redirect.new.split("/")[0] != redirect.old.split("/")[0]:
            yield file.problem((*path, "new"), f"'{redirect.new}' is of another kind than 'old'")
        elif redirect.new not in known and redirect.new not in olds:
            near = did_you_mean(redirect.new, known)
            more = f"; did you mean '{near}'?" if near else ""
            yield file.problem((*path, "new"), f"'{redirect.new}' does not exist{more}")
    graph: dict[str, list[str]] = {}
    for redirect in moved:
        graph.setdefault(redirect.old, []).extend([redirect.new] if redirect.new else [])
    for circle in cycles(graph):
        shown = " -> ".join([*circle, circle[0]])
        yield file.problem(
            ("redirects", first[circle[0]], "new"), f"redirects go in a circle: {shown}"
        )


def _changes(contents: Contents) -> Iterator[Problem]:
    known = _addresses(contents)
    moved = {item.old for item in _moved(contents)}
    for name, file in contents.changes.items():
        change = file.value
        if change is None:
            continue
        try:
            datetime.date.fromisoformat(change.date)
        except ValueError:
            yield file.problem(("date",), f"there is no day {change.date}")
        if not re.fullmatch(rf"{re.escape(change.date)}(-[a-z0-9]+)+", name):
            yield file.problem(
                ("date",),
                f"the file's name must be the date and a word, '{change.date}-<word>.yaml',"
                f" not '{name}.yaml'",
            )
        for i, subject in enumerate(change.subjects):
            if subject not in known and subject not in moved:
                near = did_you_mean(subject, known)
                more = (
                    f"did you mean '{near}'?" if near else "if it moved, say so in redirects.yaml"
                )
                yield file.problem(("subjects", i), f"'{subject}' does not exist; {more}")


# --- evidence --------------------------------------------------------------------------------


def _evidence(contents: Contents) -> Iterator[Problem]:
    models, types = _names(contents.models), _names(contents.head_types)
    for file in contents.evidence.values():
        record = file.value
        if record is None:
            continue
        if record.model.id not in models:
            yield _unknown(file, ("model", "id"), record.model.id, "model", "models", models)
        if record.head_type not in types:
            yield _unknown(file, ("head_type",), record.head_type, "head type", "head-types", types)
        type_file = contents.head_types.get(record.head_type)
        if type_file is not None and type_file.value is not None:
            recipes = [recipe.id for recipe in type_file.value.recipes]
            if record.recipe not in recipes:
                yield file.problem(
                    ("recipe",),
                    f"{record.head_type} has no recipe '{record.recipe}'"
                    f" (recipes: {', '.join(recipes) or 'none'})",
                )
        yield from _evidence_size(contents, file, record)


def _evidence_size(
    contents: Contents, file: EntryFile[Evidence], record: Evidence
) -> Iterator[Problem]:
    ran = record.model
    model_file = contents.models.get(ran.id)
    model = model_file.value if model_file is not None else None
    if model is not None:
        for name in ("layers", "heads", "kv_heads"):
            here, there = getattr(ran, name), getattr(model, name)
            if here != there:
                yield file.problem(
                    ("model", name), f"{here} {name} were run, but {model.id} has {there}"
                )
    if record.scores is not None:
        for name in ("se", "margin_low", "margin_high", "q"):
            grid = getattr(record.scores, name)
            if grid is not None and [len(row) for row in grid] != [ran.heads] * ran.layers:
                yield file.problem(
                    ("scores", name), f"is not {ran.layers} layers x {ran.heads} heads"
                )
    named = [(("found", i), head) for i, head in enumerate(record.found)]
    named += [(("unclear", i), head) for i, head in enumerate(record.unclear)]
    for path, head in named:
        layer, _, index = head.partition(".")
        if int(layer) >= ran.layers or int(index) >= ran.heads:
            yield file.problem(
                path, f"there is no head '{head}' in {ran.layers} layers of {ran.heads} heads"
            )
