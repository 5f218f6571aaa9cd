"""Head types, stages, papers and models, as in lists and in full."""

from __future__ import annotations

from typing import Literal

from catalog.responses.base import Response
from catalog.responses.results import ClaimResult, TypeResult
from catalog.schema.base import Stage, Strength
from catalog.schema.claim import Checked, NoClaims
from catalog.schema.head_type import Action, Automation, Caveat
from catalog.schema.model import Hub, Shipped
from catalog.schema.recipe import Identify, Recipe


class PaperReference(Response):
    """A paper as another page cites it."""

    id: str
    title: str
    authors: str
    """``Olsson et al.``, ``Voita and Titov``."""
    year: int
    address: str


class PaperUse(PaperReference):
    """A paper and what it does for a head type."""

    role: Literal["introduces", "extends", "replicates", "challenges"]
    note: str | None


class RelatedType(Response):
    """A neighbouring head type."""

    type: str
    name: str
    relation: str
    note: str


class HeadTypeSummary(Response):
    """A head type in a list."""

    id: str
    name: str
    aliases: tuple[str, ...]
    stage: Stage
    group: str
    placed_by: Literal["survey", "headbook"]
    summary: str
    year: int | None = None
    """Of the first paper that introduces it, or else of the first that the entry names."""
    runnable: bool
    claims: int
    found_in: tuple[str, ...]
    """Ids of the models in which the verifier found it."""
    strength: tuple[Strength, ...]
    """All kinds of evidence shown for it in some model."""


class HeadTypeDetail(HeadTypeSummary):
    """A head type in full."""

    definition: str
    action: Action
    depth: str
    papers: tuple[PaperUse, ...]
    claim_results: tuple[ClaimResult, ...]
    no_claims: NoClaims | None = None
    """Why there are no claims, where there are none."""
    caveats: tuple[Caveat, ...]
    related: tuple[RelatedType, ...]
    automation: Automation
    identify: Identify | None
    recipes: tuple[Recipe, ...]
    results: tuple[TypeResult, ...]


class PaperSummary(PaperReference):
    """A paper in a list."""

    venue: str | None
    arxiv: str | None
    head_types: tuple[str, ...]
    claims: int


class PaperDetail(PaperSummary):
    """A paper in full."""

    all_authors: tuple[str, ...]
    authors_complete: bool
    doi: str | None
    url: str | None
    code: str | None
    checked: Checked
    bibtex: str
    uses: tuple[RelatedType, ...]
    """Head types it is cited by; ``relation`` is its role there."""
    claim_results: tuple[ClaimResult, ...]


class ModelSummary(Response):
    """A model in a list."""

    id: str
    name: str
    aliases: tuple[str, ...]
    architecture: str
    layers: int
    heads: int
    kv_heads: int
    shipped: bool
    claims: int
    verified: bool
    """Whether there is evidence for it."""
    found: tuple[str, ...]
    """Ids of the head types found in it."""


class ModelDetail(ModelSummary):
    """A model in full."""

    source: Hub | Shipped
    width: int
    context: int
    vocabulary: int
    positions: str
    parameters: int | None
    licence: str
    loadable: bool
    checked: Checked
    note: str | None
    results: tuple[TypeResult, ...]
    claim_results: tuple[ClaimResult, ...]


class StageGroup(Response):
    """A group of head types within a stage."""

    name: str
    head_types: tuple[str, ...]


class StageSummary(Response):
    """One of the four stages."""

    id: Stage
    head_types: int
    groups: tuple[StageGroup, ...]
