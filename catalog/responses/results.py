"""What runs came to: of recipes, of head types, and of claims compared with them."""

from __future__ import annotations

from typing import Literal

from catalog.responses.base import Response
from catalog.schema.base import Method, Strength
from catalog.schema.claim import Checked
from catalog.schema.evidence import HeadStatus, Verdict

ClaimVerdict = Literal[
    "reproduced", "partly-reproduced", "not-reproduced", "not-comparable", "not-run"
]


class RecipeResult(Response):
    """What one recipe said about one model."""

    recipe: str
    evidence: str
    """Id of the evidence record."""
    measure: str
    unit: str
    strength: Strength
    verdict: Verdict
    reason: str
    found: tuple[str, ...]
    best_head: str | None
    """The head that the figures are of: the first that the type was found at, or, where it was
    found at none, the head with the highest score."""
    score: float | None
    low: float | None
    high: float | None
    control: float | None
    margin: float | None
    q: float | None
    """Corrected over the heads of this recipe, and over no other recipe."""
    stale: bool = False
    """Whether the recipe has changed since: the figures are those of the recipe as it was."""


class TypeResult(Response):
    """What an entry's ``identify`` says about one model: its recipes joined per head."""

    head_type: str
    head_type_name: str
    model: str
    model_name: str
    revision: str
    verdict: Verdict
    reason: str
    found: tuple[str, ...]
    """Heads that every joined recipe found (``all-of``) or one did (``any-of``), best first."""
    unclear: tuple[str, ...]
    strength: tuple[Strength, ...]
    """Kinds of evidence that the found heads rest on; empty where nothing was found."""
    recipes: tuple[RecipeResult, ...]


class HeadRank(Response):
    """Where a published head stands among all heads of the model."""

    head: str
    rank: int
    """1 for the highest score."""
    score: float
    status: HeadStatus


class ClaimResult(Response):
    """A claim with what the verifier found about it."""

    id: str
    """``<head type>/<number from 1, in the order of the entry>``."""
    head_type: str
    head_type_name: str
    model: str
    model_name: str
    heads: tuple[str, ...] | None
    count: int | None
    none: bool
    list: Literal["exhaustive", "top-k", "examples"] | None
    paper: str
    place: str
    methods: tuple[Method, ...]
    method: str | None
    threshold: str | None
    training_step: int | None
    checked: Checked
    note: str | None
    verdict: ClaimVerdict
    explanation: str
    """Why this verdict, in one or two sentences."""
    recipe: str | None = None
    """The recipe whose evidence it was compared with."""
    evidence: str | None = None
    recall: float | None = None
    auroc: float | None = None
    auroc_low: float | None = None
    ranks: tuple[HeadRank, ...] = ()
    additional: tuple[str, ...] = ()
    """Heads that were found and are not in the published list."""
    command: str
    """What to run to check the claim."""
