"""How much there is of everything, and how much of the survey is covered."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from catalog.responses.base import Response
from catalog.schema.base import Stage
from catalog.schema.claim import Checked

TagMapping = Literal["entry", "alias", "reason", "missing"]
"""How a tag of the survey's list is covered: by an entry of that name, by an alias of one, by a
stated reason, or not."""


class Coverage(Response):
    """How much of a list the entries cover."""

    covered: int = 0
    total: int = 0
    missing: tuple[str, ...] = ()
    """What they do not, as the list names it."""


class Counts(Response):
    """What ``headbook stats`` prints."""

    dataset: str
    """Version of the data: a hash over entries and evidence."""
    head_types: int
    by_stage: dict[str, int]
    papers: int
    models: int
    models_verified: int
    claims: int
    claims_by_checked: dict[str, int]
    claims_by_verdict: dict[str, int]
    head_types_without_claims: int = 0
    no_claims_by_checked: dict[str, int] = Field(default_factory=dict)
    """How the reasons why a head type has no claims were checked."""
    recipes: int
    recipes_by_status: dict[str, int]
    evidence: int
    evidence_stale: int = 0
    """Records whose recipe has changed since."""
    results_by_verdict: dict[str, int]
    survey_types: Coverage = Coverage()
    """Head types of the survey that an entry stands for, in its stage and group."""
    survey_tags: Coverage = Coverage()
    """Tags of its living list that are an entry, an alias of one, or left out for a reason."""
    survey_tags_by_mapping: dict[str, int] = Field(default_factory=dict)
    """How the covered tags are covered."""


class SurveyedType(Response):
    """A head type as the survey places it."""

    name: str
    stage: Stage
    group: str
    in_figure: bool
    """Whether the survey's figure has it; False where only its text does."""
    type: str | None
    """The entry that stands for it."""
    covered: bool
    """Whether that entry stands in the same stage and group."""


class SurveyedTag(Response):
    """A tag of the survey's list of papers."""

    tag: str
    type: str | None
    """The entry that stands for it."""
    mapping: TagMapping
    why: str | None


class SurveyDetail(Response):
    """What the survey names, and the entry that stands for each."""

    paper: str
    checked: Checked
    list_url: str
    list_checked: Checked
    types: tuple[SurveyedType, ...]
    tags: tuple[SurveyedTag, ...]
