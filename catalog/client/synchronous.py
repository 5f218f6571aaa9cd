"""The client for programs that wait for their answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx

from catalog.client.exchange import (
    TIMEOUT,
    Answer,
    Filter,
    Memory,
    address_of,
    filters,
    parsed,
    path,
    results,
)
from catalog.client.problems import NotReachable
from catalog.mosaic import Mosaic
from catalog.responses import (
    ClaimResult,
    Counts,
    Emergence,
    EvidenceDetail,
    EvidenceSummary,
    HeadDetail,
    HeadTypeDetail,
    HeadTypeSummary,
    ModelDetail,
    ModelSummary,
    PaperDetail,
    PaperSummary,
    StageSummary,
)
from catalog.schema import Change
from catalog.search import Found, Hit


class Headbook:
    """The API at an address.

    Lists are read page by page while they are iterated over; their keyword arguments are the
    query parameters of the API: ``stage="latent-reasoning"``, ``year_gte=2022``, ``sort="-year"``.

    Every method raises ``Missing``, ``WrongRequest`` or another ``HeadbookError`` where the API
    answers with a problem document, and ``NotReachable`` where nothing of this API answers.

    Args:
        address: of the server, without ``/v1``.
        client: an httpx client to use instead of one of our own, which is then not closed.
    """

    def __init__(
        self, address: str = "http://localhost:8000", *, client: httpx.Client | None = None
    ) -> None:
        self._own = client is None
        self._client = client or httpx.Client(timeout=TIMEOUT, follow_redirects=True)
        self._address = address.rstrip("/")
        self.memory = Memory()

    def __enter__(self) -> Headbook:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        if self._own:
            self._client.close()

    def head_type(self, id: str) -> HeadTypeDetail:  # noqa: A002
        """One head type."""
        return self._one(HeadTypeDetail, path("head-types", id))

    def head_types(self, **given: Filter | None) -> Iterator[HeadTypeSummary]:
        """Head types."""
        return self._many(HeadTypeSummary, path("head-types"), given)

    def stages(self) -> list[StageSummary]:
        """The four stages."""
        return list(self._many(StageSummary, path("stages"), {}))

    def paper(self, id: str) -> PaperDetail:  # noqa: A002
        """One paper."""
        return self._one(PaperDetail, path("papers", id))

    def papers(self, **given: Filter | None) -> Iterator[PaperSummary]:
        """Papers."""
        return self._many(PaperSummary, path("papers"), given)

    def model(self, name: str) -> ModelDetail:
        """One model, by id or alias."""
        return self._one(ModelDetail, path("models", name))

    def models(self, **given: Filter | None) -> Iterator[ModelSummary]:
        """Models."""
        return self._many(ModelSummary, path("models"), given)

    def heads(self, model: str) -> Mosaic:
        """The heads of a model of which something is known."""
        return self._one(Mosaic, path("models", model, "heads"))

    def head(self, model: str, head: str) -> HeadDetail:
        """One head: ``head("gpt2", "9.9")``."""
        return self._one(HeadDetail, path("models", model, "heads", head))

    def claims(self, **given: Filter | None) -> Iterator[ClaimResult]:
        """Published claims."""
        return self._many(ClaimResult, path("claims"), given)

    def evidence(self, id: str) -> EvidenceDetail:  # noqa: A002
        """One evidence record with the scores of every head."""
        return self._one(EvidenceDetail, path("evidence", id))

    def evidence_list(self, **given: Filter | None) -> Iterator[EvidenceSummary]:
        """Evidence records."""
        return self._many(EvidenceSummary, path("evidence"), given)

    def emergence(self, model: str) -> Iterator[Emergence]:
        """Head types over the training of a model."""
        return self._many(Emergence, path("models", model, "emergence"), {})

    def changes(self, since: str | None = None) -> Iterator[Change]:
        """What changed in the data; ``since`` a day, ``2026-01-31``."""
        return self._many(Change, path("changes"), {"since": since})

    def search(self, q: str, kind: str | None = None) -> Iterator[Hit]:
        """What is found, the best first."""
        return self._many(Hit, path("search"), {"q": q, "kind": kind})

    def suggestions(self, q: str) -> tuple[str, ...]:
        """What was probably meant, where words are not in the catalog."""
        where = address_of(path("search"), filters({"q": q}))
        return self._one(Found, where).suggestions

    def stats(self) -> Counts:
        """How much there is of everything."""
        return self._one(Counts, path("stats"))

    def _one(self, kind: type[Answer], where: str) -> Answer:
        return parsed(kind, self._get(where)[0])

    def _many(self, kind: type[Answer], where: str, given: Any) -> Iterator[Answer]:
        following: str | None = address_of(where, filters(given))
        while following is not None:
            content, following = self._get(following)
            yield from results(kind, content)

    def _get(self, where: str) -> tuple[bytes, str | None]:
        """The answer and the address of the next page."""
        address = self._address + where
        try:
            response = self._client.get(address, headers=self.memory.headers(where))
        except httpx.HTTPError as error:
            raise NotReachable(f"{address} does not answer: {error}") from error
        known = self.memory.read(where, response)
        return known.content, known.next_page
