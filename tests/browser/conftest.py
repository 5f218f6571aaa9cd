"""Built sites, a server on 127.0.0.1 and a real Chromium, which reports whatever goes wrong.

Two sites: the repository's own entries behind the API, as `headbook serve` shows them, and an
invented book with evidence of several sizes, served as plain files.
"""

from __future__ import annotations

import functools
import http.server
import shutil
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import (
        Browser,
        BrowserContext,
        ConsoleMessage,
        Dialog,
        Page,
        Request,
        Response,
    )

SITE = Path(__file__).resolve().parents[2] / "site"
if str(SITE) not in sys.path:
    sys.path.insert(0, str(SITE))

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass(frozen=True)
class Site:
    """A built site and where it is served."""

    folder: Path
    address: str

    def pages(self) -> list[str]:
        """Addresses of all pages below :attr:`address`."""
        return sorted(
            "/" + file.relative_to(self.folder).as_posix().removesuffix("index.html")
            for file in self.folder.rglob("index.html")
        )


@pytest.fixture(scope="session")
def real_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The site of the repository's entries, served by the API."""
    import uvicorn

    from api.app import create_app
    from catalog.commands.main import app as _commands  # noqa: F401
    from catalog.commands.site import site
    from catalog.database import build
    from catalog.loading import load

    folder = tmp_path_factory.mktemp("real")
    database = folder / "headbook.sqlite"
    build(load(), database)
    # in a thread of its own: the twin of the API runs an event loop, and so does Playwright here
    with ThreadPoolExecutor(1) as pool:
        pool.submit(site, database=database, out=folder / "site").result()
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(create_app(database, folder / "site"), log_level="warning")
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield Site(folder / "site", f"http://127.0.0.1:{listener.getsockname()[1]}")
    server.should_exit = True
    thread.join(10)
    listener.close()


@pytest.fixture(scope="session")
def serve() -> Iterator[Callable[[Path], Site]]:
    """Serves a folder of files."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: Any) -> None:
            pass

    servers: list[http.server.ThreadingHTTPServer] = []

    def start(folder: Path) -> Site:
        handler = functools.partial(Quiet, directory=str(folder))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return Site(folder, f"http://127.0.0.1:{server.server_port}")

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="session")
def build_book() -> Callable[[Any, Path], Path]:
    """Writes the pages of a book made by hand and builds them."""
    from render import write_pages

    from catalog.commands.main import app as _commands  # noqa: F401
    from catalog.commands.site import run_mkdocs

    def build(book: Any, folder: Path) -> Path:
        write_pages(book, folder / "docs")
        (folder / "site").mkdir()
        run_mkdocs(folder / "docs", folder / "site")
        return folder / "site"

    return build


@pytest.fixture(scope="session")
def example_site(
    build_book: Callable[[Any, Path], Path],
    serve: Callable[[Path], Site],
    tmp_path_factory: pytest.TempPathFactory,
) -> Site:
    """Invented heads with evidence, up to 40 layers of 64 heads."""
    from tests.site.examples import full_book

    return serve(build_book(full_book(), tmp_path_factory.mktemp("example")))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, driven by Playwright. Missing is failed, never skipped.

    Closed at the end of each file: Playwright keeps an event loop running in its thread, in which
    tests of other files could start none.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        pytest.fail("the browser tests need Playwright: pip install playwright", pytrace=False)
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.fail(
            "the browser tests need Chromium: apt-get install chromium (Debian), or put a command"
            " 'chromium' on the path",
            pytrace=False,
        )
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def open_context(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Makes browser contexts; at the end nothing may have gone wrong in any of their pages."""
    wrong: list[str] = []
    contexts: list[BrowserContext] = []

    def watch(page: Page) -> None:
        def console(message: ConsoleMessage) -> None:
            if message.type in {"error", "warning"}:
                wrong.append(f"console: {message.text}")

        def dialog(box: Dialog) -> None:
            wrong.append(f"dialog: {box.message}")
            box.dismiss()

        def failed(request: Request) -> None:
            # What was still on its way when the next page was opened is no failure
            if request.failure != "net::ERR_ABORTED":
                wrong.append(f"failed: {request.url} {request.failure}")

        def answered(response: Response) -> None:
            if response.status >= 400:
                wrong.append(f"{response.status}: {response.url}")

        def asked(request: Request) -> None:
            if urlsplit(request.url).scheme not in {"data", "blob"} and (
                urlsplit(request.url).hostname != "127.0.0.1"
            ):
                wrong.append(f"another host: {request.url}")

        page.on("console", console)
        page.on("pageerror", lambda error: wrong.append(f"script error: {error}"))
        page.on("dialog", dialog)
        page.on("requestfailed", failed)
        page.on("response", answered)
        page.on("request", asked)

    def make(**options: Any) -> BrowserContext:
        context = browser.new_context(**options)
        context.on("page", watch)
        contexts.append(context)
        return context

    yield make
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.fixture
def page(open_context: Callable[..., BrowserContext]) -> Page:
    """A page of desktop size in light colours."""
    return open_context(viewport={"width": 1280, "height": 900}, color_scheme="light").new_page()
