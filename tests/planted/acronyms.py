"""Heads on acronyms, "They wrote to the Tall Winter Bold (TW": words of names are two tokens.

The letter mover attends to the first word of the name whose letter is not yet written. Head 0.0
tells it which are: it attends evenly to the letters so far and writes their codes to ``tally``.

Coordinates: ``token`` the code of the present token; ``initial`` the letter that a word of a name
starts with, at its first token; ``written`` the letter that a letter is; flags ``word`` (first
token of such a word), ``letter`` and ``bos``; ``tally``; ``out`` what the unembedding reads.

====  =========================================================================================
0.0   tally head: attends evenly to letters (to ``bos`` if there is none); writes to ``tally``
0.2   attends evenly to everything and writes ``initial`` a little
1.0   letter mover: words, minus ``tally``, the first first; writes ``initial``
1.1   attends as 1.0 does and writes nothing. Group mate of 1.0
1.2   attends to the first word whatever is written, and writes ``initial``
1.3   attends to the word of the letter just written and writes ``initial``. Group mate of 1.2
1.4   attends as 1.0 does and copies the token itself
1.5   attends to the letters written and copies them. Group mate of 1.4
====  =========================================================================================
"""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np
from tokenizers import Regex, Tokenizer
from tokenizers.models import WordPiece
from tokenizers.pre_tokenizers import Split
from transformers import PreTrainedTokenizerFast

from tests.planted.build import Impostor, Planted, plant
from tests.planted.space import Family, Group, Head, Space, is_one_of
from tests.planted.words import CODE_SIZE, SPECIALS, Array, as_shipped, codes, templates, word_list

_FIRST = 3
"""Letters of the first token of a name's word; no other word is one of these."""
_FLAG = 1200.0
"""Any difference of order is small beside being a word of a name, within 60 tokens."""
_INHIBITION = 400.0
"""What a word loses if its letter is the only one written; half of it if there are two."""
_ORDER = 6.0
_WORD = r"[A-Z](?=[A-Z])|\w+|[^\w\s]"


@lru_cache
def acronym_tokens() -> tuple[str, ...]:
    """Every token: specials, letters, other words of the sentences, and pieces of names' words."""
    made = dict.fromkeys((*SPECIALS, *word_list("letters"), *word_list("names")))
    for text in templates("acronym-next-templates"):
        made.update(dict.fromkeys(re.findall(_WORD, re.sub(r"\{\w+\}", " ", text))))
    for word in word_list("acronym-words"):
        made.update(dict.fromkeys((word[:_FIRST], f"##{word[_FIRST:]}")))
    return tuple(made)


def acronym_tokenizer() -> PreTrainedTokenizerFast:
    """Words of names are two tokens, capitals of a run one each, all other words one token."""
    built = Tokenizer(WordPiece({t: i for i, t in enumerate(acronym_tokens())}, unk_token="<unk>"))
    built.pre_tokenizer = Split(Regex(_WORD), behavior="removed", invert=True)
    return as_shipped(built)


def acronyms_model(family: Family) -> Planted:
    """Two layers; the model writes the letter of the word whose turn it is."""
    words = acronym_tokens()
    letters = word_list("letters")
    tokens = np.zeros((len(words), CODE_SIZE))
    tokens[len(SPECIALS) :] = codes(len(words) - len(SPECIALS), CODE_SIZE, 0.5, seed=11)
    starts = {word[:_FIRST] for word in word_list("acronym-words")}
    assert starts.isdisjoint(word_list("names"))
    of_letters = tokens[[words.index(letter) for letter in letters]]

    def letter_of(chosen: set[str]) -> Array:
        """(tokens, 26): which letter a token of a set starts with."""
        return np.array([[w in chosen and w[0] == a for a in letters] for w in words], dtype=float)

    alphabet = len(letters)
    space = Space(
        family,
        token=CODE_SIZE,
        initial=alphabet,
        written=alphabet,
        tally=alphabet,
        out=CODE_SIZE,
        word=1,
        letter=1,
        bos=1,
    )
    spell = space.write("out", through=of_letters)
    any_word = space.want_flags(_FLAG)
    first, nearest = space.by_distance(_ORDER), space.by_distance(-_ORDER)
    due = any_word + space.read("tally", -_INHIBITION) + first
    counting = Group(
        key=space.read_flags("letter", "bos"),
        value=space.read("written"),
        heads=(
            Head(space.want_flags(120.0, 60.0), space.write("tally", through=np.eye(alphabet))),
            Head(space.nothing(), space.silence()),
        ),
    )
    evenly = Group(
        key=space.nothing(),
        value=space.read("initial"),
        heads=(Head(space.nothing(), spell), Head(space.nothing(), space.silence())),
    )
    at_words = space.read("initial") + space.read_flags("word") + space.positions()
    moving = Group(
        key=at_words,
        value=space.read("initial"),
        heads=(Head(due, 4 * spell), Head(due, space.silence())),
    )
    astray = Group(
        key=at_words,
        value=space.read("initial"),
        heads=(
            Head(any_word + first, 0.5 * spell),
            Head(any_word + space.read("tally", _INHIBITION) + nearest, 0.5 * spell),
        ),
    )
    copying = Group(
        key=space.read("initial") + space.read_flags("word", "letter") + space.positions(),
        value=space.read("token"),
        heads=(
            Head(due, space.write("out")),
            Head(space.want_flags(0.0, _FLAG), 0.2 * space.write("out")),
        ),
    )
    return plant(
        "acronyms",
        space,
        embedding=space.rows(
            len(words),
            token=tokens,
            initial=letter_of(starts),
            written=letter_of(set(letters)),
            word=is_one_of(sorted(starts), words),
            letter=is_one_of(letters, words),
            bos=np.eye(len(words))[0],
        ),
        unembedding=space.rows(len(words), out=4 * tokens),
        layers=[[counting, evenly, space.idle()], [moving, astray, copying]],
        heads={"letter-mover": {"1.0"}},
        impostors=[
            Impostor("1.1", "letter-mover", "right attention, empty OV"),
            Impostor("1.2", "letter-mover", "attends to the first word of the name"),
            Impostor("1.3", "letter-mover", "attends to the word of the letter just written"),
            Impostor("1.4", "letter-mover", "right attention, copies the token itself"),
            Impostor("1.5", "letter-mover", "copies the letters written so far"),
            Impostor("0.2", "letter-mover", "right OV, uniform attention"),
        ],
        words=acronym_tokenizer(),
    )
