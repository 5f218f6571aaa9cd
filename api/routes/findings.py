"""Claims, evidence, what changed, and search over all of it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response
from starlette.exceptions import HTTPException

from api.dependencies import AskedDep, example
from api.documentation import link, many, one
from catalog import queries
from catalog.lists.tables import CHANGES, CLAIMS, EVIDENCE
from catalog.responses import EvidenceDetail
from catalog.search import PARAMETERS, Found, Hit, search

router = APIRouter(tags=["claims and evidence"])


@router.get(
    "/claims",
    **many(
        CLAIMS,
        links={
            "head_type": link("head_type", id="results/0/head_type"),
            "model": link("model", model="results/0/model"),
        },
    ),
)
async def claims(asked: AskedDep) -> Response:
    """Published claims with what the verifier found about them."""
    return asked.listing(CLAIMS)


@router.get("/evidence", **many(EVIDENCE, links={"first": link("evidence", id="results/0/id")}))
async def evidence_list(asked: AskedDep) -> Response:
    """Evidence records: one run of one recipe on one model each."""
    return asked.listing(EVIDENCE)


@router.get("/evidence/{id:path}", **one(EvidenceDetail, 404))
async def evidence(
    asked: AskedDep,
    id: Annotated[  # noqa: A002
        str,
        Path(
            max_length=400,
            description="`org--name/revision/type.recipe`",
            openapi_examples=example("headbook--reference-llama/v5/induction.prefix-matching"),
        ),
    ],
) -> Response:
    """One evidence record with the scores of every head."""
    if not id:  # the address of the list, with a slash too many
        raise HTTPException(404)
    return asked.answer(queries.evidence(asked.session, id))


@router.get("/changes", **many(CHANGES))
async def changes(asked: AskedDep) -> Response:
    """What changed in the data, newest first; `since`: from that day on."""
    return asked.listing(CHANGES)


@router.get("/search", **one(Found, parameters=PARAMETERS, page_of=Hit))
async def found(asked: AskedDep) -> Response:
    """Full-text search: the best first, the words found marked, and what was probably meant."""
    values = asked.values(PARAMETERS)
    return asked.page(search(asked.session, values, asked.edition.kept))
