"""The word lists, templates and passages that the reference models' world is made of.

They are data in ``entries/vocabulary`` and ``entries/text``; this module names which of
them the world uses, reads them, and gives the hash that ties a set of weights to them.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

WORLD_VERSION = "5"

SERIES_IDS = ("days", "months", "seasons", "number-words", "ordinal-words", "letters")
WORD_IDS = (
    "names",
    "places",
    "objects",
    "nouns",
    "answers",
    "events",
    "review-subjects",
    "review-verdicts",
    "positive-adjectives",
    "negative-adjectives",
    "acronym-words",
    "colours",
    "planets",
    "directions",
)
NUMBERS_ID = "two-digit-numbers"
PAIR_IDS = ("capitals", "languages", "currencies", "opposites", "plurals", "french-nouns")
TEMPLATE_IDS = (
    "indirect-object-templates",
    "near-subject-templates",
    "capital-templates",
    "language-templates",
    "currency-templates",
    "opposite-templates",
    "plural-templates",
    "translation-templates",
    "recall-templates",
    "box-templates",
    "needle-templates",
    "few-shot-templates",
    "yes-no-templates",
    "choice-templates",
    "year-templates",
    "review-templates",
    "acronym-templates",
    "list-templates",
)
TEXT_ID = "plain-prose"
LIST_IDS = ("seasons", "directions", "colours", "planets", "days")
"""Groups that are named in full, each member once."""

# Every seventh passage is never trained on.
HELD_OUT_PASSAGE_STEP = 7
# One in eight combinations of a task is never trained on.
HELD_OUT_SHARE = 8

JOINED = "\N{CHARACTER TIE}"
"""In front of a word that follows the one before it without a space: 1732 is 17 and this and 32."""
WORD_PATTERN = r"\d\d|[A-Z](?=[A-Z])|\w+|[^\w\s]"
"""A word: two digits, a capital in a run of capitals, letters and digits, or one other sign."""
_WORD = re.compile(WORD_PATTERN)
_PIECE = re.compile(r"\d\d|[A-Z]")
_SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Series:
    """An ordered list of words; in one that wraps, the first follows the last."""

    id: str
    words: tuple[str, ...]
    wraps: bool


@dataclass(frozen=True)
class Template:
    """A text with slots that ends right before the answer."""

    id: str
    text: str

    @property
    def slots(self) -> frozenset[str]:
        """Names of the slots in the text."""
        return frozenset(_SLOT.findall(self.text))

    def fill(self, **values: str) -> list[str]:
        """Words of the text with its slots filled.

        Raises:
            KeyError: a slot of the text has no value.
        """
        return split_words(self.text.format(**values))


@dataclass(frozen=True)
class World:
    """Everything that the generator draws from, by the ids and in the order of the files."""

    words: dict[str, tuple[str, ...]]
    series: tuple[Series, ...]
    numbers: tuple[str, ...]
    pairs: dict[str, tuple[tuple[str, str], ...]]
    templates: dict[str, tuple[Template, ...]]
    passages: tuple[str, ...]
    vocabulary: tuple[str, ...]
    """Every word and punctuation mark, sorted."""
    hash: str

    @property
    def training_passages(self) -> tuple[str, ...]:
        """Passages that are trained on."""
        return tuple(p for i, p in enumerate(self.passages) if i % HELD_OUT_PASSAGE_STEP)

    @property
    def held_out_passages(self) -> tuple[str, ...]:
        """Passages that are never trained on."""
        return self.passages[::HELD_OUT_PASSAGE_STEP]

    def group(self, name: str) -> tuple[str, ...]:
        """Members of one of ``LIST_IDS``."""
        series = {one.id: one.words for one in self.series}
        return series.get(name) or self.words[name]


def split_words(text: str) -> list[str]:
    """Words and single punctuation marks of a text, as the tokenizer splits it.

    Digits and capitals that stand in one run with what is before them are marked (``JOINED``).
    """
    words: list[str] = []
    end, piece_before = -1, False
    for match in _WORD.finditer(text):
        piece = bool(_PIECE.fullmatch(match[0]))
        joined = piece and piece_before and match.start() == end
        words.append(JOINED + match[0] if joined else match[0])
        end, piece_before = match.end(), piece
    return words


def bare(word: str) -> str:
    """A word without the mark that joins it to the one before."""
    return word.removeprefix(JOINED)


def held_out(*parts: str | int) -> bool:
    """Whether a combination is kept out of training: one in ``HELD_OUT_SHARE``, by hash.

    The first part names the task, so that the choice for one task says nothing of another.
    """
    key = "|".join(str(part) for part in parts).encode()
    digest = hashlib.blake2b(key, digest_size=8).digest()
    return int.from_bytes(digest, "big") % HELD_OUT_SHARE == 0


def load_world(entries: Path) -> World:
    """Read the world from an ``entries`` folder.

    Raises:
        ValueError: a file lacks what the world needs of it.
    """
    lists = {
        name: _read(entries / "vocabulary" / f"{name}.yaml")
        for name in (*WORD_IDS, *SERIES_IDS, NUMBERS_ID, *PAIR_IDS, *TEMPLATE_IDS)
    }
    text = _read(entries / "text" / f"{TEXT_ID}.yaml")

    words = {name: _strings(lists[name], "words", name) for name in WORD_IDS}
    series = tuple(
        Series(name, _strings(lists[name], "words", name), bool(lists[name].get("wraps", False)))
        for name in SERIES_IDS
    )
    numbers = _strings(lists[NUMBERS_ID], "words", NUMBERS_ID)
    templates = {
        name: tuple(Template(str(t["id"]), str(t["text"])) for t in lists[name]["templates"])
        for name in TEMPLATE_IDS
    }
    pairs = {name: tuple((str(a), str(b)) for a, b in lists[name]["pairs"]) for name in PAIR_IDS}
    passages = _strings(text, "passages", TEXT_ID)

    vocabulary: set[str] = {".", ",", ";", ")", *numbers, *LIST_IDS}
    for members in words.values():
        vocabulary.update(members)
    for one in series:
        vocabulary.update(one.words)
    for group in pairs.values():
        for pair in group:
            vocabulary.update(pair)
    for several in templates.values():
        for template in several:
            vocabulary.update(split_words(_SLOT.sub(" ", template.text)))
    for passage in passages:
        vocabulary.update(split_words(passage))

    return World(
        words=words,
        series=series,
        numbers=numbers,
        pairs=pairs,
        templates=templates,
        passages=passages,
        vocabulary=tuple(sorted(vocabulary)),
        hash=_hash(
            {
                "version": WORLD_VERSION,
                "words": words,
                "series": [[one.id, one.words, one.wraps] for one in series],
                "numbers": numbers,
                "pairs": pairs,
                "templates": {
                    name: [[template.id, template.text] for template in several]
                    for name, several in templates.items()
                },
                "passages": passages,
            }
        ),
    )


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ValueError(f"the reference models' world needs {path}, which does not exist")
    # The C loader is a hundred times faster; what it differs in (yes/no) the tests exclude.
    data = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    if not isinstance(data, dict):
        raise ValueError(f"{path}: expected a mapping at the top")
    return data


def _strings(data: dict[str, Any], field: str, name: str) -> tuple[str, ...]:
    values = data.get(field)
    if not isinstance(values, list) or not values:
        raise ValueError(f"{name}: '{field}' must be a list with at least one entry")
    wrong = [value for value in values if not isinstance(value, str)]
    if wrong:
        raise ValueError(f"{name}: {wrong[0]!r} in '{field}' is not text; put it in quotes")
    return tuple(values)


def _hash(content: dict[str, Any]) -> str:
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
