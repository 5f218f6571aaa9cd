"""The application: the API under ``/v1``, the built site below ``/``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import Depends, FastAPI
from fastapi.middleware.cors import CORSMiddleware
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import errors
from api.dependencies import known_parameters
from api.errors import PREFIX
from api.routes import about, findings, head_types, models, papers
from catalog import __version__
from catalog.database import Reader

_DESCRIPTION = (
    "Attention head types of language models: definitions, detection recipes, published claims"
    " about heads of named models, and the evidence for them. Read-only. " + about.LICENCE
)


def create_app(database: Path, site: Path | None = None) -> FastAPI:
    """The application on a built database, with the built site if there is one.

    Raises:
        catalog.database.DatabaseError: if the database is missing or outdated.
    """
    reader = Reader(database)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        app.state.reader.close()

    app = FastAPI(
        title="Headbook",
        description=_DESCRIPTION,
        version=__version__,
        license_info={"name": "CC BY 4.0", "url": about.LICENCE_ADDRESS},
        openapi_url=f"{PREFIX}/openapi.json",
        # the stock pages load their scripts from other hosts
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        lifespan=lifespan,
    )
    app.state.reader = reader
    for module in (about, head_types, papers, models, findings):
        app.include_router(module.router, prefix=PREFIX, dependencies=[Depends(known_parameters)])
    _document_problems(app)
    errors.install(app)
    app.router.default = _Fallback(site, app.router.default)
    app.add_middleware(
        CORSMiddleware, allow_origins=["*"], allow_methods=["GET", "HEAD"], allow_headers=["*"]
    )
    app.add_middleware(_HeadAsGet)
    return app


def _document_problems(app: FastAPI) -> None:
    """Put the schema of problem documents, which no route returns, into the OpenAPI file."""
    build = app.openapi

    def openapi() -> dict[str, object]:
        if app.openapi_schema is None:
            schemas = build()["components"]["schemas"]
            schemas["Problem"] = errors.Problem.model_json_schema(
                ref_template="#/components/schemas/{model}"
            )
            schemas |= schemas["Problem"].pop("$defs")
            for unused in ("HTTPValidationError", "ValidationError"):
                schemas.pop(unused, None)
        document: dict[str, object] = build()
        return document

    app.openapi = openapi  # type: ignore[method-assign]


class _Fallback:
    """What answers where no route does: the site outside of ``/v1``, else a problem document."""

    def __init__(self, site: Path | None, default: ASGIApp) -> None:
        self._site = StaticFiles(directory=site, html=True) if site else None
        self._default = default

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._default(scope, receive, send)
            return
        path: str = scope["path"]
        if self._site is None or path == PREFIX or path.startswith(f"{PREFIX}/"):
            raise HTTPException(404)
        if "\0" in path or len(path) > 1000:  # no file has such a name
            raise HTTPException(404)
        await self._site(scope, receive, send)


class _HeadAsGet:
    """Answer HEAD as GET without the body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self._app({**scope, "method": "GET"}, receive, without_body)
