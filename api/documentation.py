"""What the OpenAPI document says of a route beyond what FastAPI sees: formats, filters, links."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Literal

from fastapi import FastAPI
from pydantic import TypeAdapter

from api.problems import MEDIA_TYPE, Problem
from catalog.formats.rendering import FORMATS, writers
from catalog.lists.fields import Kind, Parameter
from catalog.lists.pages import Envelope, Grouped, Selected
from catalog.lists.reading import parameters_of_address
from catalog.lists.tables import Listing

Document = dict[str, Any]
_Mode = Literal["validation", "serialization"]
_ANSWER = "x-answer"
"""Where a route says what it answers with until the document is made: its place in ``_KINDS``."""
_KINDS: list[Any] = []
_REFERENCE = "#/components/schemas/{model}"


def one(
    kind: Any,
    *statuses: int,
    links: Mapping[str, Document] | None = None,
    parameters: Mapping[str, Parameter] | None = None,
    page_of: type | None = None,
) -> Document:
    """Arguments of a route that answers with one document, for FastAPI's decorator.

    Args:
        kind: the model of the answer.
        statuses: of the problems it may answer with, besides those that every route has.
        links: to other operations.
        parameters: of the query.
        page_of: what the results are, where the answer is a page.
    """
    formats = writers(page_of or kind, page=page_of is not None)
    _KINDS.append(kind)
    return {
        # FastAPI would build a schema of it with every start, for answers that are written already
        "response_model": None,
        "responses": {
            200: _success(formats, links, paged=page_of is not None),
            **problems(406, *statuses),
        },
        "openapi_extra": {**_extra(formats, parameters or {}), _ANSWER: len(_KINDS) - 1},
    }


def many(
    listing: Listing,
    *statuses: int,
    fixed: Iterable[str] = (),
    links: Mapping[str, Document] | None = None,
) -> Document:
    """Arguments of a route that answers with a page of a list; ``fixed``: set by the address."""
    item: Any = listing.item
    parameters = parameters_of_address(listing, dict.fromkeys(fixed, ""))
    return one(
        Envelope[item] | Selected | Grouped,
        *statuses,
        links=links,
        parameters=parameters,
        page_of=item,
    )


def file(formats: Iterable[str]) -> Document:
    """Arguments of a route that answers with a file, which no schema describes."""
    formats = list(formats)
    types = [FORMATS[suffix].media_type.partition(";")[0] for suffix in formats]
    good = {"description": "The file", "content": {name: {"schema": {}} for name in types}}
    return {
        "response_model": None,
        "responses": {200: {**good, "headers": _HEADERS}, **problems(406)},
        "openapi_extra": _extra(formats, {}),
    }


def _extra(formats: Iterable[str], parameters: Mapping[str, Parameter]) -> Document:
    extra: Document = {"x-suffixes": [f".{suffix}" for suffix in formats]}
    if parameters:
        extra["parameters"] = documented(parameters)
    return extra


def documented(parameters: Mapping[str, Parameter]) -> list[Document]:
    """Query parameters as OpenAPI has them."""
    made = []
    for name, parameter in parameters.items():
        schema = _schema(parameter)
        document: Document = {
            "name": name,
            "in": "query",
            "required": parameter.required,
            "description": parameter.means,
            "schema": schema,
            "example": parameter.example,
        }
        if parameter.many:
            document |= {"style": "form", "explode": False, "example": [parameter.example]}
            document["schema"] = {
                "type": "array",
                "items": schema,
                "minItems": 1,
                "maxItems": 50,
            }
        made.append(document)
    return made


def _schema(parameter: Parameter) -> Document:
    match parameter.kind:
        case Kind.NUMBER:
            return {"type": "integer", "minimum": parameter.low, "maximum": parameter.high}
        case Kind.YES_NO:
            return {"type": "boolean"}
        case Kind.CHOICE:
            return {"type": "string", "enum": list(parameter.choices)}
        case Kind.DATE:
            return {"type": "string", "format": "date"}
        case _:
            return {"type": "string", "minLength": 1, "maxLength": 200}


def link(operation: str, **parameters: str) -> Document:
    """A link to another operation, its parameters out of the answer."""
    return {
        "operationId": operation,
        "parameters": {name: f"$response.body#/{place}" for name, place in parameters.items()},
    }


_HEADERS: Document = {
    "ETag": {
        "description": "Strong: over data, software, address and format",
        "schema": {"type": "string"},
    },
    "Last-Modified": {"description": "When the data came here", "schema": {"type": "string"}},
}
_LINK: Document = {
    "Link": {
        "description": "The first, previous, next and last page",
        "schema": {"type": "string"},
    }
}


def _success(
    formats: Iterable[str], links: Mapping[str, Document] | None, *, paged: bool
) -> Document:
    made: Document = {
        "description": "The answer",
        "content": {
            FORMATS[suffix].media_type.partition(";")[0]: {"schema": {}}
            for suffix in formats
            if suffix != "json"
        },
        "headers": {**_HEADERS, **(_LINK if paged else {})},
    }
    if links:
        made["links"] = dict(links)
    return made


def problems(*statuses: int) -> dict[int | str, Document]:
    """The problem documents that a route may answer with, 422 and 500 always among them."""
    schema = {"$ref": _REFERENCE.format(model=Problem.__name__)}
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": schema}},
        }
        for status in sorted({*statuses, 422, 500})
    }


def describe(app: FastAPI) -> None:
    """Complete the OpenAPI document: the schemas of answers and of problems."""
    build = app.openapi

    def openapi() -> Document:
        if app.openapi_schema is None:
            document = build()
            schemas = document["components"]["schemas"]
            schemas |= _schemas(document)
            for unused in ("HTTPValidationError", "ValidationError"):  # FastAPI's own problems
                schemas.pop(unused, None)
        made: Document = build()
        return made

    app.openapi = openapi  # type: ignore[method-assign]


def _schemas(document: Document) -> Document:
    """Give each operation the schema of its answer; returns the models that these refer to."""
    operations = {
        f"{method} {path}": operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if _ANSWER in operation
    }
    asked: list[tuple[str, _Mode, TypeAdapter[Any]]] = [
        (key, "serialization", TypeAdapter(_KINDS[operation.pop(_ANSWER)]))
        for key, operation in operations.items()
    ]
    # members of a problem that are None are left out, so none of these is always there
    asked.append(("problem", "validation", TypeAdapter(Problem)))
    made, models = TypeAdapter.json_schemas(asked, ref_template=_REFERENCE)
    for key, operation in operations.items():
        good = operation["responses"]["200"]["content"]["application/json"]
        good["schema"] = made[key, "serialization"]
    found: Document = models["$defs"]
    return found
