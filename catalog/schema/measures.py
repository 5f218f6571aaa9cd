"""Measures: what is computed per head. Parameters only; the code is in ``verify/measures``.

Each class says by which published **method** it works (which claims it can be compared with) and
what kind of evidence it yields (**strength**). As for builders, ``runnable = False`` marks parts of
the language that have no code yet.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from catalog.schema.base import Method, Slug, Strength, Strict


class FoundBy(Strict):
    """Heads that another entry's ``identify`` finds on the same model."""

    found_by: Annotated[Slug, Field(alias="found-by")]


class Receivers(FoundBy):
    """Where an edited path ends: an input of heads that another entry finds."""

    input: Literal["query", "key", "value"]


class Measure(Strict):
    """Common to all measures. ``version`` is raised whenever the same input gives other scores."""

    version: ClassVar[int] = 1
    runnable: ClassVar[bool] = True
    method: ClassVar[Method]
    strength: ClassVar[Strength]
    weights_only: ClassVar[bool] = False
    unit: ClassVar[str] = "share"
    range: ClassVar[tuple[float, float] | None] = (0.0, 1.0)
    of_heads: ClassVar[bool] = False
    """Whether it can score every head on prompts of its own."""
    compares_others: ClassVar[bool] = False
    """Whether its control can have other prompts than those that are scored, and as many or not."""
    own_keys: ClassVar[frozenset[str]] = frozenset()
    """Key roles that the measure finds out while the model runs (for its controls)."""

    @property
    def query_roles(self) -> tuple[str, ...]:
        """Query roles that the builder must offer."""
        return tuple(r for r in (getattr(self, "query", None), getattr(self, "at", None)) if r)

    @property
    def key_roles(self) -> tuple[str, ...]:
        """Key roles that the builder must offer."""
        key = getattr(self, "key", None)
        return (key,) if key else ()

    @property
    def answer_roles(self) -> tuple[str, ...]:
        """Answer tokens that the builder must offer."""
        return tuple(r for r in (getattr(self, "correct", None), getattr(self, "foil", None)) if r)

    def found_by(self) -> tuple[str, ...]:
        """Ids of the head types whose heads this measure needs first."""
        return ()


class Attention(Measure):
    """Attention from query role to key role: sum over keys, mean over queries of a prompt.

    Source: Olsson et al. 2022 (prefix matching score); Voita et al. 2019 (attention to a role).
    """

    method: ClassVar[Method] = Method.ATTENTION
    strength: ClassVar[Strength] = Strength.PATTERN
    of_heads: ClassVar[bool] = True
    compares_others: ClassVar[bool] = True

    kind: Literal["attention"]
    query: Slug
    key: Slug


class OffsetConcentration(Measure):
    """Share of queries whose strongest key lies at the head's own fixed distance back.

    The distance (1..``max_offset``) is chosen per head on the shuffled variant and scored on the
    original, so that it is not picked on the data it is scored on; the confirmation scores the
    same distance on other prompts. Source: Voita et al. 2019,
    section 5.1 (a head is positional when 90% of maxima fall on one relative position).
    """

    version: ClassVar[int] = 2
    method: ClassVar[Method] = Method.ATTENTION
    strength: ClassVar[Strength] = Strength.PATTERN

    kind: Literal["offset-concentration"]
    query: Slug = "all"
    max_offset: Annotated[int, Field(ge=1, le=64)] = 8


class AttentionToPredicted(Measure):
    """Attention to the context token that the residual stream before the head predicts most.

    For each query the logit lens at the head's layer input ranks the tokens of the context; the
    score is the attention to all positions of the first of them. Its control, key role
    ``unpredicted``, is what as many positions of the lower half of the ranking get on average.
    Source: McDougall et al. 2023, section 3.2 (copy suppression attends to what is predicted).
    """

    version: ClassVar[int] = 2
    method: ClassVar[Method] = Method.ATTENTION
    strength: ClassVar[Strength] = Strength.PATTERN

    own_keys: ClassVar[frozenset[str]] = frozenset({"unpredicted"})

    kind: Literal["attention-to-predicted"]
    query: Slug


class OVCopying(Measure):
    """Share of tokens that rank in the ``top`` of what the head writes when it attends to them.

    ``direction: negative`` counts the bottom instead. The OV circuit reads the effective embedding
    (token embedding and first MLP) and is followed by the final norm and the unembedding.
    Source: Wang et al. 2022, section 3.1 (copy score); McDougall et al. 2023, section 3.1.
    """

    method: ClassVar[Method] = Method.OV_CIRCUIT
    strength: ClassVar[Strength] = Strength.WEIGHTS
    weights_only: ClassVar[bool] = True

    kind: Literal["ov-copying"]
    top: Annotated[int, Field(ge=1, le=1000)] = 5
    direction: Literal["positive", "negative"] = "positive"


