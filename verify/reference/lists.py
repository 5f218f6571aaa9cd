"""The word lists, templates and passages that the reference model's world is made of.

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

WORLD_VERSION = "2"

SERIES_IDS = ("days", "months", "seasons", "number-words", "ordinal-words", "letters")
WORD_IDS = ("names", "places", "objects", "nouns")
TEMPLATE_IDS = ("indirect-object-templates", "capital-templates", "recall-templates")
PAIR_IDS = ("capitals",)
TEXT_ID = "plain-prose"

# Every seventh passage is never trained on.
HELD_OUT_PASSAGE_STEP = 7
# One in eight combinations of a task is never trained on.
HELD_OUT_SHARE = 8

_WORD = re.compile(r"\w+|[^\w\s]")
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
    """Everything that the generator draws from, in the order of the files."""

    names: tuple[str, ...]
    places: tuple[str, ...]
    objects: tuple[str, ...]
    nouns: tuple[str, ...]
    capitals: tuple[tuple[str, str], ...]
    series: tuple[Series, ...]
    indirect_object_templates: tuple[Template, ...]
    capital_templates: tuple[Template, ...]
    recall_templates: tuple[Template, ...]
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


def split_words(text: str) -> list[str]:
    """Words and single punctuation marks of a text, as the tokenizer splits it."""
    return _WORD.findall(text)


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
        for name in (*WORD_IDS, *SERIES_IDS, *PAIR_IDS, *TEMPLATE_IDS)
    }
    text = _read(entries / "text" / f"{TEXT_ID}.yaml")

    words = {name: _strings(lists[name], "words", name) for name in WORD_IDS}
    series = tuple(
        Series(name, _strings(lists[name], "words", name), bool(lists[name].get("wraps", False)))
        for name in SERIES_IDS
    )
    templates = {
        name: tuple(Template(str(t["id"]), str(t["text"])) for t in lists[name]["templates"])
        for name in TEMPLATE_IDS
    }
    pairs = tuple((str(a), str(b)) for a, b in lists["capitals"]["pairs"])
    passages = _strings(text, "passages", TEXT_ID)

    vocabulary: set[str] = set()
    for members in words.values():
        vocabulary.update(members)
    for one in series:
        vocabulary.update(one.words)
    for country, city in pairs:
        vocabulary.update((country, city))
    for group in templates.values():
        for template in group:
            vocabulary.update(split_words(_SLOT.sub(" ", template.text)))
    for passage in passages:
        vocabulary.update(split_words(passage))
    vocabulary.update((".", ","))

    return World(
        **words,
        capitals=pairs,
        series=series,
        indirect_object_templates=templates["indirect-object-templates"],
        capital_templates=templates["capital-templates"],
        recall_templates=templates["recall-templates"],
        passages=passages,
        vocabulary=tuple(sorted(vocabulary)),
        hash=_hash(words, series, pairs, templates, passages),
    )


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ValueError(f"the reference model's world needs {path}, which does not exist")
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


def _hash(
    words: dict[str, tuple[str, ...]],
    series: tuple[Series, ...],
    pairs: tuple[tuple[str, str], ...],
    templates: dict[str, tuple[Template, ...]],
    passages: tuple[str, ...],
) -> str:
    content = {
        "version": WORLD_VERSION,
        "words": words,
        "series": [[one.id, one.words, one.wraps] for one in series],
        "pairs": pairs,
        "templates": {
            name: [[template.id, template.text] for template in group]
            for name, group in templates.items()
        },
        "passages": passages,
    }
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
