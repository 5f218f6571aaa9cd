"""How far the entries cover the survey's head types and the tags of its living list."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from catalog.contents import Contents
from catalog.problems import Problem
from catalog.references import all_names, unknown
from catalog.responses import SurveyDetail, SurveyedTag, SurveyedType, TagMapping
from catalog.schema.head_type import HeadType
from catalog.schema.survey import Survey, SurveyTag, SurveyType

_PLURAL = re.compile(r"(?<=[a-z])(?:ies|s)$")


def folded(name: str) -> str:
    """A name without what never distinguishes two: case, hyphens, brackets, "head", a plural.

    ``"S-Inhibition Heads (circuit)"`` and ``s-inhibition`` both give ``s inhibition``.
    """
    bare = re.sub(r"\([^)]*\)", " ", name.casefold())
    words = re.sub(r"[-_/\s]+", " ", bare).split()
    kept = [word for word in words if word not in ("head", "heads")] or words
    kept[-1] = _PLURAL.sub(lambda end: "y" if end[0] == "ies" else "", kept[-1])
    return " ".join(kept)


def how(tag: SurveyTag, entries: Mapping[str, HeadType]) -> TagMapping:
    """How a tag is covered by the entries."""
    entry = entries.get(tag.type) if tag.type else None
    if entry is not None:
        name = folded(tag.tag)
        if name in (folded(entry.name), folded(entry.id)):
            return "entry"
        if name in map(folded, entry.aliases):
            return "alias"
    return "reason" if tag.why else "missing"


def covered(placed: SurveyType, entries: Mapping[str, HeadType]) -> bool:
    """Whether an entry stands for a type of the survey, in its stage and group."""
    entry = entries.get(placed.type) if placed.type else None
    return entry is not None and (entry.stage, entry.group) == (placed.stage, placed.group)


def survey_detail(survey: Survey, entries: Mapping[str, HeadType]) -> SurveyDetail:
    """The survey with what stands for each of its types and tags."""
    return SurveyDetail(
        paper=survey.paper,
        checked=survey.checked,
        list_url=str(survey.list_url),
        list_checked=survey.list_checked,
        types=tuple(
            SurveyedType(**placed.model_dump(), covered=covered(placed, entries))
            for placed in survey.types
        ),
        tags=tuple(
            SurveyedTag(**tag.model_dump(), mapping=how(tag, entries)) for tag in survey.tags
        ),
    )


def check_survey(contents: Contents) -> Iterator[Problem]:
    """Where ``survey.yaml`` and the entries disagree."""
    file = contents.survey
    if file is None or file.value is None:
        return
    survey: Survey = file.value
    papers, types = all_names(contents.papers), all_names(contents.head_types)
    if survey.paper not in papers:
        yield unknown(file, ("paper",), survey.paper, "paper", "papers", papers)
    for i, placed in enumerate(survey.types):
        if placed.type is None:
            continue
        if placed.type not in types:
            yield unknown(file, ("types", i, "type"), placed.type, "head type", "head-types", types)
            continue
        entry = _entry(contents, placed.type)
        if entry is None:
            continue
        if entry.stage != placed.stage:
            yield file.problem(
                ("types", i, "stage"),
                f"'{placed.type}' stands in stage '{entry.stage}'; the survey places"
                f" '{placed.name}' in '{placed.stage}'",
            )
        elif entry.group != placed.group:
            yield file.problem(
                ("types", i, "group"),
                f"'{placed.type}' stands in group '{entry.group}'; the survey places"
                f" '{placed.name}' in '{placed.group}'",
            )
    yield from _placed_by(contents, survey)
    for i, tag in enumerate(survey.tags):
        if tag.type is None:
            continue
        if tag.type not in types:
            yield unknown(file, ("tags", i, "type"), tag.type, "head type", "head-types", types)
        elif (entry := _entry(contents, tag.type)) and how(tag, {entry.id: entry}) == "missing":
            yield file.problem(
                ("tags", i, "type"),
                f"'{tag.tag}' is neither the name of '{tag.type}' nor an alias of it; add the"
                " alias there, or say under 'why' how the two are the same",
            )


def _placed_by(contents: Contents, survey: Survey) -> Iterator[Problem]:
    """Entries that say who placed them: the survey those, and only those, that it has."""
    named = {placed.type for placed in survey.types}
    known = all_names(contents.head_types) | {None}
    misspelt = not named <= known  # told already; the entry that was meant is not at fault
    for file in contents.head_types.values():
        entry = file.value
        if entry is None or (entry.placed_by == "survey") == (entry.id in named):
            continue
        if misspelt and entry.placed_by == "survey":
            continue
        says, right = (
            ("has no such type", "headbook")
            if entry.placed_by == "survey"
            else ("has this type", "survey")
        )
        yield file.problem(
            ("placed_by",), f"the survey {says} (survey.yaml); write `placed_by: {right}`"
        )


def _entry(contents: Contents, name: str) -> HeadType | None:
    """The entry of this name, if it is valid by itself."""
    file = contents.head_types.get(name)
    return file.value if file is not None else None
