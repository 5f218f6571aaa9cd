"""Papers."""

from __future__ import annotations

from fastapi import APIRouter, Response

from api.dependencies import AskedDep, PaperId
from api.documentation import link, many, one
from catalog import queries
from catalog.lists.tables import PAPERS
from catalog.responses import PaperDetail

router = APIRouter(tags=["papers"])


@router.get("/papers", **many(PAPERS, links={"first": link("paper", id="results/0/id")}))
async def papers(asked: AskedDep) -> Response:
    """Papers, by year unless sorted otherwise."""
    return asked.listing(PAPERS)


@router.get(
    "/papers/{id}",
    **one(PaperDetail, 301, 404, 410, links={"type": link("head_type", id="head_types/0")}),
)
async def paper(asked: AskedDep, id: PaperId) -> Response:  # noqa: A002
    """One paper with the head types that cite it, its claims and a BibTeX entry."""
    return asked.answer(queries.paper(asked.session, id))
