"""What the API answers and the site draws: one set of models for both.

Everything here is derived from entries and evidence when the database is built
(``catalog.database``) and read back by ``catalog.queries``; nothing is written by hand.
"""

from __future__ import annotations

from catalog.responses.base import Response
from catalog.responses.entries import (
    HeadTypeDetail,
    HeadTypeSummary,
    ModelDetail,
    ModelSummary,
    PaperDetail,
    PaperReference,
    PaperSummary,
    PaperUse,
    RelatedType,
    StageGroup,
    StageSummary,
)
from catalog.responses.heads import HeadDetail, HeadScore
from catalog.responses.results import ClaimResult, ClaimVerdict, HeadRank, RecipeResult, TypeResult
from catalog.responses.runs import (
    Emergence,
    EmergencePoint,
    EvidenceDetail,
    EvidenceSummary,
    RecipePoint,
)
from catalog.responses.totals import (
    Counts,
    Coverage,
    SurveyDetail,
    SurveyedTag,
    SurveyedType,
    TagMapping,
)

__all__ = [
    "ClaimResult",
    "ClaimVerdict",
    "Counts",
    "Coverage",
    "Emergence",
    "EmergencePoint",
    "EvidenceDetail",
    "EvidenceSummary",
    "HeadDetail",
    "HeadRank",
    "HeadScore",
    "HeadTypeDetail",
    "HeadTypeSummary",
    "ModelDetail",
    "ModelSummary",
    "PaperDetail",
    "PaperReference",
    "PaperSummary",
    "PaperUse",
    "RecipePoint",
    "RecipeResult",
    "RelatedType",
    "Response",
    "StageGroup",
    "StageSummary",
    "SurveyDetail",
    "SurveyedTag",
    "SurveyedType",
    "TagMapping",
    "TypeResult",
]
