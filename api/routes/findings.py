"""Claims and evidence."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.dependencies import HeadTypeFilter, ModelFilter, PaperFilter, SessionDep
from api.errors import documented
from catalog import queries
from catalog.responses import ClaimResult, ClaimVerdict, EvidenceDetail, EvidenceSummary
from catalog.schema.evidence import Verdict

router = APIRouter(tags=["claims and evidence"])


@router.get("/claims", responses=documented())
async def claims(
    session: SessionDep,
    head_type: HeadTypeFilter = None,
    model: ModelFilter = None,
    paper: PaperFilter = None,
    verdict: Annotated[ClaimVerdict | None, Query(description="What the check came to")] = None,
) -> list[ClaimResult]:
    """Published claims with what the verifier found about them."""
    return queries.claims(session, head_type=head_type, model=model, paper=paper, verdict=verdict)


@router.get("/evidence", responses=documented())
async def evidence_list(
    session: SessionDep,
    head_type: HeadTypeFilter = None,
    model: ModelFilter = None,
    verdict: Annotated[Verdict | None, Query(description="What the run came to")] = None,
) -> list[EvidenceSummary]:
    """Evidence records: one run of one recipe on one model each."""
    return queries.evidence_list(session, head_type=head_type, model=model, verdict=verdict)


@router.get("/evidence/{id:path}", responses=documented(404))
async def evidence(
    session: SessionDep,
    id: Annotated[  # noqa: A002
        str, Path(max_length=400, description="`org--name/revision/type.recipe`")
    ],
) -> EvidenceDetail:
    """One evidence record with the scores of every head."""
    return queries.evidence(session, id)
