"""Heads on words of several tokens. The tokenizer cuts rare words into pieces of three letters.

Coordinates: ``token`` the code of the present token, ``continuing`` (whether it continues a word),
``bos``, ``out``.

====  =========================================================================================
0.0   subword-merge head: the token before if the present one continues a word, else ``bos``
0.1   previous-token head, whatever the token. Group mate of 0.0
0.2   attends to pieces that continue any word
0.3   attends evenly. Group mate of 0.2
====  =========================================================================================
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from tokenizers import Regex, Tokenizer
from tokenizers.models import WordPiece
from tokenizers.pre_tokenizers import Split
from transformers import PreTrainedTokenizerFast

from tests.planted.build import Impostor, Planted, plant
from tests.planted.space import AT_OFFSET, Family, Group, Head, Space
from tests.planted.words import CODE_SIZE, SPECIALS, as_shipped, codes, word_list

_PIECE = 3
_REST = 150.0
"""Score of ``bos`` where the present token starts a word; above any offset."""
_FLAG = 40.0


def pieces_of(word: str) -> list[str]:
    """The pieces of a rare word; ## marks continuing ones."""
    parts = [word[i : i + _PIECE] for i in range(0, len(word), _PIECE)]
    return [parts[0], *(f"##{part}" for part in parts[1:])]


@lru_cache
def pieces() -> tuple[str, ...]:
    """Every token: the specials, nouns, and pieces of rare words."""
    made = dict.fromkeys((*SPECIALS, *word_list("nouns")))
    for word in word_list("long-words"):
        made.update(dict.fromkeys(pieces_of(word)))
    return tuple(made)


def pieces_tokenizer() -> PreTrainedTokenizerFast:
    """Nouns are one token, rare words a first piece and continuing ones."""
    table = {token: i for i, token in enumerate(pieces())}
    built = Tokenizer(WordPiece(table, unk_token="<unk>"))
    built.pre_tokenizer = Split(Regex(r"\w+|[^\w\s]"), behavior="removed", invert=True)
    return as_shipped(built)


def pieces_model(family: Family) -> Planted:
    """One layer that matters and an idle one."""
    words = pieces()
    tokens = np.zeros((len(words), CODE_SIZE))
    tokens[len(SPECIALS) :] = codes(len(words) - len(SPECIALS), CODE_SIZE, 0.5, seed=9)
    space = Space(family, token=CODE_SIZE, out=CODE_SIZE, continuing=1, bos=1)
    copy = space.write("out", 0.1)
    unless_continuing = space.want_flags(_REST) + space.want_flags_if("continuing", -_REST)
    back = space.at_offset(1, AT_OFFSET)
    merging = Group(
        key=space.positions() + space.read_flags("bos"),
        value=space.read("token"),
        heads=(Head(back + unless_continuing, copy), Head(back, copy)),
    )
    other = Group(
        key=space.read_flags("continuing"),
        value=space.read("token"),
        heads=(Head(space.want_flags(_FLAG), copy), Head(space.nothing(), copy)),
    )
    return plant(
        "pieces",
        space,
        embedding=space.rows(
            len(words),
            token=tokens,
            continuing=np.array([float(word.startswith("##")) for word in words]),
            bos=np.eye(len(words))[0],
        ),
        unembedding=space.rows(len(words), out=8 * tokens),
        layers=[[merging, other], []],
        heads={"subword-merge": {"0.0"}},
        impostors=[
            Impostor("0.1", "subword-merge", "previous-token head"),
            Impostor("0.2", "subword-merge", "continuing pieces of any word"),
            Impostor("0.3", "subword-merge", "uniform attention"),
        ],
        words=pieces_tokenizer(),
    )
