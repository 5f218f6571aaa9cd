"""Checks of entries against each other: everything that is named exists, fits and is unique.

A file that is not valid by itself is still there to be named, so one mistake gives one problem
and not one more in every file that refers to it. What such a head type names is checked all the
same, from what is written, so that all mistakes come out at once.
"""

from __future__ import annotations

import datetime
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter

from catalog.entry_files import Contents, EntryFile
from catalog.problems import Path, Problem
from catalog.recipe_checks import SLOT, check_graph, check_recipe
from catalog.references import all_names, cycles, unknown
from catalog.schema import Checkpoint, Evidence, HeadType, Model, Recipe
from catalog.schema.evidence import EvidenceModel
from catalog.schema.housekeeping import Redirect
from catalog.schema.model import Hub
from catalog.schema.recipe import Identify
from catalog.suggestions import did_you_mean
from catalog.survey_coverage import check_survey
from catalog.written import HEAD, MODEL_ID, PAPER_KEY, SLUG, is_a, items, part, texts

M = TypeVar("M", bound=BaseModel)


def check(contents: Contents) -> Iterator[Problem]:
    """All problems between files (those within one file are in ``contents.problems``)."""
    # what could not be read at all is told once, not again as a name that does not exist
    flawed = {
        (file.file, flaw.line, flaw.column)
        for file in contents.head_types.values()
        if file.document is not None
        for flaw in file.document.flaws
    }
    for problem in _all(contents):
        if (problem.file, problem.line, problem.column) not in flawed:
            yield problem


def _all(contents: Contents) -> Iterator[Problem]:
    yield from _head_types(contents)
    yield from check_graph(contents)
    yield from _groups(contents)
    yield from _papers(contents)
    yield from _model_names(contents)
    yield from _head_type_names(contents)
    yield from _templates(contents)
    yield from _redirects(contents)
    yield from _changes(contents)
    yield from check_survey(contents)
    yield from _evidence(contents)
    yield from _checkpoints(contents)
    yield from _examples(contents)


# --- head types: what they name --------------------------------------------------------------


def _head_types(contents: Contents) -> Iterator[Problem]:
    papers, types = all_names(contents.papers), all_names(contents.head_types)
    for file in contents.head_types.values():
        data = file.data
        for field, name in _CITING:
            for i, item in items(data, field):
                key: Any = item.get(name)
                if is_a(key, PAPER_KEY) and key not in papers:
                    yield unknown(file, (field, i, name), key, "paper", "papers", papers)
        for i, claim in items(data, "claims"):
            yield from _claim(contents, file, ("claims", i), claim)
        for i, related in items(data, "related"):
            path: Path = ("related", i, "type")
            other: Any = related.get("type")
            if other is not None and other == data.get("id"):
                yield file.problem(path, "a head type is not related to itself")
            elif is_a(other, SLUG) and other not in types:
                yield unknown(file, path, other, "head type", "head-types", types)
        for i, recipe in items(data, "recipes"):
            yield from check_recipe(contents, file, ("recipes", i), recipe, types)
        if file.value is None:
            yield from _joined(file)


_CITING = (("papers", "paper"), ("claims", "paper"), ("caveats", "source"), ("recipes", "source"))
"""The fields of a head type that cite a paper."""


def _joined(file: EntryFile[HeadType]) -> Iterator[Problem]:
    """How the recipes of an entry that is not valid join: what validation did not come to."""
    data = file.data
    if not isinstance(data, dict) or not isinstance(data.get("recipes", []), list):
        return
    ids = [recipe.get("id") for _, recipe in items(data, "recipes")]
    identify = part(_IDENTIFY, data["identify"]) if data.get("identify") is not None else None
    unread = identify is None and data.get("identify") is not None
    if unread or len(ids) != len(data.get("recipes", [])):
        return
    if not (is_a(data.get("id"), SLUG) and all(is_a(name, SLUG) for name in ids)):
        return
    recipes = tuple(_only(Recipe, id=name) for name in ids)
    whole = _only(HeadType, id=data["id"], recipes=recipes, identify=identify)
    try:
        whole._recipes_join()  # type: ignore[operator]
    except ValueError as error:
        yield file.problem((), str(error))


