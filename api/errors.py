"""What went wrong, as a problem document, whatever it was."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.negotiation import NotAcceptable, suffix_of
from api.problems import MEDIA_TYPE, PREFIX, ParameterError, asked_path, problem
from catalog.database import DatabaseError
from catalog.formats.rendering import FORMATS
from catalog.lists.fields import WrongQuery
from catalog.queries import Moved, NotFound, Withdrawn

_ALLOWED = "GET, HEAD"
_HUB_ID = re.compile(rf"{PREFIX}/models/([\w.-]+)/([\w.-]+)(/heads/[0-9.]+)?", re.ASCII)


async def _not_found(request: Request, error: Exception) -> Response:
    assert isinstance(error, NotFound)
    if isinstance(error, Moved):
        target = _moved(request, error)
        return problem(request, 301, str(error), {"Location": target}, successor=target)
    if isinstance(error, Withdrawn):
        successor = f"{PREFIX}/{error.new}" if error.new else None
        return problem(request, 410, str(error), successor=successor)
    return problem(request, 404, str(error), suggestion=error.suggestion)


def _moved(request: Request, error: Moved) -> str:
    """The address that was asked for, with the new kind and id in the place of the old ones."""
    path = asked_path(request)
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


async def _wrong_query(request: Request, error: Exception) -> Response:
    assert isinstance(error, WrongQuery)
    return _unprocessable(
        request,
        [ParameterError(place="query", name=e.name, message=e.message) for e in error.errors],
    )


async def _not_acceptable(request: Request, error: Exception) -> Response:
    assert isinstance(error, NotAcceptable)
    types = [FORMATS[suffix].media_type.partition(";")[0] for suffix in error.offered]
    listed = ", ".join(
        f".{suffix} ({one})" for suffix, one in zip(error.offered, types, strict=True)
    )
    if error.suffix is not None:
        detail = f"there is no .{error.suffix} of this; there are: {listed}"
        return problem(request, 404, detail, formats=types)
    detail = f"not in a format that Accept allows; there are: {listed}"
    return problem(request, 406, detail, formats=types)


def _unprocessable(request: Request, errors: list[ParameterError]) -> Response:
    detail = "; ".join(f"{item.place} parameter '{item.name}': {item.message}" for item in errors)
    return problem(request, 422, detail, errors=errors)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    path = asked_path(request)
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
    suffix = suffix_of(path)
    path = path.removesuffix(f".{suffix}") if suffix else path
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
    return problem(request, 500, "something went wrong here, not with your request")


class OneShape:
    """Middleware: what the framework refuses under ``/v1`` in its own words is a problem, too.

    Those are ranges of a file that it does not have, and other sites' requests to change something.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refused: Message | None = None
        said = b""

        async def reshape(message: Message) -> None:
            nonlocal refused, said
            if message["type"] == "http.response.start" and message["status"] >= 400:
                kind = dict(message["headers"]).get(b"content-type", b"")
                if not kind.startswith(MEDIA_TYPE.encode()):
                    refused = message
                    return
            if refused is None:
                await send(message)
                return
            said += message.get("body", b"")
            if not message.get("more_body"):
                await self._problem(scope, refused, said)(scope, receive, send)

        inside = scope["type"] == "http" and f"{scope['path']}/".startswith(f"{PREFIX}/")
        await self._app(scope, receive, reshape if inside else send)

    @staticmethod
    def _problem(scope: Scope, refused: Message, said: bytes) -> Response:
        kept = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in refused["headers"]
            if name not in (b"content-type", b"content-length", b"etag", b"last-modified")
        }
        text = said.decode("utf-8", "replace")
        if refused["status"] == 416:
            text = "the Range header asks for bytes that this file does not have"
        return problem(Request(scope), refused["status"], text, kept)


def install(app: FastAPI) -> None:
    """Register the handlers."""
    app.add_exception_handler(NotFound, _not_found)
    app.add_exception_handler(WrongQuery, _wrong_query)
    app.add_exception_handler(NotAcceptable, _not_acceptable)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(DatabaseError, _no_database)
    app.add_exception_handler(Exception, _internal)
