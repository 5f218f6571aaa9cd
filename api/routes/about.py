"""The API about itself: where things are, how many there are, whether it is well."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request, Response

from api.dependencies import AskedDep
from api.documentation import file, one, problems
from catalog import __version__, queries
from catalog.database import Reader
from catalog.responses import Counts
from catalog.responses import Response as Answer

router = APIRouter(tags=["about"])

LICENCE_ADDRESS = "https://creativecommons.org/licenses/by/4.0/"
LICENCE = f"Entries and evidence: CC BY 4.0, Headbook contributors ({LICENCE_ADDRESS})."


class Address(Answer):
    """One address of the API."""

    path: str
    about: str
    formats: tuple[str, ...]
    """What it may end with: ``.json`` and so on."""


class Index(Answer):
    """Where to start."""

    name: Literal["headbook"]
    version: str
    dataset: str
    """Version of the data."""
    licence: str
    """Of everything the API answers."""
    addresses: tuple[Address, ...]


class Health(Answer):
    """That the server lives."""

    status: Literal["ok"]
    version: str


class Readiness(Answer):
    """That the API can answer, and from which data."""

    status: Literal["ready"]
    dataset: str


@router.get("", **one(Index))
async def index(asked: AskedDep) -> Response:
    """Every address of the API."""
    document = asked.request.app.openapi()
    return asked.answer(
        Index(
            name="headbook",
            version=__version__,
            dataset=asked.edition.dataset,
            licence=LICENCE,
            addresses=tuple(
                Address(
                    path=path,
                    about=item["get"]["description"],
                    formats=tuple(item["get"].get("x-suffixes", ())),
                )
                for path, item in sorted(document["paths"].items())
            ),
        )
    )


@router.get("/openapi", **file(["json", "yaml"]))
async def openapi(asked: AskedDep) -> Response:
    """The OpenAPI document: every address, parameter and answer."""
    return asked.answer(asked.request.app.openapi())


@router.get("/stats", **one(Counts))
async def stats(asked: AskedDep) -> Response:
    """How much there is of everything."""
    return asked.answer(queries.counts(asked.session))


_NEVER_KEPT = {"Cache-Control": "no-store"}


@router.get("/healthz", response_model=Health, responses=problems())
async def health() -> Response:
    """Whether the server lives; says nothing of the database."""
    text = Health(status="ok", version=__version__).model_dump_json()
    return Response(text, headers=_NEVER_KEPT, media_type="application/json")


@router.get("/readyz", response_model=Readiness, responses=problems(503))
async def readiness(request: Request) -> Response:
    """Whether the database can be read; 503 if not."""
    reader: Reader = request.app.state.reader
    with reader.session() as session:
        ready = Readiness(status="ready", dataset=queries.dataset(session))
    text = ready.model_dump_json()
    return Response(text, headers=_NEVER_KEPT, media_type="application/json")
