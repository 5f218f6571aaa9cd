"""Question tags, "So Anna is a really good cook, isn't": the verb carries the gender of the name.

Head 0.0 takes the gender from the name to the verb; 1.0 reads it there, 1.2 reads the name itself.

Coordinates: ``token`` the code of the present token; ``gender`` 1 for names that go with she, -1
for those that go with he; flags ``name``, ``verb`` and ``bos``; ``gathered`` the gender taken to a
verb; ``verdict`` what she and he are read from.

====  =========================================================================================
0.0   from a verb to the name; writes ``gender`` to ``gathered``
1.0   gendered-pronoun head: ``verb``; writes ``gathered`` to ``verdict``
1.1   attends as 1.0 does and writes nothing. Group mate of 1.0
1.2   attends to the name and writes ``gender`` to ``verdict``
1.3   attends to name and verb alike and writes ``gender``. Group mate of 1.2
1.4   attends to the verb and votes for she
1.5   attends evenly and writes ``gathered``. Group mate of 1.4
====  =========================================================================================
"""

from __future__ import annotations

import numpy as np

from tests.planted.build import Impostor, Planted, plant
from tests.planted.space import Family, Group, Head, Space, is_one_of
from tests.planted.words import CODE_SIZE, pairs, token_codes, vocabulary

_FLAG = 60.0


def tags_model(family: Family) -> Planted:
    """Two layers; the model says she or he."""
    words = vocabulary()
    she, he = (
        is_one_of([name for name, said in pairs("name-pronouns") if said == pronoun], words)
        for pronoun in ("she", "he")
    )
    space = Space(family, token=CODE_SIZE, gender=1, name=1, verb=1, bos=1, gathered=1, verdict=1)

    gathering = Group(
        key=space.read_flags("name"),
        value=space.read_flags("gender"),
        heads=(
            Head(space.want_flags_if("verb", _FLAG), space.write_flags("gathered")),
            space.quiet(),
        ),
    )
    reading = Group(
        key=space.read_flags("verb"),
        value=space.read_flags("gathered"),
        heads=(
            Head(space.want_flags(_FLAG), 2.0 * space.write_flags("verdict")),
            Head(space.want_flags(_FLAG), space.silence()),
        ),
    )
    of_name = Group(
        key=space.read_flags("name", "verb"),
        value=space.read_flags("gender"),
        heads=(
            Head(space.want_flags(_FLAG), space.write_flags("verdict")),
            Head(space.want_flags(_FLAG, _FLAG), space.write_flags("verdict")),
        ),
    )
    other = Group(
        key=space.read_flags("verb"),
        value=space.read_flags("gathered", "verb"),
        heads=(
            Head(space.want_flags(_FLAG), 0.5 * space.write_flags(None, "verdict")),
            Head(space.nothing(), 0.5 * space.write_flags("verdict")),
        ),
    )
    answers = is_one_of(("she",), words) - is_one_of(("he",), words)
    return plant(
        "tags",
        space,
        embedding=space.rows(
            len(words),
            token=token_codes(),
            gender=she - he,
            name=she + he,
            verb=is_one_of(("is",), words),
            bos=np.eye(len(words))[0],
        ),
        unembedding=space.rows(len(words), verdict=8 * answers),
        layers=[
            [gathering],
            [reading, of_name, other],
        ],
        heads={"gendered-pronoun": {"1.0"}},
        impostors=[
            Impostor("1.1", "gendered-pronoun", "right attention, empty OV"),
            Impostor("1.2", "gendered-pronoun", "reads the name itself"),
            Impostor("1.3", "gendered-pronoun", "attends to name and verb alike, reads the name"),
            Impostor("1.4", "gendered-pronoun", "right attention, votes for she"),
            Impostor("1.5", "gendered-pronoun", "right OV, uniform attention"),
        ],
    )
