"""The application: the API under ``/v1``, the built site below ``/``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from api import documentation, errors
from api.negotiation import Suffixes
from api.problems import PREFIX
from api.routes import about, dumps, findings, head_types, models, papers
from api.shelf import Shelf
from catalog import __version__
from catalog.database import Reader

_DESCRIPTION = f"""\
Attention head types of language models: definitions, detection recipes, published claims about
heads of named models, and the evidence for them. Read-only. {about.LICENCE}

**Formats.** Add `.json`, `.yaml`, `.csv`, `.bib`, `.jsonld` or `.npy` to an address, or send an
`Accept` header; every address lists what it has, and JSON is the usual one.

**Lists** answer `{{meta, results}}`. Filters have operators: `year_gte=2022`, `stage_not=`,
`stage_in=a,b`, `name_contains=`. `sort=-year,name`, `select=id,name`, `group_by=stage`,
`page=2&per_page=50` (at most 200; see the `Link` header). What is not known is refused.

**Keeping.** Answers have a strong `ETag`; send it as `If-None-Match` and get `304` until the data
change.
"""


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

    app = Application(
        title="Headbook",
        description=_DESCRIPTION,
        version=__version__,
        license_info={"name": "CC BY 4.0", "url": about.LICENCE_ADDRESS},
        openapi_url=None,  # a route of ours, with suffixes and tags like the others
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        lifespan=lifespan,
    )
    app.state.reader = reader
    for module in (about, head_types, papers, models, findings, dumps):
        app.include_router(module.router, prefix=PREFIX)
    documentation.describe(app)
    errors.install(app)
    app.router.default = _Fallback(site, app.router.default)
    app.add_middleware(
        CORSMiddleware, allow_origins=["*"], allow_methods=["GET", "HEAD"], allow_headers=["*"]
    )
    app.add_middleware(errors.OneShape)
    app.add_middleware(Suffixes)
    # outside of everything, so that a kept answer passes nothing else, and a 500 gets its headers
    app.middleware_stack = Shelf(app.build_middleware_stack(), reader, PREFIX)
    return app


class Application(FastAPI):
    """Requests go straight to the shelf: FastAPI would look for telemetry in the environment first.

    This API sends none, and reading the environment takes as long as answering from the shelf.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await super().__call__(scope, receive, send)
        else:
            await Starlette.__call__(self, scope, receive, send)


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
