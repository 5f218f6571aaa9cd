"""A recipe in words."""

from __future__ import annotations

from dataclasses import dataclass

from in_words import docstring, fields, listed, named
from markupsafe import Markup
from prompt_words import prompts_words

from catalog.schema.answered import SOLVED
from catalog.schema.controls import VaryHeads, VaryModel, VaryPrompts, VaryRole, VaryTokens
from catalog.schema.measures import (
    AblationEffect,
    Attention,
    AttentionToPredicted,
    DirectLogitAttribution,
    Measure,
    OffsetConcentration,
    OVCopying,
    OVMapping,
    OVRelation,
    RetrievalScore,
)
from catalog.schema.recipe import Criterion, Gate, Identify, Recipe


@dataclass(frozen=True)
class Step:
    """One line of a recipe: what it is about, and its sentence."""

    name: str
    text: Markup


def measure_words(measure: Measure) -> Markup:
    """What is computed per head."""
    if isinstance(measure, Attention):
        return Markup(
            "Attention from query role {} to key role {}: the share of a query's attention on those"
            " keys, averaged over the queries of a prompt."
        ).format(named(measure.query), named(measure.key))
    if isinstance(measure, OffsetConcentration):
        return Markup(
            "Share of queries (role {}) whose strongest key lies at one fixed distance back, from 1"
            " to {}; each head's distance is chosen on the shuffled prompts."
        ).format(named(measure.query), measure.max_offset)
    if isinstance(measure, AttentionToPredicted):
        return Markup(
            "Attention from query role {} to the context token that the residual stream before the"
            " head predicts most."
        ).format(named(measure.query))
    if isinstance(measure, RetrievalScore):
        return Markup(
            "Share of written tokens on which the head's strongest attention lies when they are"
            " written: from query role {} to the key of the same place in key role {}."
        ).format(named(measure.query), named(measure.key))
    if isinstance(measure, OVCopying):
        end = "lowest" if measure.direction == "negative" else "highest"
        return Markup(
            "OV circuit: share of tokens that are among the {} {} logits of what the head writes"
            " when it attends to them."
        ).format(measure.top, end)
    if isinstance(measure, OVMapping) and measure.relation == "initial":
        return Markup(
            "OV circuit: share of words for whose first token the head writes, among the letters,"
            " the {} of the word most."
        ).format(measure.relation)
    if isinstance(measure, OVMapping):
        return Markup(
            "OV circuit: share of the words of a series for which, among that series, the head"
            " writes the {} most."
        ).format(measure.relation)
    if isinstance(measure, OVRelation):
        end = "lowest" if measure.direction == "negative" else "highest"
        return Markup(
            "OV circuit: share of pairs whose second word is among the {} {} logits of what the"
            " head writes when it attends to the first."
        ).format(measure.top, end)
    if isinstance(measure, DirectLogitAttribution) and measure.after_ablating is None:
        minus = Markup(" minus {}").format(named(measure.foil)) if measure.foil else Markup()
        scale = (
            "as a share of the model's mean logit difference"
            if measure.scale == "share"
            else "in logits"
        )
        sign = "; a negative effect counts" if measure.direction == "negative" else ""
        through = (
            Markup(", of what it moves there from {},").format(named(measure.through))
            if measure.through
            else Markup()
        )
        return Markup(
            "What the head writes at {}{} directly to the logit of {}{}, {}, with the final norm"
            " held fixed{}."
        ).format(named(measure.at), through, named(measure.correct), minus, scale, sign)
    if isinstance(measure, AblationEffect) and measure.also is None:
        return _ablation_words(measure)
    return Markup("{} ({})").format(docstring(measure), fields(measure))


_REPLACED = {
    "zero": "zero",
    "mean": "its mean over the prompts",
    "resample": "its output on a prompt of another template",
}


def _ablation_words(measure: AblationEffect) -> Markup:
    """What is lost without a head, and where it is taken away."""
    correct, foil = named(measure.correct or ""), named(measure.foil or "")
    lost = {
        "logit-difference": Markup(
            "How far the logit of {} minus {} falls, as a share of the model's mean logit"
            " difference,"
        ).format(correct, foil),
        "probability": Markup("How far the probability of {} falls").format(correct),
        "accuracy": Markup("How many prompts fewer are answered with {}{}").format(
            correct, Markup(" rather than {}").format(foil) if measure.foil else Markup()
        ),
        "loss": Markup("How far the loss of {}, in nats, rises").format(
            correct if measure.correct else Markup("the text that follows")
        ),
    }[measure.metric]
    return Markup(
        "{} when the head's output at {} is replaced by {} and all that follows is computed anew:"
        " above 0, the head is needed."
    ).format(lost, named(measure.at), _REPLACED[measure.replace])


