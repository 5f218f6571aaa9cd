"""Models and their heads."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from api.dependencies import ModelName, SessionDep
from api.errors import documented
from catalog import queries
from catalog.responses import HeadDetail, ModelDetail, ModelSummary

router = APIRouter(tags=["models"])

_NUMBER = r"^(0|[1-9][0-9]{0,3})$"


@router.get("/models", responses=documented())
async def models(session: SessionDep) -> list[ModelSummary]:
    """Models by name."""
    return queries.models(session)


@router.get("/models/{model}", responses=documented(301, 404, 410))
async def model(session: SessionDep, model: ModelName) -> ModelDetail:
    """One model with the results of every head type and the claims about it."""
    return queries.model(session, model)


@router.get("/models/{model}/heads/{layer}.{head}", responses=documented(301, 404, 410))
async def head(
    session: SessionDep,
    model: ModelName,
    layer: Annotated[str, Path(pattern=_NUMBER, description="Layer, from 0")],
    head: Annotated[str, Path(pattern=_NUMBER, description="Query head in the layer, from 0")],
) -> HeadDetail:
    """What is known of one head: the claims that name it and its scores."""
    return queries.head(session, model, f"{layer}.{head}")
