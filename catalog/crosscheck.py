"""Checks of entries against each other: everything that is named exists, fits and is unique.

A file that is not valid by itself is still there to be named, so one mistake gives one problem
and not one more in every file that refers to it. What such a head type names is checked all the
same, from what is written, so that all mistakes come out at once.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter

from catalog.contents import Contents, EntryFile
from catalog.evidence_checks import check_evidence
from catalog.housekeeping_checks import check_housekeeping
from catalog.problems import Path, Problem
from catalog.recipe_checks import SLOT, check_graph, check_recipe
from catalog.references import all_names, unknown
from catalog.schema import HeadType, Model, Recipe
from catalog.schema.model import Hub
from catalog.schema.recipe import Identify
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
    yield from check_housekeeping(contents)
    yield from check_survey(contents)
    yield from check_evidence(contents)


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
        why = data.get("no-claims") if isinstance(data, dict) else None
        source: Any = why.get("source") if isinstance(why, dict) else None
        if is_a(source, PAPER_KEY) and source not in papers:
            yield unknown(file, ("no-claims", "source"), source, "paper", "papers", papers)
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
            yield from _claims_or_why_none(file)


_CITING = (("papers", "paper"), ("claims", "paper"), ("caveats", "source"), ("recipes", "source"))
"""The fields of a head type that cite a paper, besides ``no-claims``, which is no list."""


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


def _claims_or_why_none(file: EntryFile[HeadType]) -> Iterator[Problem]:
    """Whether claims or their absence are told, in an entry that is not valid otherwise."""
    data = file.data
    if not isinstance(data, dict) or not isinstance(data.get("claims", []), list):
        return
    given, why = bool(data.get("claims")), data.get("no-claims") is not None
    try:
        _only(HeadType, claims=(None,) * given, no_claims=why or None)._claims_or_why_none()  # type: ignore[operator]
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
        elif not isinstance(file.data, dict):  # what it cites cannot be known yet
            return
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