class OVMapping(Measure):
    """Share of sources whose highest output, among the targets of all, is their own target.

    ``relation: successor``: sources are the tokens of a series, the target of each is the next one.
    ``relation: initial``: sources are the first tokens of words, the target of each is the initial
    of the word as a letter of its own, among the letters that ``tokens.initials`` lists.
    Sources: Gould et al. 2023, section 3 (successor score), effective OV circuit; García-Carrasco
    et al. 2024 (OV circuit of letter movers).
    """

    method: ClassVar[Method] = Method.OV_CIRCUIT
    strength: ClassVar[Strength] = Strength.WEIGHTS
    weights_only: ClassVar[bool] = True

    kind: Literal["ov-mapping"]
    relation: Literal["successor", "initial"]


class OVRelation(Measure):
    """Share of pairs whose second word ranks in the ``top`` of what the head writes for the first.

    ``direction: negative`` counts the bottom instead. Source: Elhelo & Geva 2024 (static relation
    scores), over the effective OV circuit.
    """

    method: ClassVar[Method] = Method.OV_CIRCUIT
    strength: ClassVar[Strength] = Strength.WEIGHTS
    weights_only: ClassVar[bool] = True

    kind: Literal["ov-relation"]
    top: Annotated[int, Field(ge=1, le=1000)] = 10
    direction: Literal["positive", "negative"] = "positive"


class DirectLogitAttribution(Measure):
    """What the head writes at a position, through the frozen final norm, to correct minus foil.

    ``through`` names a key role: only what the head moves from there counts, so that an effect can
    be split by its sources. ``scale: share`` divides by the mean logit difference over the prompts,
    so that models of different scale compare, and is a ratio of two estimated means to statistics;
    ``scale: logits`` does not. Source: Wang et al. 2022,
    section 3.1; Elhage et al. 2021 (direct path to the logits); Chughtai et al. 2024 (split by
    source token).
    """

    version: ClassVar[int] = 2
    method: ClassVar[Method] = Method.DIRECT_LOGIT_ATTRIBUTION
    strength: ClassVar[Strength] = Strength.DIRECT_EFFECT
    of_heads: ClassVar[bool] = True
    compares_others: ClassVar[bool] = True
    range: ClassVar[tuple[float, float] | None] = None

    kind: Literal["direct-logit-attribution"]
    at: Slug = "end"
    correct: Slug
    foil: Slug | None = None
    scale: Literal["share", "logits"] = "share"
    direction: Literal["positive", "negative"] = "positive"
    # left out where it is not used, so that older recipes keep their hash
    through: Annotated[Slug | None, Field(exclude_if=lambda role: role is None)] = None
    after_ablating: Annotated[FoundBy | None, Field(alias="after-ablating")] = None
    """Described only: the effect after other heads were ablated (backup heads)."""

    @property
    def key_roles(self) -> tuple[str, ...]:
        return (self.through,) if self.through else ()

    def found_by(self) -> tuple[str, ...]:
        return (self.after_ablating.found_by,) if self.after_ablating else ()


class QKMatching(Measure):
    """Share of tokens whose best key, among all tokens, for their own query is themselves."""

    runnable: ClassVar[bool] = False
    method: ClassVar[Method] = Method.QK_CIRCUIT
    strength: ClassVar[Strength] = Strength.WEIGHTS
    weights_only: ClassVar[bool] = True

    kind: Literal["qk-matching"]
    query_from: Annotated[
        Literal["unembedding", "effective-embedding"], Field(alias="query-from")
    ] = "effective-embedding"
    top: Annotated[int, Field(ge=1, le=1000)] = 1


class Composition(Measure):
    """How much of an earlier head's output a head reads as query, key or value, from weights."""

    runnable: ClassVar[bool] = False
    method: ClassVar[Method] = Method.COMPOSITION
    strength: ClassVar[Strength] = Strength.WEIGHTS
    weights_only: ClassVar[bool] = True

    kind: Literal["composition"]
    with_heads: Annotated[FoundBy, Field(alias="with")]
    input: Literal["query", "key", "value"]

    def found_by(self) -> tuple[str, ...]:
        return (self.with_heads.found_by,)


