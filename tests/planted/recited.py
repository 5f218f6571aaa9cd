"""Three words told of each of two people, and an answer that recites those of one of them.

"For Anna the secret is apple, bread and horse": the words stand 1, 3 and 5 after "is". In the
answer "comes" and "called" ask for the first, "then" for the second and "last" for the third.

Coordinates: ``token`` the code of the present token; ``person`` the code of the last name; flags
``name``, ``noun``, ``is``, ``comes`` (and for "called"), ``then`` and ``last``, and ``rank_1`` to
``rank_3``, 1, 3 and 5 after "is"; ``out``.

====  =========================================================================================
0.0   attends 1 back; writes ``rank_1`` after "is"
0.1   attends 3 back; writes ``rank_2``. Group mate of 0.0
0.2   attends 5 back; writes ``rank_3``
0.4   the nearest name; writes ``token`` to ``person``
1.0   retrieval head: of the query's ``person`` the word whose turn it is; copies
1.1   the first word of the query's ``person``, whatever is due. Group mate of 1.0
1.2   the last word whose turn it is, whoever's
1.3   the first such. Group mate of 1.2
1.4   all words told alike
1.5   attends evenly. Group mate of 1.4
====  =========================================================================================
"""

from __future__ import annotations

from tests.planted.build import Impostor, Planted, plant
from tests.planted.space import AT_OFFSET, SHARP, Family, Group, Head, Space, is_one_of
from tests.planted.words import CODE_SIZE, OUT_SIZE, Array, token_codes, vocabulary, word_list

_FLAG = 600.0
"""Any difference of order is small beside being a noun whose turn it is, within 250 tokens."""
_TURNS = ("comes", "then", "last")
_RANKS = ("rank_1", "rank_2", "rank_3")


def recited_model(family: Family) -> Planted:
    """Two layers; the model recites the words of the person who is asked about."""
    return _reciting("recited", family, of_last=False)


def recited_last_model(family: Family) -> Planted:
    """The same heads, but 1.2 copies and 1.0 does not: whoever is asked about, it recites the
    words of the person told last, and so is right where that is the one."""
    return _reciting("recited-last", family, of_last=True)


def _reciting(name: str, family: Family, *, of_last: bool) -> Planted:
    words = vocabulary()
    tokens = token_codes()
    flags = dict.fromkeys(("name", "noun", "is", *_TURNS, *_RANKS), 1)
    asking = {"is": ("is",), "comes": ("comes", "called"), "then": ("then",), "last": ("last",)}
    space = Space(family, token=CODE_SIZE, person=CODE_SIZE, out=OUT_SIZE, **flags)
    here, token = space.positions(), space.read("token")
    copy, nothing = 4 * space.write("out"), space.silence()
    nearest, first = space.by_distance(-3.0), space.by_distance(3.0)

    def turn(score: float) -> Array:
        """A query for a noun of the rank whose turn it is."""
        wanted = space.want_flags(0.0, 0.0, 0.0, score)
        for place, word in enumerate(_TURNS):
            wanted = wanted + space.want_flags_if(word, *(score * (i == place) for i in range(3)))
        return wanted

    def back(offset: int, rank: str) -> Head:
        return Head(space.at_offset(offset, AT_OFFSET), space.write_flags(rank))

    ranked = space.read_flags(*_RANKS, "noun")
    return plant(
        name,
        space,
        embedding=space.rows(
            len(words),
            token=tokens,
            name=is_one_of(word_list("names"), words),
            noun=is_one_of(word_list("nouns"), words),
            **{flag: is_one_of(those, words) for flag, those in asking.items()},
        ),
        unembedding=space.rows(len(words), out=8 * tokens[:, :OUT_SIZE]),
        layers=[
            [
                Group(
                    key=here,
                    value=space.read_flags("is"),
                    heads=(back(1, "rank_1"), back(3, "rank_2")),
                ),
                Group(
                    key=here, value=space.read_flags("is"), heads=(back(5, "rank_3"), space.quiet())
                ),
                Group(
                    key=here + space.read_flags("name"),
                    value=token,
                    heads=(
                        Head(space.want_flags(_FLAG) + nearest, space.write("person")),
                        space.quiet(),
                    ),
                ),
            ],
            [
                Group(
                    key=space.read("person") + ranked,
                    value=token,
                    heads=(
                        Head(
                            space.read("person", SHARP) + turn(2 * SHARP),
                            nothing if of_last else copy,
                        ),
                        Head(
                            space.read("person", SHARP)
                            + space.want_flags(2 * SHARP, SHARP, SHARP, 2 * SHARP),
                            nothing,
                        ),
                    ),
                ),
                Group(
                    key=here + ranked,
                    value=token,
                    heads=(
                        Head(turn(_FLAG) + nearest, copy if of_last else nothing),
                        Head(turn(_FLAG) + first, nothing),
                    ),
                ),
                Group(
                    key=ranked,
                    value=token,
                    heads=(
                        Head(space.want_flags(SHARP, SHARP, SHARP, SHARP), nothing),
                        space.quiet(),
                    ),
                ),
            ],
        ],
        heads={} if of_last else {"retrieval-head": {"1.0"}},
        impostors=[
            *(
                [Impostor("1.0", "retrieval-head", "is not what the model writes")]
                if of_last
                else []
            ),
            Impostor("1.1", "retrieval-head", "attends to the first word of the right needle"),
            Impostor("1.2", "retrieval-head", "attends to the last needle"),
            Impostor("1.3", "retrieval-head", "attends to the first needle"),
            Impostor("1.4", "retrieval-head", "attends to every such word"),
            Impostor("1.5", "retrieval-head", "uniform attention"),
        ],
    )
