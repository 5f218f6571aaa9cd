"""Evidence, and head types over the training of a model."""

from __future__ import annotations

from catalog.responses.base import Response
from catalog.schema.evidence import Evidence, Grid, Verdict


class EvidenceSummary(Response):
    """An evidence record in a list."""

    id: str
    head_type: str
    recipe: str
    model: str
    revision: str
    verdict: Verdict
    found: tuple[str, ...]
    reason: str
    stale: bool = False
    """Whether the recipe has changed since the record was made."""


class EvidenceDetail(EvidenceSummary):
    """An evidence record in full."""

    record: Evidence


class RecipePoint(Response):
    """What one recipe said about one checkpoint."""

    recipe: str
    unit: str
    verdict: Verdict
    found: tuple[str, ...]
    best_head: str | None
    """The head that the figures are of: the first that the type was found at, or, where it was
    found at none, the head with the highest score; null where the recipe was not applicable."""
    score: float | None
    low: float | None
    high: float | None
    control: float | None
    mean: Grid | None
    """The score of every head, layers x heads, so that a head can be followed over training."""


class EmergencePoint(Response):
    """A head type at one checkpoint."""

    revision: str
    step: int
    tokens: int
    loss: float | None
    """Loss in nats a token on a fixed sample of documents; null where not recorded."""
    accuracies: dict[str, float]
    """Share of right answers by task."""
    verdict: Verdict
    found: tuple[str, ...]
    """Heads that the joined recipes found, best first."""
    recipes: tuple[RecipePoint, ...]
    """In the order of ``identify``."""


class Emergence(Response):
    """A head type over the training of a model: history, on which no verdict rests."""

    head_type: str
    head_type_name: str
    model: str
    model_name: str
    revision: str
    """The revision that the training led to."""
    points: tuple[EmergencePoint, ...]
    """By training step."""
    emerged_at: int | None
    """The first step from which on the type was found at every checkpoint."""