class AblationEffect(Measure):
    """How much worse the model does without the head: above 0 where the head is needed.

    The head's output, before the output projection, is replaced at the positions of query role
    ``at``, and all that follows is computed anew; the effect is that of the model as it is less
    that without the head (for a loss the other way round). ``metric`` says what is compared:
    ``logit-difference`` of correct and foil at ``end``, as a share of its mean over the prompts, so
    that models of different scale compare; ``probability`` of the correct answer at ``end``;
    ``accuracy``, whether its logit is above the foil's there, or the highest of all without a foil;
    ``loss`` in nats, of the correct answer at ``end`` or, without one, of each next token from the
    first position of ``at`` on, on average.

    ``replace`` says by what. ``zero``: nothing. ``mean``: the head's mean output over all prompts
    of the same variant, at the i-th position of the role that at the i-th. ``resample``: its output
    on one other prompt, of another template (or other cluster) and with as many positions of the
    role or more, drawn with the seed of the prompts. Sources: Michel et al. 2019 (heads removed one
    at a time); Wang et al. 2022 (means over a reference distribution); Zhang & Nanda
    2023 (what to replace by, and which metric).
    """

    method: ClassVar[Method] = Method.ABLATION
    strength: ClassVar[Strength] = Strength.NECESSARY
    range: ClassVar[tuple[float, float] | None] = None

    kind: Literal["ablation-effect"]
    replace: Literal["zero", "mean", "resample"]
    metric: Literal["logit-difference", "loss", "accuracy", "probability"]
    at: Slug
    correct: Slug | None = None
    foil: Slug | None = None
    also: FoundBy | None = None
    """Described only: heads that are ablated in every run, so that the effect is measured without
    them."""

    @model_validator(mode="after")
    def _answers_are_read(self) -> AblationEffect:
        if self.metric != "loss" and self.correct is None:
            raise ValueError(f"metric '{self.metric}' is about an answer: give 'correct'")
        if self.metric == "logit-difference" and self.foil is None:
            raise ValueError("metric 'logit-difference' needs two answers: give 'foil' too")
        if self.metric in ("loss", "probability") and self.foil is not None:
            raise ValueError(f"metric '{self.metric}' is about one answer: leave out 'foil'")
        return self

    @property
    def query_roles(self) -> tuple[str, ...]:
        return (self.at, "end") if self.correct else (self.at,)

    def found_by(self) -> tuple[str, ...]:
        return (self.also.found_by,) if self.also else ()


class PathPatching(Measure):
    """Change of a metric when the path head -> receivers carries the other variant's value."""

    runnable: ClassVar[bool] = False
    method: ClassVar[Method] = Method.PATH_PATCHING
    strength: ClassVar[Strength] = Strength.SUFFICIENT
    range: ClassVar[tuple[float, float] | None] = None

    kind: Literal["path-patching"]
    sender: Slug = "end"
    receivers: Receivers | Literal["logits"]
    patch_from: Annotated[Slug, Field(alias="from")]
    at: Slug = "end"
    correct: Slug
    foil: Slug

    def found_by(self) -> tuple[str, ...]:
        return () if isinstance(self.receivers, str) else (self.receivers.found_by,)


class ActivationPatching(Measure):
    """Change of a metric when a head's mean output over one prompt set is written into another."""

    runnable: ClassVar[bool] = False
    method: ClassVar[Method] = Method.ACTIVATION_PATCHING
    strength: ClassVar[Strength] = Strength.SUFFICIENT
    range: ClassVar[tuple[float, float] | None] = None

    kind: Literal["activation-patching"]
    mean_over: Annotated[Slug, Field(alias="mean-over")]
    inject_into: Annotated[Slug, Field(alias="inject-into")]
    at: Slug = "end"
    metric: Literal["probability", "logit-difference"] = "probability"
    correct: Slug


class Probe(Measure):
    """Accuracy of a linear probe on a head's output, trained and tested on separate splits."""

    runnable: ClassVar[bool] = False
    method: ClassVar[Method] = Method.PROBING
    strength: ClassVar[Strength] = Strength.DECODABLE

    kind: Literal["probe"]
    at: Slug
    probe: Literal["logistic-regression", "mean-difference"] = "logistic-regression"
    folds: Annotated[int, Field(ge=2, le=20)] = 5


class RetrievalScore(Measure):
    """Share of written tokens on which the head's strongest attention lies when they are written.

    ``query`` marks the positions from which the model writes an answer of several tokens, ``key``
    as many tokens of the context, in their order: the head scores where its strongest attention,
    over all positions, from the i-th query lies on the i-th of them. The answer stands in the
    prompt, and only prompts count on which the model would itself have written each of its tokens
    there (``writes``): attention is then what it is while the model writes them. A control of
    another key role scores where the strongest attention lies on one of its positions that is not
    the right one. Source: Wu et al. 2024, section 2.
    """

    method: ClassVar[Method] = Method.GENERATION
    strength: ClassVar[Strength] = Strength.PATTERN

    kind: Literal["retrieval-score"]
    query: Slug = "generated"
    key: Slug = "needle"


AnyMeasure = Annotated[
    Attention
    | OffsetConcentration
    | AttentionToPredicted
    | OVCopying
    | OVMapping
    | OVRelation
    | DirectLogitAttribution
    | QKMatching
    | Composition
    | AblationEffect
    | PathPatching
    | ActivationPatching
    | Probe
    | RetrievalScore,
    Field(discriminator="kind"),
]

MEASURES: tuple[type[Measure], ...] = (
    Attention,
    OffsetConcentration,
    AttentionToPredicted,
    OVCopying,
    OVMapping,
    OVRelation,
    DirectLogitAttribution,
    QKMatching,
    Composition,
    AblationEffect,
    PathPatching,
    ActivationPatching,
    Probe,
    RetrievalScore,
)
