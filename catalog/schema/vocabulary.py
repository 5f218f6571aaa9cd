"""Word lists and texts that builders use: ``entries/vocabulary/`` and ``entries/text/``."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from catalog.schema.base import Line, Slug, Strict

Word = Annotated[str, StringConstraints(pattern=r"^\S+$", max_length=40)]


TemplateText = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=1000, pattern=r"^[^\n]+$"),
]


class Template(Strict):
    """A sentence or a passage with slots in braces, ``{A} gave a {object} to``."""

    id: Slug
    text: TemplateText


class Vocabulary(Strict):
    """A word list of one kind.

    ``words`` an unordered set, ``series`` an ordered one (``wraps`` if the first follows the last),
    ``pairs`` a mapping, ``templates`` sentences with slots.
    """

    id: Slug
    kind: Literal["words", "series", "pairs", "templates"]
    description: Line
    wraps: bool = False
    words: Annotated[tuple[Word, ...], Field(min_length=2)] | None = None
    pairs: Annotated[tuple[tuple[Word, Word], ...], Field(min_length=2)] | None = None
    templates: Annotated[tuple[Template, ...], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _kind_fits(self) -> Vocabulary:
        field = {"words": "words", "series": "words"}.get(self.kind, self.kind)
        for name in ("words", "pairs", "templates"):
            if (getattr(self, name) is not None) != (name == field):
                raise ValueError(
                    f"a list of kind '{self.kind}' has the field '{field}' and no other"
                )
        if self.wraps and self.kind != "series":
            raise ValueError("only a series can wrap")
        if self.words is not None and len(set(self.words)) != len(self.words):
            twice = sorted(word for word, times in Counter(self.words).items() if times > 1)
            raise ValueError(f"words listed twice: {', '.join(twice)}")
        return self

    def successor(self, word: str) -> str | None:
        """The next word of a series, or None at the end of one that does not wrap."""
        words = self.words or ()
        index = words.index(word) + 1
        if index < len(words):
            return words[index]
        return words[0] if self.wraps else None


Passage = Annotated[str, StringConstraints(min_length=20, max_length=4000)]


class TextSet(Strict):
    """Passages of natural text of this project's own writing."""

    id: Slug
    description: Line
    licence: Line
    passages: Annotated[tuple[Passage, ...], Field(min_length=1)]
