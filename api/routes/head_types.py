"""Head types and stages."""

from __future__ import annotations

from fastapi import APIRouter, Response

from api.dependencies import AskedDep, HeadTypeId
from api.documentation import link, many, one
from catalog import queries
from catalog.lists.pages import Envelope, Page, compact, meta_of
from catalog.lists.tables import CLAIMS, EMERGENCE, EVIDENCE, EXAMPLES, HEAD_TYPES
from catalog.names import head_type_id
from catalog.responses import HeadTypeDetail, StageSummary

router = APIRouter(tags=["head types"])

_GONE = (301, 404, 410)


@router.get(
    "/head-types",
    **many(HEAD_TYPES, links={"first": link("head_type", id="results/0/id")}),
)
async def head_types(asked: AskedDep) -> Response:
    """Head types, by stage, group and name unless sorted otherwise."""
    return asked.listing(HEAD_TYPES)


@router.get(
    "/head-types/{id}",
    **one(
        HeadTypeDetail,
        *_GONE,
        links={
            "claims": link("claims_of_head_type", id="id"),
            "evidence": link("evidence_of_head_type", id="id"),
            "paper": link("paper", id="papers/0/id"),
        },
    ),
)
async def head_type(asked: AskedDep, id: HeadTypeId) -> Response:  # noqa: A002
    """One head type with its recipes, claims and results."""
    return asked.answer(queries.head_type(asked.session, id))


@router.get("/head-types/{id}/claims", **many(CLAIMS, *_GONE, fixed=["head_type"]))
async def claims_of_head_type(asked: AskedDep, id: HeadTypeId) -> Response:  # noqa: A002
    """The published claims about heads of this type."""
    return asked.listing(CLAIMS, head_type=head_type_id(asked.session, id))


@router.get(
    "/head-types/{id}/evidence",
    **many(
        EVIDENCE,
        *_GONE,
        fixed=["head_type"],
        links={"first": link("evidence", id="results/0/id")},
    ),
)
async def evidence_of_head_type(asked: AskedDep, id: HeadTypeId) -> Response:  # noqa: A002
    """The evidence for heads of this type, in every model that was run."""
    return asked.listing(EVIDENCE, head_type=head_type_id(asked.session, id))


@router.get("/head-types/{id}/emergence", **many(EMERGENCE, *_GONE, fixed=["head_type"]))
async def emergence_of_head_type(asked: AskedDep, id: HeadTypeId) -> Response:  # noqa: A002
    """The type over the training of models whose checkpoints were run."""
    return asked.listing(EMERGENCE, head_type=head_type_id(asked.session, id))


@router.get("/head-types/{id}/examples", **many(EXAMPLES, *_GONE, fixed=["head_type"]))
async def examples_of_head_type(asked: AskedDep, id: HeadTypeId) -> Response:  # noqa: A002
    """Where a head of this type looks in one prompt, in every model that has one."""
    return asked.listing(EXAMPLES, head_type=head_type_id(asked.session, id))


@router.get("/stages", **one(Envelope[StageSummary]))
async def stages(asked: AskedDep) -> Response:
    """The four stages with their groups and head types."""
    asked.values({})
    found = queries.stages(asked.session)
    texts = [compact(stage.model_dump(mode="json")) for stage in found]
    meta = meta_of(len(texts), 1, len(texts), asked.edition.dataset)
    return asked.page(Page(meta=meta, item=StageSummary, texts=texts, name="stages"))
