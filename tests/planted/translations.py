"""A word to be translated into a language, among another word and another language.

Coordinates: ``french`` the code of a noun's translation; ``out``; flags ``language`` and ``noun``,
``into`` and ``word`` for these two words, ``after_into`` and ``after_word``.

====  =========================================================================================
0.0   previous-token head: writes ``after_into`` and ``after_word``
1.0   indicator head: the language after "into"
1.1   all languages alike. Group mate of 1.0
1.2   source head: the noun after "word"; writes ``french`` to ``out``
1.3   all nouns alike; writes ``french``. Group mate of 1.2
1.4   the last language
1.5   the last noun. Group mate of 1.4
2.0   the first language
2.1   the first noun. Group mate of 2.0
2.2   attends evenly
====  =========================================================================================
"""

from __future__ import annotations

from tests.planted.build import Impostor, Planted, plant
from tests.planted.space import AT_OFFSET, Family, Group, Head, Space, is_one_of
from tests.planted.words import (
    CODE_SIZE,
    OUT_SIZE,
    Array,
    pairs,
    partner_codes,
    token_codes,
    vocabulary,
)

_FLAG = 60.0


def translations_model(family: Family) -> Planted:
    """Three layers; the model gives the French word for the noun that is asked for."""
    words = vocabulary()
    nouns = [noun for noun, _ in pairs("french-nouns")]
    languages = [language for _, language in pairs("languages")]
    space = Space(
        family,
        french=CODE_SIZE,
        out=OUT_SIZE,
        language=1,
        noun=1,
        into=1,
        word=1,
        after_into=1,
        after_word=1,
    )
    after = space.write_flags("after_into", "after_word")
    looking_back = Group(
        key=space.positions(),
        value=space.read_flags("into", "word"),
        heads=(
            Head(space.at_offset(1, AT_OFFSET), after),
            space.quiet(),
        ),
    )
    write = space.write("out")
    kinds = space.positions() + space.read_flags("language", "noun", "after_into", "after_word")

    def looking(one: Array, other: Array, scales: tuple[float, float] = (0.1, 0.1)) -> Group:
        return Group(
            key=kinds,
            value=space.read("french"),
            heads=(Head(one, scales[0] * write), Head(other, scales[1] * write)),
        )

    language, noun = space.want_flags(10 * _FLAG), space.want_flags(0.0, 10 * _FLAG)
    first, last = space.by_distance(3.0), space.by_distance(-3.0)
    return plant(
        "translations",
        space,
        embedding=space.rows(
            len(words),
            french=partner_codes("french-nouns"),
            language=is_one_of(languages, words),
            noun=is_one_of(nouns, words),
            into=is_one_of(("into",), words),
            word=is_one_of(("word",), words),
        ),
        unembedding=space.rows(len(words), out=8 * token_codes()[:, :OUT_SIZE]),
        layers=[
            [looking_back],
            [
                looking(space.want_flags(_FLAG, 0.0, _FLAG), space.want_flags(_FLAG)),
                looking(
                    space.want_flags(0.0, _FLAG, 0.0, _FLAG),
                    space.want_flags(0.0, _FLAG),
                    (4.0, 0.5),
                ),
                looking(language + last, noun + last),
            ],
            [
                looking(language + first, noun + first),
                looking(space.nothing(), space.nothing()),
            ],
        ],
        heads={"indicator-head": {"1.0"}, "source-translation-head": {"1.2"}},
        impostors=[
            Impostor("1.1", "indicator-head", "attends to all languages"),
            Impostor("1.4", "indicator-head", "attends to the last language"),
            Impostor("2.0", "indicator-head", "attends to the first language"),
            Impostor("1.2", "indicator-head", "attends to the word"),
            Impostor("2.2", "indicator-head", "uniform attention"),
            Impostor("1.3", "source-translation-head", "attends to all nouns"),
            Impostor("1.5", "source-translation-head", "attends to the last noun"),
            Impostor("2.1", "source-translation-head", "attends to the first noun"),
            Impostor("1.0", "source-translation-head", "attends to the language"),
            Impostor("2.2", "source-translation-head", "uniform attention"),
        ],
    )
