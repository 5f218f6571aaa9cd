"""Head types and stages."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.dependencies import HeadTypeId, ModelFilter, SessionDep
from api.errors import documented
from catalog import queries
from catalog.responses import (
    ClaimResult,
    EvidenceSummary,
    HeadTypeDetail,
    HeadTypeSummary,
    StageSummary,
)
from catalog.schema.base import Stage

router = APIRouter(tags=["head types"])


@router.get("/head-types", responses=documented())
async def head_types(
    session: SessionDep,
    stage: Annotated[Stage | None, Query(description="Only of this stage")] = None,
    found_in: ModelFilter = None,
) -> list[HeadTypeSummary]:
    """Head types, by stage, group and name; `found_in`: those that the verifier found there."""
    return queries.head_types(session, stage=stage, found_in=found_in)


@router.get("/head-types/{id}", responses=documented(301, 404, 410))
async def head_type(session: SessionDep, id: HeadTypeId) -> HeadTypeDetail:  # noqa: A002
    """One head type with its recipes, claims and results."""
    return queries.head_type(session, id)


@router.get("/head-types/{id}/claims", responses=documented(301, 404, 410))
async def claims_of_head_type(
    session: SessionDep,
    id: HeadTypeId,  # noqa: A002
) -> list[ClaimResult]:
    """The published claims about heads of this type."""
    return queries.claims(session, head_type=id)


@router.get("/head-types/{id}/evidence", responses=documented(301, 404, 410))
async def evidence_of_head_type(
    session: SessionDep,
    id: HeadTypeId,  # noqa: A002
) -> list[EvidenceSummary]:
    """The evidence for heads of this type, in every model that was run."""
    return queries.evidence_list(session, head_type=id)


@router.get("/stages", responses=documented())
async def stages(session: SessionDep) -> list[StageSummary]:
    """The four stages with their groups and head types."""
    return queries.stages(session)
