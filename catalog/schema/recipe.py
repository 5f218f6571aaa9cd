"""Recipes: prompts x measure x control x criterion, with a gate; and how an entry joins them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, model_validator

from catalog.schema.answered import SOLVED, Answered
from catalog.schema.base import Line, PaperKey, Prose, Slug, Strict
from catalog.schema.builder import CONTROL_KEYS, UNIVERSAL_KEYS, Builder
from catalog.schema.controls import AnyControl, Control, VaryPrompts, VaryRole, VaryTokens
from catalog.schema.measures import (
    AblationEffect,
    AnyMeasure,
    AttentionToPredicted,
    DirectLogitAttribution,
    Measure,
    OffsetConcentration,
    RetrievalScore,
)
from catalog.schema.prompts import Prompts, Tokens


class Criterion(Strict):
    """When a head counts. Every threshold that is given must be met.

    ``min_score`` and ``min_margin`` (score minus control) are in the unit of the measure;
    ``max_change`` bounds the distance between score and control where the control must *not* make
    a difference; ``max_q`` bounds the corrected probability of a margin of at most ``min_margin``.
    """

    min_score: float
    min_margin: float | None = None
    max_change: Annotated[float, Field(ge=0)] | None = None
    max_q: Annotated[float, Field(gt=0, le=0.5)] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Criterion:
        if self.min_margin is not None and self.max_change is not None:
            raise ValueError(
                "one control either must differ (min_margin) or must not (max_change): not both"
            )
        if self.max_q is not None and self.min_margin is None:
            raise ValueError("max_q is about the margin: give min_margin too")
        return self


class Gate(Strict):
    """What the model must be able to do. A failed gate is not-applicable, never not-found."""

    min_accuracy: Annotated[float, Field(ge=0, le=1)] | None = None
    """Share of prompts where the correct answer's logit exceeds the foil's.

    Where prompts are sorted by answers: where it exceeds those of all other tokens, at every
    position that 'writes' names if it names some, over all prompts that were drawn.
    """
    min_logit_difference: float | None = None
    """Least logit of the correct answer minus the foil on average, in logits.

    The whole 95% interval of that mean lies above it: a mean that may be noise is nothing that a
    share can be taken of.

    Not where prompts are sorted by answers, which settle its sign.
    """
    min_single_token: Annotated[float, Field(ge=0, le=1)] | None = None
    """Share of the words of the recipe's lists that are one token; the others are left out."""
    max_unknown: Annotated[float, Field(ge=0, le=1)] | None = None
    """Share of prompt tokens that the tokenizer does not know."""
    # left out where it is not used, so that older recipes keep their hash
    min_kept: Annotated[int | None, Field(ge=8, exclude_if=lambda kept: kept is None)] = None
    """Prompts that are left of each sort, where the model's answers decide which are scored."""


class Recipe(Strict):
    """Steps that score every head of a model for one criterion."""

    id: Slug
    status: Literal["runnable", "described"] = "runnable"
    missing: Line | None = None
    """For a described recipe: what has no code yet."""
    source: PaperKey
    adapted: Prose | None = None
    """How the recipe differs from the source, and why."""
    prompts: Prompts
    measure: AnyMeasure
    control: AnyControl | None = None
    criterion: Criterion
    thresholds: Prose
    """Where the numbers of the criterion come from."""
    gate: Gate | None = None

    def kinds_without_code(self) -> list[str]:
        """Names of the parts that the language has and the verifier has not."""
        parts: list[str] = []
        if not self.prompts.runnable:
            parts.append(f"prompts.builder '{self.prompts.kind}'")
        if not self.measure.runnable:
            parts.append(f"measure.kind '{self.measure.kind}'")
        if getattr(self.measure, "after_ablating", None) is not None:
            parts.append("measure.after-ablating")
        if getattr(self.measure, "also", None) is not None:
            parts.append("measure.also")
        if self.control is not None and not self.control.runnable:
            parts.append(f"control.vary '{self.control.vary}'")
        return parts

    @model_validator(mode="after")
    def _parts_fit(self) -> Recipe:
        for misfit in misfits(self.prompts, self.measure, self.control, self.criterion):
            raise ValueError(misfit)
        if self.status == "described" and not self.missing:
            raise ValueError(MISSING_NOT_NAMED)
        is_sorted = isinstance(self.prompts, Answered) and self.prompts.is_sorted
        if is_sorted and self.gate is not None and self.gate.min_logit_difference is not None:
            raise ValueError(
                "'min_logit_difference' would be read on prompts that 'keep' chose by their answers"
                " and so says nothing of the model: give 'min_accuracy', which is over all drawn"
            )
        if is_sorted != (self.gate is not None and self.gate.min_kept is not None):
            raise ValueError(
                "the gate says how many prompts 'keep' has to leave: give 'min_kept'"
                if is_sorted
                else "'min_kept' is for prompts that 'keep' sorts by the model's answers"
            )
        if isinstance(self.prompts, Answered) and self.gate is not None:
            # failed and solved prompts come out of one draw
            sorts = 2 if self.prompts.keep == "answered-wrongly" else 1
            drawn, kept = getattr(self.prompts, "count", None), self.gate.min_kept
            if drawn is not None and kept is not None and sorts * kept > drawn:
                raise ValueError(
                    f"'min_kept' asks for {kept} prompts{' of each sort' if sorts > 1 else ''},"
                    f" and {drawn} are drawn: no model can meet the gate"
                )
        return self


