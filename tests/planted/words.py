"""The words of the planted models: token codes and a word-level tokenizer."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray
from tokenizers import Regex, Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Split
from transformers import PreTrainedTokenizerFast

from catalog.places import entries_dir

Array = NDArray[np.float64]

SPECIALS = ("<bos>", "<unk>", "<pad>")
CONTEXT = 512
_TOKEN = r"\d\d|[A-Z](?=[A-Z])|\w+|[^\w\s]"
"""Years are two numbers of two digits, and capitals of a run are letters, as for the reference
models."""
_SLOT = re.compile(r"\{\w+(?:\|([^{}]*))?\}")


def _read(path: Path) -> Any:
    return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)


@lru_cache
def word_list(name: str) -> tuple[str, ...]:
    """The words of ``entries/vocabulary/<name>.yaml`` (kinds ``words`` and ``series``)."""
    path = entries_dir() / "vocabulary" / f"{name}.yaml"
    return tuple(_read(path)["words"])


@lru_cache
def pairs(name: str) -> tuple[tuple[str, str], ...]:
    """The pairs of ``entries/vocabulary/<name>.yaml``."""
    path = entries_dir() / "vocabulary" / f"{name}.yaml"
    data = _read(path)
    return tuple((first, second) for first, second in data["pairs"])


@lru_cache
def wraps(name: str) -> bool:
    """Whether the first word of a series follows its last."""
    path = entries_dir() / "vocabulary" / f"{name}.yaml"
    return bool(_read(path).get("wraps", False))


@lru_cache
def templates(name: str) -> tuple[str, ...]:
    """The sentences with slots of ``entries/vocabulary/<name>.yaml``."""
    path = entries_dir() / "vocabulary" / f"{name}.yaml"
    return tuple(t["text"] for t in _read(path)["templates"])


@lru_cache
def passages(name: str = "plain-prose") -> tuple[str, ...]:
    """The passages of ``entries/text/<name>.yaml``."""
    path = entries_dir() / "text" / f"{name}.yaml"
    return tuple(_read(path)["passages"])


@lru_cache
def vocabulary() -> tuple[str, ...]:
    """Every token: the specials, then all words and marks of the lists and texts, sorted."""
    words: set[str] = set()
    for folder in ("vocabulary", "text"):
        for path in sorted((entries_dir() / folder).glob("*.yaml")):
            data = _read(path)
            texts = [*data.get("words", ()), *data.get("passages", ())]
            texts += [word for pair in data.get("pairs", ()) for word in pair]
            texts += [
                _SLOT.sub(lambda slot: slot[1] or " ", template["text"])
                for template in data.get("templates", ())
            ]
            words.update(match for text in texts for match in re.findall(_TOKEN, text))
    return (*SPECIALS, *sorted(words))


def ids(words: tuple[str, ...]) -> list[int]:
    """Token ids of whole words."""
    index = {word: i for i, word in enumerate(vocabulary())}
    return [index[word] for word in words]


def tokenizer() -> PreTrainedTokenizerFast:
    """One token a word or mark; white space is dropped and no special token is added."""
    table = {word: i for i, word in enumerate(vocabulary())}
    built = Tokenizer(WordLevel(table, unk_token="<unk>"))
    built.pre_tokenizer = Split(Regex(_TOKEN), behavior="removed", invert=True)
    return as_shipped(built)


def as_shipped(built: Tokenizer) -> PreTrainedTokenizerFast:
    """A tokenizer as transformers loads it, with the special tokens of planted models."""
    return PreTrainedTokenizerFast(
        tokenizer_object=built,
        bos_token="<bos>",
        unk_token="<unk>",
        pad_token="<pad>",
        model_max_length=CONTEXT,
        model_input_names=["input_ids", "attention_mask"],
        clean_up_tokenization_spaces=False,
    )


@lru_cache
def codes(count: int, size: int, bound: float, seed: int) -> Array:
    """Random unit vectors whose inner products with each other stay within ``bound``.

    (count, size), drawn one by one and kept if they fit those kept before. A match then scores 1
    and anything else at most ``bound``, so a softmax can tell the two apart with certainty.
    Gaussian rather than +-1 entries, so that no two inner products tie.
    """
    rng = np.random.default_rng(seed)
    kept = np.zeros((count, size))
    found = 0
    while found < count:
        drawn = rng.standard_normal((2000, size))
        drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
        # most are ruled out at once by those kept from earlier draws
        for vector in drawn[np.abs(drawn @ kept[:found].T).max(axis=1, initial=0.0) <= bound]:
            if found < count and np.abs(kept[:found] @ vector).max(initial=0.0) <= bound:
                kept[found] = vector
                found += 1
    kept.setflags(write=False)
    return kept


def token_codes() -> Array:
    """(tokens, CODE_SIZE): the code of every token; zero for the specials, which match nothing."""
    count = len(vocabulary())
    table = np.zeros((count, CODE_SIZE))
    table[len(SPECIALS) :] = codes(count - len(SPECIALS), CODE_SIZE, 0.5, seed=0)
    return table


def codes_of(words: tuple[str, ...], size: int, bound: float, seed: int) -> Array:
    """(tokens, size): :func:`codes` that only these words have; zero for all other tokens."""
    table = np.zeros((len(vocabulary()), size))
    table[ids(words)] = codes(len(words), size, bound, seed)
    return table


def partner_codes(*names: str) -> Array:
    """(tokens, CODE_SIZE): at the first word of each pair of these lists the code of the second.

    Zero for all other tokens.
    """
    tokens = token_codes()
    table = np.zeros_like(tokens)
    for name in names:
        firsts, seconds = zip(*pairs(name), strict=True)
        table[ids(firsts)] = tokens[ids(seconds)]
    return table


CODE_SIZE = 44
"""Coordinates of a token's code."""
OUT_SIZE = 28
"""Of these, what ``out`` holds where the width is scarce: enough to tell all tokens apart."""
