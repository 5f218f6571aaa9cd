"""A recipe in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup
from measure_words import docstring_words

from catalog.drawing.escaping import plain
from catalog.schema.answered import GIVEN, SOLVED, STRONGEST_WRONG, Answered
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
from catalog.schema.prompts import (
    DistantRepeats,
    HeadTriples,
    IndirectObject,
    NaturalText,
    NGrams,
    RandomTokens,
    RepeatedPassage,
    RepeatedRandomTokens,
    Series,
    SplitWords,
    Templates,
    Tokens,
    TwoTexts,
)
from catalog.schema.recipe import Criterion, Gate, Identify, Recipe


@dataclass(frozen=True)
class Step:
    """One line of a recipe: what it is about, and its sentence."""

    name: str
    text: Markup


def _c(name: object) -> Markup:
    return Markup(f"<code>{plain(str(name))}</code>")


def _list(names: tuple[object, ...], last: str = "and") -> Markup:
    shown = [_c(name) for name in names]
    if len(shown) < 2:
        return Markup("").join(shown)
    return Markup("{} {} {}").format(Markup(", ").join(shown[:-1]), last, shown[-1])


def _plain_list(numbers: tuple[int, ...]) -> str:
    shown = [str(number) for number in numbers]
    return " or ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def _docstring(part: object) -> Markup:
    """First paragraph of the docstring of a part of the language, for kinds without words here."""
    return docstring_words((type(part).__doc__ or "").strip().split("\n\n")[0])


def _fields(part: Any) -> Markup:
    """What was set, as ``name value``."""
    data = part.model_dump(mode="json", exclude_none=True)
    pairs = [
        Markup("{} {}").format(name.replace("_", "-"), _c(_short(value)))
        for name, value in data.items()
        if name not in {"builder", "kind", "vary", "status"}
    ]
    return Markup(", ").join(pairs)


def _short(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(str(v) for v in value)
    if isinstance(value, dict):
        return ", ".join(f"{key} {_short(v)}" for key, v in value.items())
    return str(value)


def prompts_words(prompts: Any) -> Markup:
    """What the model reads."""
    if isinstance(prompts, Tokens):
        source = prompts.tokens
        what = (
            Markup("A random sample of {} tokens of the vocabulary").format(source.sample)
            if source.sample is not None
            else Markup("The words of {}").format(_list(source.vocabulary or ()))
        )
        if source.initials:
            what = Markup(
                "{}, each by its first token, and as its target its initial of {}"
            ).format(what, _c(source.initials))
        text = Markup("{}; only weights are read, the model is not run.").format(what)
    elif isinstance(prompts, RepeatedRandomTokens):
        pool = (
            Markup("tokens drawn from the list {}").format(_c(prompts.pool))
            if prompts.pool
            else Markup("random tokens")
        )
        gap = "a gap of random length" if prompts.gap == "random" else f"a gap of {prompts.gap}"
        text = Markup("{} prompts: a block of {} ({} long), {}, and the same block again.").format(
            prompts.count, pool, _plain_list(prompts.periods), gap
        )
    elif isinstance(prompts, RandomTokens):
        text = Markup("{} prompts of {} independent random tokens.").format(
            prompts.count, prompts.length
        )
    elif isinstance(prompts, NaturalText):
        text = Markup("{} passages of {} tokens from the text set {}.").format(
            prompts.count, prompts.length, _c(prompts.text)
        )
    elif isinstance(prompts, IndirectObject):
        text = Markup(
            "{} sentences in which one of two names comes again before a gift: the other name is"
            " due next. Half of them name the receiver first. Lists: {}."
        ).format(prompts.count, _list(prompts.vocabularies()))
    elif isinstance(prompts, DistantRepeats):
        text = Markup(
            "{} prompts: a block of random tokens ({} long) and at once the same block again."
        ).format(prompts.count, _plain_list(prompts.blocks))
    elif isinstance(prompts, TwoTexts):
        text = Markup(
            "{} passages of {} tokens from the text set {}, and as many from {} for comparison."
        ).format(prompts.count, prompts.length, _c(prompts.text), _c(prompts.other))
    elif isinstance(prompts, NGrams):
        text = Markup(
            "{} prompts of random tokens in which a token came twice before, once after the token"
            " that precedes it now and once after another."
        ).format(prompts.count)
    elif isinstance(prompts, HeadTriples):
        text = Markup(
            "{} prompts of {} tokens for each head, made from its weights: its strongest triples of"
            " source, destination and output among {} tokens of the vocabulary. The source stands"
            " in random tokens, {} before the destination at the end. Variant"
            " <code>other-source</code> has the source of another triple,"
            " <code>other-destination</code> a random token at the end; the answer"
            " <code>other-output</code> is the output of another triple."
        ).format(prompts.count, prompts.length, prompts.candidates, _plain_list(prompts.distances))
    elif isinstance(prompts, SplitWords):
        text = Markup(
            "{} prompts of {} words from {} that the tokenizer splits, with words of {} between"
            " them; the first piece of one of them comes again at the end."
        ).format(prompts.count, prompts.shown, _c(prompts.words), _c(prompts.fillers))
    elif isinstance(prompts, RepeatedPassage):
        text = Markup(
            "{} prompts of {} words from {} that the tokenizer splits, with words of {} between"
            " them, and the same again up to right before one of them. Variant"
            " <code>nonsense</code> has pieces of other words in place of each."
        ).format(prompts.count, prompts.shown, _c(prompts.words), _c(prompts.fillers))
    elif isinstance(prompts, Templates):
        text = _template_words(prompts)
    elif isinstance(prompts, Series):
        text = Markup("{} runs of {} words from {}; the next word is due.").format(
            prompts.count, prompts.shown, _list(prompts.series, "or")
        )
    else:
        return Markup("{} ({})").format(_docstring(prompts), _fields(prompts))
    return Markup("{} Seed {}.").format(text, prompts.seed)


def _template_words(prompts: Templates) -> Markup:
    """Lists, roles and variants of prompts from templates."""
    text = Markup("{} prompts from the sentences of {}, filled from {}.").format(
        prompts.count, _c(prompts.templates), _list(prompts.vocabularies()[1:])
    )
    if prompts.roles:
        roles = [
            Markup("{} is {}").format(_c(role), _list(slots))
            for role, slots in prompts.roles.items()
        ]
        text += Markup(" Roles: {}.").format(Markup("; ").join(roles))
    if prompts.corrupt:
        text += Markup(" The variant {} has other words for {}.").format(
            _c("corrupted"), _list(tuple(prompts.corrupt))
        )
    if prompts.answers_from:
        answers = [
            Markup("{} is {}").format(_c(role), _c(slot))
            for role, slot in prompts.answers_from.items()
        ]
        text += Markup(" Answers: {}.").format(Markup("; ").join(answers))
    return text + _kept_words(prompts)


def _kept_words(prompts: Answered) -> Markup:
    """Which of the prompts are left once the model has answered them."""
    if prompts.keep == "answered-correctly":
        if prompts.writes:
            return Markup(
                " The answer stands in the prompt, and only those count on which the model would"
                " itself have written each token after {}."
            ).format(_c(prompts.writes))
        return Markup(" Only those count that the model itself answers correctly.")
    if prompts.keep == "answered-wrongly":
        with_what = (
            Markup(" with another word of {}").format(_c(prompts.candidates))
            if prompts.candidates
            else Markup("")
        )
        return Markup(
            " Only those count that the model itself answers wrongly{}: {} is that answer; the"
            " variant {} has those that it answers correctly, with wrong answers drawn from the"
            " others as {} and the wrong answer of the highest logit as {}."
        ).format(with_what, _c(GIVEN), _c(SOLVED), _c(GIVEN), _c(STRONGEST_WRONG))
    return Markup("")


def measure_words(measure: Measure) -> Markup:
    """What is computed per head."""
    if isinstance(measure, Attention):
        return Markup(
            "Attention from query role {} to key role {}: the share of a query's attention on those"
            " keys, averaged over the queries of a prompt."
        ).format(_c(measure.query), _c(measure.key))
    if isinstance(measure, OffsetConcentration):
        return Markup(
            "Share of queries (role {}) whose strongest key lies at one fixed distance back, from 1"
            " to {}; each head's distance is chosen on the shuffled prompts."
        ).format(_c(measure.query), measure.max_offset)
    if isinstance(measure, AttentionToPredicted):
        return Markup(
            "Attention from query role {} to the context token that the residual stream before the"
            " head predicts most."
        ).format(_c(measure.query))
    if isinstance(measure, RetrievalScore):
        return Markup(
            "Share of written tokens on which the head's strongest attention lies when they are"
            " written: from query role {} to the key of the same place in key role {}."
        ).format(_c(measure.query), _c(measure.key))
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
        minus = Markup(" minus {}").format(_c(measure.foil)) if measure.foil else Markup()
        scale = (
            "as a share of the model's mean logit difference"
            if measure.scale == "share"
            else "in logits"
        )
        sign = "; a negative effect counts" if measure.direction == "negative" else ""
        through = (
            Markup(", of what it moves there from {},").format(_c(measure.through))
            if measure.through
            else Markup()
        )
        return Markup(
            "What the head writes at {}{} directly to the logit of {}{}, {}, with the final norm"
            " held fixed{}."
        ).format(_c(measure.at), through, _c(measure.correct), minus, scale, sign)
    if isinstance(measure, AblationEffect) and measure.also is None:
        return _ablation_words(measure)
    return Markup("{} ({})").format(_docstring(measure), _fields(measure))


_REPLACED = {
    "zero": "zero",
    "mean": "its mean over the prompts",
    "resample": "its output on a prompt of another template",
}


def _ablation_words(measure: AblationEffect) -> Markup:
    """What is lost without a head, and where it is taken away."""
    correct, foil = _c(measure.correct or ""), _c(measure.foil or "")
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
    ).format(lost, _c(measure.at), _REPLACED[measure.replace])


def control_words(control: object, measure: object = None) -> Markup:
    """Where a head of the type should not score."""
    if isinstance(measure, RetrievalScore) and isinstance(control, VaryRole):
        return Markup(
            "Share of the written tokens on which the strongest attention lies on a position of"
            " key role {} that is not the right one, on the same prompts."
        ).format(_c(control.key or measure.key))
    if isinstance(control, VaryRole):
        roles = [
            Markup("{} role {}").format(name, _c(role))
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
            _c(control.variant)
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
        return Markup("A head is of this type if the recipe {} finds it.").format(_c(names[0]))
    if identify.all_of:
        return Markup("A head is of this type if all of these recipes find it: {}.").format(
            _list(names)
        )
    return Markup("A head is of this type if one of these recipes finds it: {}.").format(
        _list(names, "or")
    )
