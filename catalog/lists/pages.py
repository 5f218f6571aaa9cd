"""A page of a list: what is sent, and what it says about itself."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, Field

from catalog.responses import Response

Item = TypeVar("Item")


class Meta(Response):
    """What a page says about itself."""

    count: int
    """Results on all pages together."""
    page: int
    per_page: int
    pages: int
    """Number of pages; 1 where there is no result."""
    dataset: str
    """Version of the data: a hash over entries and evidence."""


class Envelope(Response, Generic[Item]):
    """A page of results."""

    meta: Meta
    results: tuple[Item, ...]


class Selected(Response):
    """A page of results of which only some members were asked for (``select``)."""

    meta: Meta
    results: tuple[dict[str, Any], ...]


class Group(Response):
    """How many results have one value of the field that was grouped by."""

    key: str | int | bool | None
    count: int


class Grouped(Response):
    """A page of groups (``group_by``), the largest first."""

    meta: Meta
    results: tuple[Group, ...] = Field(description="The largest first")


@dataclass(frozen=True)
class Page:
    """A page as it is read: every result is JSON already, so that nothing is parsed to be sent."""

    meta: Meta
    item: type[BaseModel]
    texts: Sequence[str]
    name: str
    """Of the list: ``head-types``."""
    whole: bool = True
    """Whether results have all members of ``item``."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """Members of the answer besides ``meta`` and ``results``."""

    def text(self) -> str:
        """The answer as JSON."""
        more = "".join(
            f",{json.dumps(name)}:{json.dumps(value, ensure_ascii=False)}"
            for name, value in self.more.items()
        )
        results = ",".join(self.texts)
        return f'{{"meta":{self.meta.model_dump_json()},"results":[{results}]{more}}}'

    def results(self) -> list[dict[str, Any]]:
        """The results as plain data."""
        return [json.loads(text) for text in self.texts]


def meta_of(count: int, page: int, per_page: int, dataset: str) -> Meta:
    """The figures of a page."""
    pages = max(1, -(-count // per_page))
    return Meta(count=count, page=page, per_page=per_page, pages=pages, dataset=dataset)


def compact(value: Any) -> str:
    """JSON as pydantic writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
