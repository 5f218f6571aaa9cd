"""One shape for every error: problem documents (RFC 9457)."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from catalog.database import DatabaseError
from catalog.queries import Moved, NotFound, Withdrawn

MEDIA_TYPE = "application/problem+json"
PREFIX = "/v1"
_ALLOWED = "GET, HEAD"
_HUB_ID = re.compile(rf"{PREFIX}/models/([\w.-]+)/([\w.-]+)(/heads/[0-9.]+)?", re.ASCII)


class ParameterError(BaseModel):
    """What is wrong with one parameter."""

    model_config = ConfigDict(extra="forbid")

    place: Literal["path", "query"]
    name: str
    message: str


class Problem(BaseModel):
    """A problem document (RFC 9457)."""

    model_config = ConfigDict(extra="forbid")

    type: Annotated[str, Field(description="always about:blank: the status says the kind")]
    title: Annotated[str, Field(description="the phrase of the status")]
    status: int
    detail: Annotated[str, Field(description="what is wrong, and what would be right")]
    instance: Annotated[str, Field(description="the path that was asked for")]
    errors: Annotated[
        list[ParameterError] | None, Field(description="for 422: one item a parameter")
    ] = None
    suggestion: Annotated[
        str | None, Field(description="for 404: the name that was probably meant")
    ] = None
    successor: Annotated[str | None, Field(description="for 301 and 410: where to read on")] = None


class WrongParameters(Exception):
    """Parameters that the route does not have, or cannot use."""

    def __init__(self, errors: list[ParameterError]) -> None:
        super().__init__("wrong parameters")
        self.errors = errors


def problem(
    request: Request, status: int, detail: str, headers: dict[str, str] | None = None, **more: Any
) -> Response:
    """A problem document as a response."""
    document = Problem(
        type="about:blank",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        instance=quote(request.scope["path"][:500], safe="/:@!$&'()*+,;=", errors="replace"),
        **more,
    )
    text = document.model_dump_json(exclude_none=True)
    return Response(text, status, headers, MEDIA_TYPE)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The ``responses`` argument of a route that may answer with these problems."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": schema}},
        }
        for status in (*statuses, 422, 500)
    }


async def _not_found(request: Request, error: Exception) -> Response:
    assert isinstance(error, NotFound)
    place = _query_parameter(request, error.name)
    if place is not None:  # a filter asks for something that does not exist
        return _unprocessable(
            request, [ParameterError(place="query", name=place, message=str(error))]
        )
    if isinstance(error, Moved):
        target = _moved(request, error)
        return problem(request, 301, str(error), {"Location": target}, successor=target)
    if isinstance(error, Withdrawn):
        successor = f"{PREFIX}/{error.new}" if error.new else None
        return problem(request, 410, str(error), successor=successor)
    return problem(request, 404, str(error), suggestion=error.suggestion)


def _query_parameter(request: Request, value: str) -> str | None:
    if value in (str(given) for given in request.path_params.values()):
        return None
    return next((name for name, given in request.query_params.items() if given == value), None)


def _moved(request: Request, error: Moved) -> str:
    """The address that was asked for, with the new kind and id in the place of the old ones."""
    path: str = request.scope["path"]
    rest = path.removeprefix(f"{PREFIX}/").partition("/")[2].removeprefix(error.name)
    query = request.scope["query_string"].decode("latin-1")
    target = f"{PREFIX}/{error.folder}/{error.new}{quote(rest)}"
    return f"{target}?{query}" if query else target


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = []
    for item in error.errors():
        place, *names = item["loc"]
        message = str(item["msg"])
        name = str(names[0]) if names else str(place)
        if item["type"] == "string_pattern_mismatch":
            message = "layer and head are whole numbers from 0, as in 9.10"
        errors.append(
            ParameterError(place="path" if place == "path" else "query", name=name, message=message)
        )
    return _unprocessable(request, errors)


async def _wrong_parameters(request: Request, error: Exception) -> Response:
    assert isinstance(error, WrongParameters)
    return _unprocessable(request, error.errors)


def _unprocessable(request: Request, errors: list[ParameterError]) -> Response:
    detail = "; ".join(f"{item.place} parameter '{item.name}': {item.message}" for item in errors)
    return problem(request, 422, detail, errors=errors)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    path = request.scope["path"]
    shown = path if len(path) <= 100 else f"{path[:97]}..."
    if error.status_code == 405:
        detail = f"{request.method} is not possible here: the API is read-only"
        return problem(request, 405, detail, {"Allow": _ALLOWED})
    if error.status_code == 404:
        suggestion = _similar(path, _addresses(request.app))
        hint = f"; did you mean {suggestion}?" if suggestion else f"; see {PREFIX}"
        return problem(request, 404, f"there is nothing at {shown!r}{hint}", suggestion=suggestion)
    headers = dict(error.headers) if error.headers else None
    return problem(request, error.status_code, str(error.detail), headers)


def _addresses(app: FastAPI) -> Iterable[str]:
    return sorted(path for path in app.openapi()["paths"] if path.startswith(PREFIX))


def _similar(path: str, addresses: Iterable[str]) -> str | None:
    """The address that was probably meant, parameters in braces."""
    if not path.startswith(f"{PREFIX}/"):
        return None
    hub_id = _HUB_ID.fullmatch(path)
    if hub_id is not None and hub_id[2] != "heads":
        return f"{PREFIX}/models/{hub_id[1]}--{hub_id[2]}{hub_id[3] or ''}"
    close = difflib.get_close_matches(path[:200].rstrip("/"), list(addresses), n=1, cutoff=0.75)
    return close[0] if close else None


async def _no_database(request: Request, error: Exception) -> Response:
    assert isinstance(error, DatabaseError)
    return problem(request, 503, "the database cannot be read; whoever runs this has to rebuild it")


async def _internal(request: Request, error: Exception) -> Response:
    del error  # the server's log has it; the answer says nothing of the inside
    # the outermost handler answers outside of the CORS middleware
    headers = {"Access-Control-Allow-Origin": "*"}
    return problem(request, 500, "something went wrong here, not with your request", headers)


def install(app: FastAPI) -> None:
    """Register the handlers."""
    app.add_exception_handler(NotFound, _not_found)
    app.add_exception_handler(WrongParameters, _wrong_parameters)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(DatabaseError, _no_database)
    app.add_exception_handler(Exception, _internal)
