"""What both models of letter movers have: the words of names in two tokens, and their letters.

Coordinates: ``token`` the code of the present token; ``initial`` the letter that a word of a name
starts with, at its first token; ``written`` the letter that a letter is; flags ``word`` (first
token of such a word), ``letter`` and ``bos``; ``tally``, the letters written so far; ``out`` what
the unembedding reads.
"""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np
from tokenizers import Regex, Tokenizer
from tokenizers.models import WordPiece
from tokenizers.pre_tokenizers import Split
from transformers import PreTrainedTokenizerFast

from tests.planted.space import Family, Group, Head, Space, is_one_of
from tests.planted.words import CODE_SIZE, SPECIALS, Array, as_shipped, codes, templates, word_list

IS_WORD = 1200.0
"""Any difference of order is small beside being a word of a name, within 60 tokens."""
INHIBITION = 400.0
"""What a word loses if its letter is the only one written; half of it if there are two."""
ORDER = 6.0
_FIRST = 3
"""Letters of the first token of a name's word; no other word is one of these."""
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


def acronym_codes() -> Array:
    """(tokens, CODE_SIZE): the code of every token; zero for the specials."""
    count = len(acronym_tokens())
    table = np.zeros((count, CODE_SIZE))
    table[len(SPECIALS) :] = codes(count - len(SPECIALS), CODE_SIZE, 0.5, seed=11)
    return table


def letter_codes() -> Array:
    """(letters, CODE_SIZE): the codes of the letters, in the order of their list."""
    words = acronym_tokens()
    return acronym_codes()[[words.index(letter) for letter in word_list("letters")]]


def spelling_space(family: Family) -> Space:
    """The coordinates above."""
    alphabet = len(word_list("letters"))
    return Space(
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


def spelling_rows(space: Space) -> Array:
    """(tokens, n): the embedding."""
    words, letters = acronym_tokens(), word_list("letters")
    starts = {word[:_FIRST] for word in word_list("acronym-words")}
    assert starts.isdisjoint(word_list("names"))

    def letter_of(chosen: set[str]) -> Array:
        """(tokens, 26): which letter a token of a set starts with."""
        return np.array([[w in chosen and w[0] == a for a in letters] for w in words], dtype=float)

    return space.rows(
        len(words),
        token=acronym_codes(),
        initial=letter_of(starts),
        written=letter_of(set(letters)),
        word=is_one_of(sorted(starts), words),
        letter=is_one_of(letters, words),
        bos=np.eye(len(words))[0],
    )


def counting(space: Space) -> Group:
    """The tally head: attends evenly to letters (to ``bos`` if there is none); writes ``tally``."""
    return Group(
        key=space.read_flags("letter", "bos"),
        value=space.read("written"),
        heads=(Head(space.want_flags(120.0, 60.0), space.write("tally")), space.quiet()),
    )


def due(space: Space) -> Array:
    """A query for the first word whose letter is not yet written."""
    uninhibited = space.want_flags(IS_WORD) + space.read("tally", -INHIBITION)
    return uninhibited + space.by_distance(ORDER)