MISSING_NOT_NAMED = "a described recipe names what has no code yet under 'missing'"


def misfits(
    prompts: Builder,
    measure: Measure,
    control: Control | None,
    criterion: Criterion | None,
    *,
    control_given: bool = False,
) -> Iterator[str]:
    """Why parts that are each valid do not make a recipe together, a sentence for each reason.

    Args:
        prompts: what the model reads.
        measure: what is computed.
        control: None if there is none, or if it is not valid itself (``control_given``).
        criterion: None if it is not valid itself; what depends on it is then left out.
        control_given: whether there is a control, valid or not.
    """
    if measure.weights_only != (prompts.kind == "tokens"):
        wanted = "tokens: {...}" if measure.weights_only else "a builder"
        yield f"measure '{getattr(measure, 'kind', '')}' needs prompts with {wanted}"
        return  # that no role fits either follows from it
    if isinstance(prompts, Tokens):
        initial = getattr(measure, "relation", None) == "initial"
        if initial != (prompts.tokens.initials is not None):
            yield "'tokens.initials' is for 'relation: initial', which needs it"
        successors = getattr(measure, "relation", None) == "successor" or not measure.runnable
        if isinstance(control, VaryTokens) and control.input and not successors:
            yield "'input: first-mlp-successor' is for 'relation: successor'"
    if prompts.of_heads and not measure.of_heads:
        yield (
            f"builder '{prompts.kind}' gives every head prompts of its own, and measure"
            f" '{getattr(measure, 'kind', '')}' cannot score heads on them"
        )
    if prompts.of_heads and getattr(measure, "scale", None) == "share":
        yield (
            "'scale: share' divides by a mean over prompts, and those of"
            f" '{prompts.kind}' are other ones for every head: write 'scale: logits'"
        )
    keys = prompts.key_roles() | UNIVERSAL_KEYS
    yield from _unmarked("query role", measure.query_roles, prompts.query_roles(), prompts.kind)
    yield from _unmarked("key role", measure.key_roles, keys - CONTROL_KEYS, prompts.kind)
    yield from _unmarked("answer", measure.answer_roles, prompts.answer_roles(), prompts.kind)
    compares = criterion is not None and (
        criterion.min_margin is not None or criterion.max_change is not None
    )
    if control is None:
        if not control_given:
            yield (
                "min_margin and max_change compare with a control: add one"
                if compares
                else "a recipe needs a control"
            )
        return
    if criterion is not None and not compares:
        yield "the control is not used: give min_margin or max_change"
    if isinstance(measure, DirectLogitAttribution) and isinstance(control, VaryRole):
        if control.query is not None:
            yield "a direct effect is read at 'at': its control has another key role, not a query"
        elif measure.through is None:
            yield "'vary: role' is for what a head moves from a key role: give 'through'"
        elif control.key == measure.through:
            yield f"the control is the measure itself: give another key role than {control.key!r}"
        elif control.key in CONTROL_KEYS:
            yield (
                f"key role {control.key!r} is a rule for attention, from which nothing is moved: "
                "give a role that the prompts mark"
            )
    if isinstance(control, VaryRole):
        yield from _unmarked("query role", (control.query,), prompts.query_roles(), prompts.kind)
        yield from _unmarked("key role", (control.key,), keys | measure.own_keys, prompts.kind)
    if isinstance(control, VaryPrompts):
        yield from _unmarked("variant", (control.variant,), prompts.variant_names(), prompts.kind)
        if control.variant == prompts.scored:
            yield f"'{control.variant}' is the variant that is scored: give another as control"
    if isinstance(measure, AblationEffect) and isinstance(control, VaryRole):
        if control.key is not None:
            yield "an ablation has no key: its control is made at another query role, 'query'"
        elif control.query == measure.at:
            yield f"the control is the measure itself: give another role than {control.query!r}"
    if isinstance(measure, RetrievalScore):
        yield from _misfits_of_retrieval(prompts, measure, control)
    if control.runnable:
        yield from _misfits_of_control(measure, control)
    if isinstance(prompts, Answered) and prompts.keep == "answered-wrongly":
        if getattr(measure, "scale", None) == "share" and not _is_above(measure):
            yield (
                "'scale: share' divides by the mean logit difference over prompts with wrong"
                " answers, which is above zero for a wrong answer less another: write 'correct:"
                " given' with a foil, or 'scale: logits'"
            )
        solved = isinstance(control, VaryPrompts) and control.variant == SOLVED
        if solved and not measure.compares_others:
            yield (
                f"'{SOLVED}' has other prompts, and '{getattr(measure, 'kind', '')}' compares each"
                " prompt with itself: give another control"
            )
        if solved and criterion is not None and criterion.max_change is not None:
            yield "'max_change' compares the same prompts, and 'solved' has others: give min_margin"
    if isinstance(control, VaryTokens) and not measure.weights_only:
        yield "'vary: tokens' is for measures that read weights only"


