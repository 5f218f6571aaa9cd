"""The survey that the stages come from, and its living paper list: ``entries/survey.yaml``.

Every head type that the survey places, and every tag of its list, is written down with the entry
that stands for it here, so that ``headbook stats`` can count what is covered and ``headbook
validate`` can tell where an entry and the survey disagree.
"""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Self

from pydantic import Field, model_validator

from catalog.schema.base import Line, PaperKey, Prose, Slug, Stage, Strict, Url
from catalog.schema.claim import Checked


class SurveyType(Strict):
    """A head type as the survey names and places it."""

    name: Line
    stage: Stage
    group: Line
    in_figure: bool = True
    """Whether the taxonomy figure has it; False where only the running text does."""
    type: Slug | None = None
    """The entry that stands for it; null as long as there is none."""


class SurveyTag(Strict):
    """A tag of the survey's living paper list."""

    tag: Line
    type: Slug | None = None
    """The entry that stands for it."""
    why: Prose | None = None
    """Why this entry although it does not bear the name, or why there is none."""


class Survey(Strict):
    """``entries/survey.yaml``."""

    paper: PaperKey
    checked: Checked
    """What was read of the survey's figure and text."""
    types: Annotated[tuple[SurveyType, ...], Field(min_length=1)]
    list_url: Url
    list_checked: Checked
    """What was read of the living list."""
    tags: Annotated[tuple[SurveyTag, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _once(self) -> Self:
        for what, names in (
            ("type", [entry.name for entry in self.types]),
            ("tag", [entry.tag for entry in self.tags]),
        ):
            twice = sorted(name for name, times in Counter(names).items() if times > 1)
            if twice:
                raise ValueError(f"the {what} '{twice[0]}' is given twice")
        return self
