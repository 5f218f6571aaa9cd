"""``headbook site``: database, pages, site, in one go."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from catalog import places
from catalog.commands.options import Entries, EvidenceFolders
from catalog.folder_swap import FolderInTheWay, FolderNotWritable, check_replaceable, replace_folder

SITE_MARKER = ".headbook-site"
"""Also in ``site/mkdocs_hook.py``, which writes it."""

_INSTALL = "pip install 'headbook[site]'"


def site(
    database: Annotated[
        Path | None, typer.Option(help="Database to read; built from the entries if left out.")
    ] = None,
    entries: Entries = None,
    evidence: EvidenceFolders = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the finished site (default: build/site).")
    ] = None,
) -> None:
    """Build the docs site, a page for each head type, paper and model, and the API as files.

    HEADBOOK_REPOSITORY, the web address of the repository, links each page to the file behind it.
    """
    from catalog.commands.errors import CommandError

    target = (out or places.build_dir() / "site").absolute()
    _refuse_source(target)
    _need_site_extra()
    if database is not None and (entries is not None or evidence):
        raise CommandError(
            "--database is read as it is: give either it or --entries and --evidence", exit_code=2
        )
    try:
        check_replaceable(target, marker=SITE_MARKER)
        with tempfile.TemporaryDirectory(prefix="headbook-site-") as scratch:
            if database is None:
                database = Path(scratch) / "headbook.sqlite"
                _build_database(database, entries, evidence or [])
            docs = Path(scratch) / "docs"
            _render(database, docs)
            with replace_folder(target, marker=SITE_MARKER) as fresh:
                run_mkdocs(docs, fresh)
                _write_twin(database, fresh / "v1")
    except FolderInTheWay as error:
        raise CommandError(str(error)) from None
    except FolderNotWritable as error:
        raise CommandError(f"{error}; name another folder with --out") from None
    typer.echo(f"Built {target / 'index.html'}")


def _refuse_source(target: Path) -> None:
    from catalog.commands.errors import CommandError

    source = places.site_source_dir().resolve()
    resolved = target.resolve()
    if resolved == source or source in resolved.parents or resolved in source.parents:
        raise CommandError(
            f"--out {target}: the source of the site is there and would be lost;"
            f" use another folder, such as {places.build_dir() / 'site'}",
            exit_code=2,
        )


def _need_site_extra() -> None:
    from catalog.commands.errors import CommandError

    # Set before material is imported, which prints a banner about mkdocs 2 otherwise
    os.environ.setdefault("NO_MKDOCS_2_WARNING", "true")
    try:
        import jinja2  # noqa: F401
        import material  # type: ignore[import-untyped]  # noqa: F401
        import mkdocs  # noqa: F401
    except ImportError as error:
        raise CommandError(
            f"building the site needs '{error.name}', which is not installed: run {_INSTALL}"
        ) from None


def _build_database(file: Path, entries: Path | None, evidence: list[Path]) -> None:
    from catalog.commands.opening import load_entries
    from catalog.database import build

    build(load_entries(entries, evidence), file)


def _render(database: Path, docs: Path) -> None:
    """Run ``site/render.py``; it is a script because the standard library owns its name."""
    from catalog.commands.errors import CommandError

    script = places.site_source_dir() / "render.py"
    done = subprocess.run(
        [sys.executable, str(script), "--database", str(database), "--out", str(docs)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        told = (done.stderr or done.stdout).strip()
        raise CommandError(
            told.removeprefix("render.py: ")
            if told.startswith("render.py: ")
            else f"the pages could not be written; this is a defect of Headbook:\n{told}"
        )


def _write_twin(database: Path, out: Path) -> None:
    """Every answer of the API without a query, as a file: the site serves them without a server."""
    from api.twin import write_twin

    write_twin(database, out)


class _Collector(logging.Handler):
    """Keeps what mkdocs warns about: with ``strict`` each warning fails the build."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


def run_mkdocs(docs: Path, out: Path) -> None:
    """Build the site of the pages in ``docs`` into ``out``, strictly.

    Raises:
        CommandError: with everything that mkdocs complains about.
    """
    from mkdocs.commands.build import build
    from mkdocs.config import load_config
    from mkdocs.exceptions import Abort, MkDocsException

    from catalog.commands.errors import CommandError

    # mkdocs writes the time of the build into its archive of addresses unless it is told one
    os.environ.setdefault("SOURCE_DATE_EPOCH", "0")
    collector = _Collector()
    logger = logging.getLogger("mkdocs")
    logger.addHandler(collector)
    try:
        config = load_config(
            config_file=str(places.mkdocs_config()),
            docs_dir=str(docs),
            site_dir=str(out),
            strict=True,
        )
        config.plugins.on_startup(command="build", dirty=False)
        build(config)
    except (Abort, MkDocsException) as error:
        told = "\n".join(f"  {message}" for message in collector.messages)
        raise CommandError(f"mkdocs could not build the site: {error}\n{told}".rstrip()) from None
    finally:
        logger.removeHandler(collector)
        if "config" in locals():
            config.plugins.on_shutdown()
