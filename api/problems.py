"""Problem documents (RFC 9457): the one shape of every error."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from api.negotiation import ASKED

MEDIA_TYPE = "application/problem+json"
PREFIX = "/v1"


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
    formats: Annotated[
        list[str] | None, Field(description="for 406: the media types that there are")
    ] = None


def asked_path(request: Request) -> str:
    """The path as it was asked for, its suffix too."""
    asked: tuple[str, str | None] | None = request.scope.get(ASKED)
    return asked[0] if asked else str(request.scope["path"])


def problem(
    request: Request, status: int, detail: str, headers: dict[str, str] | None = None, **more: Any
) -> Response:
    """A problem document as a response; it may not be kept, because it may be mended."""
    document = Problem(
        type="about:blank",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        instance=quote(asked_path(request)[:500], safe="/:@!$&'()*+,;=", errors="replace"),
        **more,
    )
    text = document.model_dump_json(exclude_none=True)
    return Response(text, status, {"Cache-Control": "no-cache", **(headers or {})}, MEDIA_TYPE)
