"""Papers: ``entries/papers/<key>.yaml``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from catalog.schema.base import Line, PaperKey, Strict, Url
from catalog.schema.claim import Checked


class Paper(Strict):
    """A paper, post or report. ``id`` is also its BibTeX key."""

    id: PaperKey
    title: Line
    authors: Annotated[tuple[Line, ...], Field(min_length=1)]
    authors_complete: bool = True
    """False where only the first authors are known; the site then writes "and others"."""
    year: Annotated[int, Field(ge=1950, le=2100)]
    venue: Line | None = None
    arxiv: (
        Annotated[str, StringConstraints(pattern=r"^([0-9]{4}\.[0-9]{4,5}|[a-z-]+/[0-9]{7})$")]
        | None
    ) = None
    doi: Annotated[str, StringConstraints(pattern=r"^10\.[0-9]{4,9}/\S+$")] | None = None
    url: Url | None = None
    code: Url | None = None
    checked: Checked
    """Whether the bibliographic line was read at its source."""

    @model_validator(mode="after")
    def _can_be_found(self) -> Paper:
        if not (self.arxiv or self.doi or self.url):
            raise ValueError("a paper needs at least one of 'arxiv', 'doi' and 'url'")
        return self

    @property
    def address(self) -> str:
        """The best public address."""
        if self.arxiv:
            return f"https://arxiv.org/abs/{self.arxiv}"
        return f"https://doi.org/{self.doi}" if self.doi else str(self.url)