def _is_above(measure: Measure) -> bool:
    """Whether a direct effect is measured for what a failed prompt was answered, less another.

    Its logit is the highest there, whatever the other answer. Both sorted answers are the same.
    """
    return (
        isinstance(measure, DirectLogitAttribution)
        and measure.correct in Answered.sorted_answers
        and measure.foil is not None
        and measure.foil not in Answered.sorted_answers
    )


_UNPREDICTED = VaryRole(vary="role", key="unpredicted")


def _misfits_of_control(measure: Measure, control: Control) -> Iterator[str]:
    """Why a measure does not know what to do with a control."""
    if isinstance(measure, OffsetConcentration) and not isinstance(control, VaryPrompts):
        yield (
            "'offset-concentration' finds a head's distance on a variant, its control: write"
            " 'vary: prompts' and the variant"
        )
    if isinstance(measure, AttentionToPredicted) and control != _UNPREDICTED:
        yield (
            "the control of 'attention-to-predicted' is what the model predicts less, for the same"
            " queries: write 'control: {vary: role, key: unpredicted}'"
        )
    if measure.weights_only and isinstance(control, VaryRole | VaryPrompts):
        yield "a measure of weights reads no prompts: write 'vary: tokens'"


def _misfits_of_retrieval(
    prompts: Builder, measure: RetrievalScore, control: Control
) -> Iterator[str]:
    """Why parts do not fit a measure that is about what the model writes itself."""
    if isinstance(prompts, Answered):
        if prompts.writes != measure.query:
            yield (
                "'retrieval-score' is about what the model writes itself: give the prompts"
                f" 'keep: answered-correctly' and 'writes: {measure.query}'"
            )
        places = prompts.place_roles()
        named = [("key role", measure.key)]
        if isinstance(control, VaryRole) and control.key is not None:
            named.append(("key role of the control", control.key))
        for what, role in named:
            if role not in places:
                yield (
                    f"{what} '{role}': 'retrieval-score' looks for tokens that lie at one place,"
                    " whichever token is written: give a role that the prompts mark"
                    f" ({', '.join(sorted(places)) or 'none'})"
                )
    elif prompts.runnable:
        yield (
            "'retrieval-score' is about what the model writes itself, which prompts of builder"
            f" '{prompts.kind}' do not tell: use 'templates' with 'writes: {measure.query}'"
        )
    if not control.runnable:
        return
    if not isinstance(control, VaryRole):
        yield "the control of 'retrieval-score' is another key role: write 'vary: role'"
    elif control.query is not None:
        yield (
            "the control of 'retrieval-score' is read while the same tokens are written: give"
            " another key role and no query"
        )


def _unmarked(
    what: str, names: tuple[str | None, ...], offered: frozenset[str], builder: str
) -> Iterator[str]:
    for name in names:
        if name is not None and name not in offered:
            yield (
                f"{what} '{name}' is not marked by builder '{builder}'"
                f" (it has: {', '.join(sorted(offered)) or 'none'})"
            )


class Identify(Strict):
    """How recipes join per head: every one of ``all-of``, or one of ``any-of``."""

    all_of: Annotated[tuple[Slug, ...] | None, Field(alias="all-of", min_length=1)] = None
    any_of: Annotated[tuple[Slug, ...] | None, Field(alias="any-of", min_length=1)] = None

    @model_validator(mode="after")
    def _one(self) -> Identify:
        if (self.all_of is None) == (self.any_of is None):
            raise ValueError("give either 'all-of' or 'any-of'")
        return self

    @property
    def recipes(self) -> tuple[str, ...]:
        """Ids of the recipes that are joined, in the order written."""
        return self.all_of or self.any_of or ()
