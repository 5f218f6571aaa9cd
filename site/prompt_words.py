"""What the model reads, in words."""

from __future__ import annotations

from typing import Any

from in_words import docstring, fields, listed, named, one_of
from markupsafe import Markup

from catalog.schema.answered import GIVEN, SOLVED, STRONGEST_WRONG, Answered
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


def prompts_words(prompts: Any) -> Markup:
    """What the model reads."""
    if isinstance(prompts, Tokens):
        source = prompts.tokens
        what = (
            Markup("A random sample of {} tokens of the vocabulary").format(source.sample)
            if source.sample is not None
            else Markup("The words of {}").format(listed(source.vocabulary or ()))
        )
        if source.initials:
            what = Markup(
                "{}, each by its first token, and as its target its initial of {}"
            ).format(what, named(source.initials))
        text = Markup("{}; only weights are read, the model is not run.").format(what)
    elif isinstance(prompts, RepeatedRandomTokens):
        pool = (
            Markup("tokens drawn from the list {}").format(named(prompts.pool))
            if prompts.pool
            else Markup("random tokens")
        )
        gap = "a gap of random length" if prompts.gap == "random" else f"a gap of {prompts.gap}"
        text = Markup("{} prompts: a block of {} ({} long), {}, and the same block again.").format(
            prompts.count, pool, one_of(prompts.periods), gap
        )
    elif isinstance(prompts, RandomTokens):
        text = Markup("{} prompts of {} independent random tokens.").format(
            prompts.count, prompts.length
        )
    elif isinstance(prompts, NaturalText):
        text = Markup("{} passages of {} tokens from the text set {}.").format(
            prompts.count, prompts.length, named(prompts.text)
        )
    elif isinstance(prompts, IndirectObject):
        text = Markup(
            "{} sentences in which one of two names comes again before a gift: the other name is"
            " due next. Half of them name the receiver first. Lists: {}."
        ).format(prompts.count, listed(prompts.vocabularies()))
    elif isinstance(prompts, DistantRepeats):
        text = Markup(
            "{} prompts: a block of random tokens ({} long) and at once the same block again."
        ).format(prompts.count, one_of(prompts.blocks))
    elif isinstance(prompts, TwoTexts):
        text = Markup(
            "{} passages of {} tokens from the text set {}, and as many from {} for comparison."
        ).format(prompts.count, prompts.length, named(prompts.text), named(prompts.other))
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
        ).format(prompts.count, prompts.length, prompts.candidates, one_of(prompts.distances))
    elif isinstance(prompts, SplitWords):
        text = Markup(
            "{} prompts of {} words from {} that the tokenizer splits, with words of {} between"
            " them; the first piece of one of them comes again at the end."
        ).format(prompts.count, prompts.shown, named(prompts.words), named(prompts.fillers))
    elif isinstance(prompts, RepeatedPassage):
        text = Markup(
            "{} prompts of {} words from {} that the tokenizer splits, with words of {} between"
            " them, and the same again up to right before one of them. Variant"
            " <code>nonsense</code> has pieces of other words in place of each."
        ).format(prompts.count, prompts.shown, named(prompts.words), named(prompts.fillers))
    elif isinstance(prompts, Templates):
        text = _template_words(prompts)
    elif isinstance(prompts, Series):
        text = Markup("{} runs of {} words from {}; the next word is due.").format(
            prompts.count, prompts.shown, listed(prompts.series, "or")
        )
    else:
        return Markup("{} ({})").format(docstring(prompts), fields(prompts))
    return Markup("{} Seed {}.").format(text, prompts.seed)


def _template_words(prompts: Templates) -> Markup:
    """Lists, roles and variants of prompts from templates."""
    text = Markup("{} prompts from the sentences of {}, filled from {}.").format(
        prompts.count, named(prompts.templates), listed(prompts.vocabularies()[1:])
    )
    if prompts.roles:
        roles = [
            Markup("{} is {}").format(named(role), listed(slots))
            for role, slots in prompts.roles.items()
        ]
        text += Markup(" Roles: {}.").format(Markup("; ").join(roles))
    if prompts.corrupt:
        text += Markup(" The variant {} has other words for {}.").format(
            named("corrupted"), listed(tuple(prompts.corrupt))
        )
    if prompts.answers_from:
        answers = [
            Markup("{} is {}").format(named(role), named(slot))
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
            ).format(named(prompts.writes))
        return Markup(" Only those count that the model itself answers correctly.")
    if prompts.keep == "answered-wrongly":
        with_what = (
            Markup(" with another word of {}").format(named(prompts.candidates))
            if prompts.candidates
            else Markup("")
        )
        return Markup(
            " Only those count that the model itself answers wrongly{}: {} is that answer; the"
            " variant {} has those that it answers correctly, with wrong answers drawn from the"
            " others as {} and the wrong answer of the highest logit as {}."
        ).format(with_what, named(GIVEN), named(SOLVED), named(GIVEN), named(STRONGEST_WRONG))
    return Markup("")
