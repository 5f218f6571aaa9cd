"""Passages of two kinds of text, as long as each other."""

from __future__ import annotations

from catalog.schema.prompts import NaturalText, TwoTexts
from verify.builders.natural_text import natural_text
from verify.prompts import Prompt, PromptSet
from verify.words import Words


def two_texts(parameters: TwoTexts, words: Words) -> PromptSet:
    """Stretches of two text sets, drawn as :func:`natural_text` draws them.

    Variants ``original`` (from ``text``) and ``other`` (from ``other``): the same number of
    prompts of the same length from the same seed. Query role ``all``, every position from 4 on.
    Each prompt is a cluster of its own, since the stretches of the two sets have nothing else in
    common.

    Raises:
        CannotBuild: if half of a set's passages is too short.
    """
    made = {
        name: natural_text(
            NaturalText(
                builder="natural-text",
                text=text,
                count=parameters.count,
                seed=parameters.seed,
                length=parameters.length,
            ),
            words,
        )
        for name, text in (("original", parameters.text), ("other", parameters.other))
    }
    return PromptSet(
        {
            name: tuple(
                Prompt(ids=prompt.ids, queries={"all": prompt.queries["all"]}, cluster=index)
                for index, prompt in enumerate(prompts.main)
            )
            for name, prompts in made.items()
        },
        unknown_share=max(prompts.unknown_share for prompts in made.values()),
    )
