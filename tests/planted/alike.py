"""Two heads that differ in nothing but who reads what they write; one of them is needed on code.

On code both attend to brackets and equals signs, on prose both rest on ``bos``. Coordinates:
``token`` the code of the present token, flags ``bos`` and ``code``; ``at_work``, which head 1.0
reads; ``unread``, which nothing does; ``marks_due``, which the unembedding reads.

====  =========================================================================================
0.0   the nearest ``code`` mark, else ``bos``; writes to ``at_work``
0.1   the same query, key and value; writes to ``unread``. Group mate of 0.0
1.0   reads ``at_work`` where it stands and raises the logits of ``code`` marks
====  =========================================================================================
"""

from __future__ import annotations

import numpy as np

from tests.planted.build import Impostor, Planted, plant
from tests.planted.kinds import CODE_MARKS
from tests.planted.space import AT_OFFSET, Family, Group, Head, Space, is_one_of
from tests.planted.words import CODE_SIZE, token_codes, vocabulary

_REST = 300.0
_WORK = 600.0


def alike_model(family: Family) -> Planted:
    """Two layers; on code the model expects code marks, if 0.0 tells it to."""
    words = vocabulary()
    marks = is_one_of(CODE_MARKS, words)
    space = Space(family, token=CODE_SIZE, bos=1, code=1, at_work=1, unread=1, marks_due=1)

    working = space.want_flags(_REST, _WORK) + space.by_distance(-1.0)
    both = Group(
        key=space.positions() + space.read_flags("bos", "code"),
        value=space.read_flags("code"),
        heads=tuple(Head(working, space.write_flags(block)) for block in ("at_work", "unread")),
    )
    raising = Group(
        key=space.positions(),
        value=space.read_flags("at_work"),
        heads=(
            Head(space.at_offset(0, AT_OFFSET), space.write_flags("marks_due")),
            space.quiet(),
        ),
    )
    return plant(
        "alike",
        space,
        embedding=space.rows(
            len(words), token=token_codes(), bos=np.eye(len(words))[0], code=marks
        ),
        unembedding=space.rows(len(words), marks_due=4 * marks),
        layers=[
            [both],
            [raising],
        ],
        heads={"active-dormant": {"0.0"}},
        impostors=[
            Impostor("0.1", "active-dormant", "the same attention and OV, read by no head"),
        ],
    )
