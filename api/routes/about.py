"""The API about itself: where things are, how many there are, whether it is well."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request

from api.dependencies import SessionDep
from api.errors import PREFIX, documented
from catalog import __version__, queries
from catalog.responses import Counts, Response

router = APIRouter(tags=["about"])

LICENCE_ADDRESS = "https://creativecommons.org/licenses/by/4.0/"
LICENCE = f"Entries and evidence: CC BY 4.0, Headbook contributors ({LICENCE_ADDRESS})."


class Index(Response):
    """Where to start."""

    name: Literal["headbook"]
    version: str
    dataset: str
    """Version of the data."""
    licence: str
    """Of everything the API answers."""
    addresses: tuple[str, ...]


class Health(Response):
    """That the API answers, and from which data."""

    status: Literal["ok"]
    dataset: str


@router.get("", responses=documented())
async def index(request: Request, session: SessionDep) -> Index:
    """Every address of the API."""
    paths = sorted(path for path in request.app.openapi()["paths"] if path.startswith(PREFIX))
    return Index(
        name="headbook",
        version=__version__,
        dataset=queries.dataset(session),
        licence=LICENCE,
        addresses=(*paths, f"{PREFIX}/openapi.json"),
    )


@router.get("/stats", responses=documented())
async def stats(session: SessionDep) -> Counts:
    """How much there is of everything."""
    return queries.counts(session)


@router.get("/healthz", responses=documented(503))
async def health(session: SessionDep) -> Health:
    """Whether the database can be read."""
    return Health(status="ok", dataset=queries.dataset(session))