def control_words(control: object, measure: object = None) -> Markup:
    """Where a head of the type should not score."""
    if isinstance(measure, RetrievalScore) and isinstance(control, VaryRole):
        return Markup(
            "Share of the written tokens on which the strongest attention lies on a position of"
            " key role {} that is not the right one, on the same prompts."
        ).format(named(control.key or measure.key))
    if isinstance(control, VaryRole):
        roles = [
            Markup("{} role {}").format(name, named(role))
            for name, role in (("query", control.query), ("key", control.key))
            if role
        ]
        return Markup("The same measure with {}, on the same prompts.").format(
            Markup(" and ").join(roles)
        )
    if isinstance(control, VaryPrompts) and control.variant == SOLVED:
        return Markup("The same measure on the prompts that the model answers correctly.")
    if isinstance(control, VaryPrompts):
        return Markup("The same measure on the variant {} of the same prompts.").format(
            named(control.variant)
        )
    if isinstance(control, VaryTokens):
        if control.shuffle:
            return Markup("The same measure with each token's target taken from another token.")
        return Markup(
            "The same measure when the head reads only what the first MLP wrote along the"
            " successor's embedding."
        )
    if isinstance(control, VaryHeads):
        return Markup("Random heads of the same layers, {} draws.").format(control.draws)
    if isinstance(control, VaryModel):
        return Markup("The same architecture with untrained weights.")
    return Markup("None.")


def criterion_words(criterion: Criterion) -> Markup:
    """When a head counts."""
    parts = [Markup("its score is at least <strong>{}</strong>").format(criterion.min_score)]
    if criterion.min_margin is not None:
        parts.append(
            Markup("exceeds the control by at least <strong>{}</strong>").format(
                criterion.min_margin
            )
        )
    if criterion.max_change is not None:
        parts.append(
            Markup("differs from the control by at most <strong>{}</strong>").format(
                criterion.max_change
            )
        )
    if criterion.max_q is not None:
        parts.append(
            Markup("q for that margin, corrected over all heads, is at most {}").format(
                criterion.max_q
            )
        )
    if len(parts) == 1:
        return Markup("A head counts if {}.").format(parts[0])
    return Markup("A head counts if {} and {}.").format(Markup(", ").join(parts[:-1]), parts[-1])


_GATES = {
    "min_accuracy": "the model answers at least {} of the prompts correctly",
    "min_logit_difference": "its mean logit difference is above {}, with its whole 95% interval",
    "min_single_token": "at least {} of the listed words are one token",
    "min_kept": "at least {} prompts of each kind are left once the model has answered",
    "max_unknown": "at most {} of the prompt tokens are unknown to the tokenizer",
}


def gate_words(gate: Gate) -> Markup:
    """What the model must be able to do."""
    parts = [
        Markup(words).format(value)
        for name, words in _GATES.items()
        if (value := getattr(gate, name)) is not None
    ]
    return Markup("The result means something only if {}.").format(Markup(" and ").join(parts))


def steps(recipe: Recipe) -> list[Step]:
    """The recipe, part by part."""
    made = [
        Step("Prompts", prompts_words(recipe.prompts)),
        Step("Measure", measure_words(recipe.measure)),
        Step("Control", control_words(recipe.control, recipe.measure)),
        Step("Criterion", criterion_words(recipe.criterion)),
    ]
    if recipe.gate is not None:
        made.append(Step("Gate", gate_words(recipe.gate)))
    return made


def identify_words(identify: Identify) -> Markup:
    """How the recipes join per head."""
    names = identify.recipes
    if len(names) == 1:
        return Markup("A head is of this type if the recipe {} finds it.").format(named(names[0]))
    if identify.all_of:
        return Markup("A head is of this type if all of these recipes find it: {}.").format(
            listed(names)
        )
    return Markup("A head is of this type if one of these recipes finds it: {}.").format(
        listed(names, "or")
    )