def _groups(contents: Contents) -> Iterator[Problem]:
    """Groups that differ only by case, of one stage or of several: readers filter by their names.

    The survey's spelling is the right one, else the one that most head types have.
    """
    surveyed: set[str] = set()
    if contents.survey is not None and contents.survey.value is not None:
        surveyed = {placed.group for placed in contents.survey.value.types}
    written: dict[str, Counter[str]] = {}
    for file in contents.head_types.values():
        if file.value is not None:
            group = file.value.group
            written.setdefault(group.casefold(), Counter())[group] += 1
    for file in contents.head_types.values():
        if file.value is None:
            continue
        group = file.value.group
        spellings = written[group.casefold()]
        right = min(spellings, key=lambda name: (name not in surveyed, -spellings[name], name))
        if group != right:
            yield file.problem(
                ("group",), f"'{group}' is spelt '{right}' elsewhere; one group has one spelling"
            )


def _only(model: type[M], **fields: Any) -> M:
    """An object that has these fields alone, each of them valid."""
    return model.model_construct(**fields)


_IDENTIFY: TypeAdapter[Identify] = TypeAdapter(Identify)


def _claim(
    contents: Contents, file: EntryFile[HeadType], path: Path, claim: dict[str, Any]
) -> Iterator[Problem]:
    name = claim.get("model")
    if not isinstance(name, str) or not is_a(name, MODEL_ID):
        return
    model_file = contents.models.get(name)
    if model_file is None:
        known = all_names(contents.models)
        if name not in known:
            yield unknown(file, (*path, "model"), name, "model", "models", known)
        return
    model = model_file.value
    if model is None:
        return
    for below, head in texts(claim.get("heads")):
        if below and is_a(head, HEAD) and not model.has_head(head):
            yield file.problem((*path, "heads", *below), _outside(head, model))
    total, count = model.layers * model.heads, claim.get("count")
    if isinstance(count, int) and count > total:
        yield file.problem(
            (*path, "count"), f"{count} heads are more than {model.id} has ({total})"
        )


def _outside(head: str, model: Model) -> str:
    return (
        f"{model.id} has no head '{head}': {model.layers} layers of {model.heads} heads,"
        f" '0.0' to '{model.layers - 1}.{model.heads - 1}'"
    )


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
        if isinstance(file.data, dict):
            written: list[tuple[Path, str]] = []
            for field in ("name", "aliases"):
                for below, text in texts(file.data.get(field)):
                    written.append(((field, *below), text.strip()))
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
            if not SLOT.search(template.text) or re.search(r"[{}]", SLOT.sub("", template.text)):
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
    return {f"{folder}/{name}" for folder, files in folders.items() for name in all_names(files)}


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
    models, types = all_names(contents.models), all_names(contents.head_types)
    for file in contents.evidence.values():
        record = file.value
        if record is None:
            continue
        if record.model.id not in models:
            yield unknown(file, ("model", "id"), record.model.id, "model", "models", models)
        if record.head_type not in types:
            yield unknown(file, ("head_type",), record.head_type, "head type", "head-types", types)
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


def _examples(contents: Contents) -> Iterator[Problem]:
    for file in contents.examples.values():
        example = file.value
        if example is None:
            continue
        source = f"{example.model.id}/{example.model.revision}/{example.head_type}.{example.recipe}"
        if source not in contents.evidence:
            yield file.problem(
                ("recipe",), f"there is no evidence {source}, which the example belongs to"
            )


def _checkpoints(contents: Contents) -> Iterator[Problem]:
    models, types = all_names(contents.models), all_names(contents.head_types)
    for file in contents.checkpoints.values():
        record = file.value
        if record is None:
            continue
        if record.model.id not in models:
            yield unknown(file, ("model", "id"), record.model.id, "model", "models", models)
        yield from _size_run(contents, file, record.model)
        for i, result in enumerate(record.results):
            if result.head_type not in types:
                path = ("results", i, "head_type")
                yield unknown(file, path, result.head_type, "head type", "head-types", types)


def _size_run(
    contents: Contents, file: EntryFile[Evidence] | EntryFile[Checkpoint], ran: EvidenceModel
) -> Iterator[Problem]:
    model_file = contents.models.get(ran.id)
    model = model_file.value if model_file is not None else None
    if model is not None:
        for name in ("layers", "heads", "kv_heads"):
            here, there = getattr(ran, name), getattr(model, name)
            if here != there:
                yield file.problem(
                    ("model", name), f"{here} {name} were run, but {model.id} has {there}"
                )


def _evidence_size(
    contents: Contents, file: EntryFile[Evidence], record: Evidence
) -> Iterator[Problem]:
    ran = record.model
    yield from _size_run(contents, file, ran)
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
