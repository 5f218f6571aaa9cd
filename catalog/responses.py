"""What the API answers and the site draws: one set of models for both.

Everything here is derived from entries and evidence when the database is built
(``catalog.database``) and read back by ``catalog.queries``; nothing is written by hand.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from catalog.schema.base import Method, Stage, Strength
from catalog.schema.claim import Checked, NoClaims
from catalog.schema.evidence import Evidence, Grid, HeadStatus, Verdict
from catalog.schema.head_type import Action, Automation, Caveat
from catalog.schema.model import Hub, Shipped
from catalog.schema.recipe import Identify, Recipe

ClaimVerdict = Literal[
    "reproduced", "partly-reproduced", "not-reproduced", "not-comparable", "not-run"
]

TagMapping = Literal["entry", "alias", "reason", "missing"]
"""How a tag of the survey's list is covered: by an entry of that name, by an alias of one, by a
stated reason, or not."""


class Response(BaseModel):
    """Base of all answers."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", serialize_by_alias=True, defer_build=True
    )


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


class StageGroup(Response):
    """A group of head types within a stage."""

    name: str
    head_types: tuple[str, ...]


class StageSummary(Response):
    """One of the four stages."""

    id: Stage
    head_types: int
    groups: tuple[StageGroup, ...]


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
