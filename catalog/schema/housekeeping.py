"""How ids move and how changes are told: ``redirects.yaml`` and ``changes/``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from catalog.schema.base import Prose, Strict

Address = Annotated[
    str, StringConstraints(pattern=r"^(head-types|papers|models)/[A-Za-z0-9][A-Za-z0-9._-]*$")
]
"""Kind and id of something that has a page: ``head-types/induction``."""


class Redirect(Strict):
    """An id that moved (``renamed``) or was taken back (``withdrawn``)."""

    old: Address
    new: Address | None = None
    reason: Prose
    kind: Literal["renamed", "withdrawn"] = "renamed"

    @model_validator(mode="after")
    def _has_successor(self) -> Redirect:
        if self.kind == "renamed" and self.new is None:
            raise ValueError("a renamed id says under 'new' where it went")
        return self


class Redirects(Strict):
    """``entries/redirects.yaml``."""

    redirects: tuple[Redirect, ...] = ()


class Change(Strict):
    """``entries/changes/<date>-<word>.yaml``: one change of the data, told to its readers."""

    date: Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
    summary: Prose
    subjects: Annotated[tuple[Address, ...], Field(min_length=1)]
    kind: Literal["added", "corrected", "renamed", "withdrawn", "evidence"]
