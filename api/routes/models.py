"""Models and their heads."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response

from api.dependencies import AskedDep, ModelName, example
from api.documentation import link, many, one
from catalog import queries
from catalog.lists.tables import EMERGENCE, MODELS
from catalog.mosaic import Mosaic, mosaic
from catalog.responses import HeadDetail, ModelDetail

router = APIRouter(tags=["models"])

_GONE = (301, 404, 410)
_NUMBER = r"^(0|[1-9][0-9]{0,3})$"


@router.get("/models", **many(MODELS, links={"first": link("model", model="results/0/id")}))
async def models(asked: AskedDep) -> Response:
    """Models, by name unless sorted otherwise."""
    return asked.listing(MODELS)


@router.get(
    "/models/{model}",
    **one(ModelDetail, *_GONE, links={"heads": link("heads", model="id")}),
)
async def model(asked: AskedDep, model: ModelName) -> Response:
    """One model with the results of every head type and the claims about it."""
    return asked.answer(queries.model(asked.session, model))


@router.get(
    "/models/{model}/heads",
    **one(
        Mosaic,
        *_GONE,
        links={"head": link("head", model="model", layer="heads/0/layer", head="heads/0/index")},
    ),
)
async def heads(asked: AskedDep, model: ModelName) -> Response:
    """The heads of a model of which something is known: the mosaic of its page, as data."""
    return asked.answer(mosaic(asked.session, model))


@router.get("/models/{model}/emergence", **many(EMERGENCE, *_GONE, fixed=["model"]))
async def emergence(asked: AskedDep, model: ModelName) -> Response:
    """Head types over the training of this model, if its checkpoints were run."""
    return asked.listing(EMERGENCE, model=queries.model_id(asked.session, model))


@router.get("/models/{model}/heads/{layer}.{head}", **one(HeadDetail, *_GONE))
async def head(
    asked: AskedDep,
    model: ModelName,
    layer: Annotated[
        str, Path(pattern=_NUMBER, description="Layer, from 0", openapi_examples=example("9"))
    ],
    head: Annotated[
        str,
        Path(
            pattern=_NUMBER,
            description="Query head in the layer, from 0",
            openapi_examples=example("9"),
        ),
    ],
) -> Response:
    """What is known of one head: the claims that name it and its scores."""
    return asked.answer(queries.head(asked.session, model, f"{layer}.{head}"))
