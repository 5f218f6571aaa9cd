"""A passage with words of several tokens, and the same passage again."""

from __future__ import annotations

import numpy as np

from catalog.schema.prompts import RepeatedPassage
from verify.builders.split_words import pieces_of
from verify.prompts import CannotBuild, Prompt, PromptSet
from verify.words import Words

_LEAST_WORDS = 8
_MOST_BETWEEN = 3
_MOST_TRIES = 30

_Word = tuple[int, ...]


def repeated_passage(parameters: RepeatedPassage, words: Words) -> PromptSet:
    """``[BOS] f word f f word f .. | f word f f``: the second part ends where a word is due.

    ``shown`` different words that the tokenizer splits into two to five pieces, each after one to
    three fillers of one token and all fillers distinct, one more at the end; then the same from the
    start, up to the filler before the word that is asked for, which is never the same one by place.
    Words are written with a space before them, where the tokenizer knows one. Variant ``nonsense``:
    in place of each word as many pieces, the first that of another word, the last the last of
    another, those between from anywhere between, so that together they are no listed word.

    Query role ``end``, the last token. Key roles, all in the first part: ``first-piece`` and
    ``last-piece`` of the word that is due, ``other-last-pieces`` those of the other words. Each
    prompt is a cluster of its own. ``left_out`` counts listed words that are not split so.

    Raises:
        CannotBuild: if too few listed words are split, too few fillers are one token, or no
            nonsense can be made of the pieces.
    """
    random = np.random.default_rng(parameters.seed)
    listed = words.vocabularies[parameters.words].words or ()
    usable = pieces_of(words, listed)
    fillers = sorted(words.tokens(words.vocabularies[parameters.fillers].words or ()).values())
    if len(usable) < max(_LEAST_WORDS, parameters.shown + 1):
        raise CannotBuild(f"the tokenizer splits {len(usable)} of {len(listed)} listed words")
    if len(fillers) < _MOST_BETWEEN * parameters.shown + 1:
        raise CannotBuild(f"only {len(fillers)} fillers are one token")
    original: list[Prompt] = []
    nonsense: list[Prompt] = []
    for index in range(parameters.count):
        chosen = [usable[int(i)] for i in random.permutation(len(usable))[: parameters.shown]]
        counts = random.integers(1, _MOST_BETWEEN + 1, size=parameters.shown).tolist()
        drawn = random.choice(fillers, size=sum(counts) + 1, replace=False).tolist()
        between = [[int(drawn.pop()) for _ in range(count)] for count in (*counts, 1)]
        asked = int(random.integers(parameters.shown))
        for made, shown in (
            (original, chosen),
            (nonsense, [_nonsense(random, usable, word) for word in chosen]),
        ):
            made.append(_prompt(words, between, shown, asked, index))
    return PromptSet(
        {"original": tuple(original), "nonsense": tuple(nonsense)},
        left_out=len(listed) - len(usable),
    )


def _nonsense(random: np.random.Generator, usable: list[_Word], word: _Word) -> _Word:
    """As many pieces as the word has, each from its place in a word, and none of the words.

    Raises:
        CannotBuild: if none turns up.
    """
    inner = [piece for one in usable for piece in one[1:-1]]
    for _ in range(_MOST_TRIES):
        first, last = (usable[int(i)] for i in random.integers(len(usable), size=2))
        middle = [inner[int(i)] for i in random.integers(len(inner), size=len(word) - 2)]
        made = (first[0], *middle, last[-1])
        if made not in usable and made[-1] != made[0]:
            return made
    raise CannotBuild("the words share their pieces: no nonsense can be made of them")


def _prompt(
    words: Words, between: list[list[int]], shown: list[_Word], asked: int, index: int
) -> Prompt:
    passage: list[int] = []
    spans: list[tuple[int, int]] = []
    start = len(words.start)
    for fillers, word in zip(between, shown, strict=False):
        passage.extend(fillers)
        spans.append((start + len(passage), start + len(passage) + len(word)))
        passage.extend(word)
    passage.extend(between[-1])
    again = passage[: spans[asked][0] - start]
    ids = (*words.start, *passage, *again)
    return Prompt(
        ids=ids,
        queries={"end": (len(ids) - 1,)},
        places={
            "first-piece": (spans[asked][0],),
            "last-piece": (spans[asked][1] - 1,),
            "other-last-pieces": tuple(
                end - 1 for which, (_, end) in enumerate(spans) if which != asked
            ),
        },
        cluster=index,
    )
