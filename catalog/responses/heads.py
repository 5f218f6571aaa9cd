"""What is known of one head of one model."""

from __future__ import annotations

from catalog.responses.base import Response
from catalog.responses.results import ClaimResult
from catalog.schema.evidence import HeadStatus


class HeadScore(Response):
    """One head in one evidence record."""

    head_type: str
    head_type_name: str
    recipe: str
    evidence: str
    revision: str
    unit: str
    score: float | None
    low: float | None
    high: float | None
    control: float | None
    margin: float | None
    q: float | None
    """Corrected over the heads of this recipe, and over no other recipe."""
    status: HeadStatus
    rank: int
    """1 for the highest score among all heads of the model."""
    of: int
    """Number of heads of the model."""


class HeadDetail(Response):
    """What is known of one head of one model."""

    model: str
    model_name: str
    head: str
    layer: int
    index: int
    group_mates: tuple[str, ...]
    """Heads that share its key and value (grouped-query attention)."""
    types: tuple[str, ...]
    """Ids of the head types that it was found to be."""
    claim_results: tuple[ClaimResult, ...]
    """Claims that name it."""
    scores: tuple[HeadScore, ...]
