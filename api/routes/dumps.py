"""Everything at once, and the schemas of what is written by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from starlette.responses import FileResponse, StreamingResponse

from api.dependencies import Asked, AskedDep, example
from api.documentation import file, one
from catalog.formats.dump import DUMPS
from catalog.formats.rendering import FORMATS
from catalog.json_schema import KINDS, json_schema
from catalog.names import NotFound, shown
from catalog.responses import Response as Answer
from catalog.suggestions import did_you_mean

router = APIRouter(tags=["dumps and schemas"])

_DUMPS = [*DUMPS, "sqlite"]


class Schemas(Answer):
    """The schemas there are."""

    schemas: tuple[str, ...]
    """Addresses."""


@router.get("/dump", **file(_DUMPS))
async def dump(asked: AskedDep) -> Response:
    """The whole catalog in one file: `.json`, `.ndjson`, `.csv`, `.sqlite`, `.bib`, `.jsonld`."""
    asked.values({})
    suffix = asked.format(_DUMPS)
    name = f"headbook-{asked.edition.dataset}.{suffix}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    media_type = FORMATS[suffix].media_type
    if suffix == "sqlite":
        return FileResponse(asked.edition.file, media_type=media_type, headers=headers)
    return StreamingResponse(_pieces(asked, suffix), media_type=media_type, headers=headers)


def _pieces(asked: Asked, suffix: str) -> Iterator[bytes]:
    with asked.edition.session() as session:  # that of the request is closed before the last piece
        yield from DUMPS[suffix](session)


@router.get("/schema", **one(Schemas))
async def schemas(asked: AskedDep) -> Response:
    """The JSON Schemas there are."""
    return asked.answer(Schemas(schemas=tuple(f"/v1/schema/{kind}.json" for kind in KINDS)))


@router.get("/schema/{kind}", **one(dict[str, Any], 404))
async def schema(
    asked: AskedDep,
    kind: Annotated[
        str,
        Path(
            max_length=200,
            description="What the schema is of: head-type, paper, model, evidence, ...",
            openapi_examples=example("head-type"),
        ),
    ],
) -> Response:
    """The JSON Schema of one kind of file, for editors and for checking what one writes."""
    if kind not in KINDS:
        near = did_you_mean(kind, KINDS)
        there = None if near else f"there is no schema {shown(kind)}; one of {', '.join(KINDS)}"
        raise NotFound("schema", kind, near, there)
    return asked.answer(json_schema(kind))
