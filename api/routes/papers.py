"""Papers."""

from __future__ import annotations

from fastapi import APIRouter

from api.dependencies import PaperId, SessionDep
from api.errors import documented
from catalog import queries
from catalog.responses import PaperDetail, PaperSummary

router = APIRouter(tags=["papers"])


@router.get("/papers", responses=documented())
async def papers(session: SessionDep) -> list[PaperSummary]:
    """Papers by year."""
    return queries.papers(session)


@router.get("/papers/{id}", responses=documented(301, 404, 410))
async def paper(session: SessionDep, id: PaperId) -> PaperDetail:  # noqa: A002
    """One paper with the head types that cite it, its claims and a BibTeX entry."""
    return queries.paper(session, id)
