"""Evidence: the record of one run of one recipe on one model, written by the verifier only.

``entries/evidence/<org--name>/<revision>/<type>.<recipe>.json``. A record holds no time of day:
the same run gives the same bytes.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from catalog.schema.base import Head, ModelId, Sha256, Slug, Strict
from catalog.schema.recipe import Criterion

Verdict = Literal["found", "not-found", "inconclusive", "not-applicable"]
HeadStatus = Literal["passes", "fails", "unclear"]
Grid = tuple[tuple[float | None, ...], ...]
"""Layers x heads; null where a number does not exist."""

SCHEMA_VERSION = 1

# left out at 1, so that records from before it was written down stay as they are
Engine = Annotated[int, Field(ge=1, exclude_if=lambda version: version == 1)]
"""``ENGINE_VERSION`` (``catalog.fingerprints``) of the code that read the model."""


class EvidenceModel(Strict):
    """The model that was run."""

    id: ModelId
    revision: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
    """Resolved commit, version of a shipped model, or first 12 digits of the weights' hash."""
    architecture: str
    layers: int
    heads: int
    kv_heads: int
    weights_sha256: Sha256
    config_sha256: Sha256
    tokenizer_sha256: Sha256
    # left out where there are none, so that older records stay as they are
    foreign_layers: Annotated[tuple[str, ...], Field(exclude_if=lambda layers: not layers)] = ()
    """Linear layers that are quantized or adapted: how many of which class of which library."""


class Run(Strict):
    """Everything else that the numbers depend on."""

    recipe_sha256: Sha256
    """Over the recipe, its word lists and texts, and the versions of builder, measure, control."""
    prompts_sha256: Sha256
    """Over the token ids of all prompts that were drawn, or of the tokens."""
    # left out where it is not used, so that older records stay as they are
    kept_sha256: Annotated[Sha256 | None, Field(exclude_if=lambda kept: kept is None)] = None
    """Over the prompts that are scored, with their answers, where the model's answers chose them.

    That can hang on two logits that are as good as equal, and so on the device and the batch.
    """
    seed: int
    confirmation_seed: int | None
    engine: Engine = 1
    """Version of the code that read the model, raised when it gives other numbers."""
    dtype: Literal["float32", "bfloat16", "float16"]
    device: str
    versions: dict[str, str]


ANSWERED, MISSED = "prompts answered correctly", "prompts answered wrongly"
"""Gates on how many prompts are left to be scored, where the model's answers decide that."""


class GateResult(Strict):
    """One thing the model had to be able to do."""

    name: str
    value: float
    needed: float
    passed: bool

    @property
    def shown(self) -> tuple[str, str]:
        """Value and what is needed, to be read: counts of prompts as whole numbers."""
        if self.name in (ANSWERED, MISSED):
            return f"{self.value:.0f}", f"{self.needed:.0f}"
        return f"{self.value:.3f}", f"{self.needed:g}"


class Sample(Strict):
    """What the interval is about."""

    unit: Literal["prompt", "token"]
    units: int
    clusters: int
    left_out: int = 0
    """Units that were built and could not be used (words that are not one token)."""


class Scores(Strict):
    """Per head, as layers x heads grids, in the unit of the measure.

    ``low`` and ``high`` bound the mean at 95%. ``margin`` is score minus control (or, for
    ``max_change``, the signed change), with its own interval.
    """

    mean: Grid
    low: Grid
    high: Grid
    se: Grid
    control: Grid
    margin: Grid
    margin_low: Grid
    margin_high: Grid
    q: Grid | None
    """Corrected over the heads of this recipe that have one (Benjamini and Hochberg), and over no
    other recipe of the run."""
    q_note: str | None = None
    """Why there is no q, where there is none."""
    status: tuple[tuple[HeadStatus, ...], ...]
    # left out where they are not used, so that other records stay as they are
    divisor: Annotated[float | None, Field(exclude_if=lambda divisor: divisor is None)] = None
    """The mean logit difference that shares of it were divided by, in logits."""
    distance: Annotated[
        tuple[tuple[int, ...], ...] | None, Field(exclude_if=lambda distance: distance is None)
    ] = None
    """How far back each head looks, in tokens, where a measure finds that out first."""


class Confirmation(Strict):
    """The heads that pass, scored again on the second seed."""

    head: Head
    score: float
    margin: float
    confirmed: bool


class Evidence(Strict):
    """One run of one recipe on one model."""

    schema_version: Literal[1] = 1
    head_type: Slug
    recipe: Slug
    model: EvidenceModel
    run: Run
    measure: str
    unit: str
    criterion: Criterion
    gates: tuple[GateResult, ...]
    sample: Sample | None
    scores: Scores | None
    confirmations: tuple[Confirmation, ...] = ()
    found: tuple[Head, ...]
    """Heads that pass and were confirmed, best first."""
    unclear: tuple[Head, ...]
    verdict: Verdict
    reason: Annotated[str, Field(min_length=1)]

    @model_validator(mode="after")
    def _whole(self) -> Evidence:
        if (self.scores is None) != (self.verdict == "not-applicable"):
            raise ValueError("scores are given unless the recipe was not applicable")
        if self.scores is not None:
            shape = (self.model.layers, self.model.heads)
            for name in ("mean", "low", "high", "control", "margin", "status"):
                grid = getattr(self.scores, name)
                if (len(grid), {len(row) for row in grid}) != (shape[0], {shape[1]}):
                    raise ValueError(f"scores.{name} is not {shape[0]} layers x {shape[1]} heads")
        return self

    @property
    def id(self) -> str:
        """``<org--name>/<revision>/<type>.<recipe>``, also the file's place without ``.json``."""
        return f"{self.model.id}/{self.model.revision}/{self.head_type}.{self.recipe}"
