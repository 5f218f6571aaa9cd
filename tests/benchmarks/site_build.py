"""How long the site takes: the real catalog, and ones multiplied up to 1,000 types x 50 models.

    python -m tests.benchmarks.site_build [--types 250 --types 1000]

A multiplied catalog holds copies of the real entries under other ids, with their claims, recipes
and evidence, so that its pages are as long as the real ones. Printed per size: seconds of each
step, and milliseconds a page: growth is linear if the last column stays the same.
"""

from __future__ import annotations

import argparse
import dataclasses
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from catalog import places
from catalog.commands.main import app as _commands  # noqa: F401 - before its modules
from catalog.commands.site import run_mkdocs
from catalog.database import build
from catalog.loading import Catalog, load

MODELS = 50


def multiplied(real: Catalog, types: int) -> Catalog:
    """``types`` head types with their claims and evidence, and ``MODELS`` models.

    Further models are copies of the one that has evidence, with evidence; papers stay as they are.
    """
    models, records = dict(real.models), dict(real.evidence)
    shipped = next(real.models[record.model.id] for record in real.evidence.values())
    for number in range(MODELS - len(models)):
        name = f"{shipped.id}-{number}"
        models[name] = shipped.model_copy(
            update={"id": name, "name": f"Copy {number}", "aliases": ()}
        )
        for record in real.evidence.values():
            ran = record.model.model_copy(update={"id": name})
            copied = record.model_copy(update={"model": ran})
            records[copied.id] = copied
    entries = list(real.head_types.values())
    head_types, evidence = {}, {}
    for number in range(types):
        entry, turn = entries[number % len(entries)], number // len(entries)
        name = f"{entry.id}-{turn}" if turn else entry.id
        head_types[name] = entry.model_copy(
            update={"id": name, "name": f"{entry.name} {turn or ''}".strip(), "related": ()}
        )
        for record in records.values():
            if record.head_type == entry.id:
                copied = record.model_copy(update={"head_type": name})
                evidence[copied.id] = copied
    return dataclasses.replace(real, head_types=head_types, models=models, evidence=evidence)


def measure(catalog: Catalog, folder: Path) -> dict[str, float]:
    """Seconds of each step, and the number of pages."""
    started = time.perf_counter()
    database = folder / "headbook.sqlite"
    build(catalog, database)
    built = time.perf_counter()
    script = places.site_source_dir() / "render.py"
    docs, out = folder / "docs", folder / "site"
    subprocess.run(
        [sys.executable, str(script), "--database", str(database), "--out", str(docs)], check=True
    )
    rendered = time.perf_counter()
    out.mkdir()
    run_mkdocs(docs, out)
    ended = time.perf_counter()
    pages = sum(1 for _ in out.rglob("index.html"))
    size = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
    return {
        "database": built - started,
        "pages": rendered - built,
        "mkdocs": ended - rendered,
        "all": ended - started,
        "number": pages,
        "megabytes": size / 1e6,
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--types", type=int, action="append", help="sizes besides the real one")
    chosen = parser.parse_args().types or [250, 500, 1000]
    real = load()
    table = Table(title="seconds")
    for column in (
        "head types", "models", "claims", "records", "database", "render.py", "mkdocs", "all",
        "pages", "MB", "ms a page",
    ):  # fmt: skip
        table.add_column(column, justify="right")
    for size in [len(real.head_types), *chosen]:
        catalog = real if size == len(real.head_types) else multiplied(real, size)
        with tempfile.TemporaryDirectory() as folder:
            took = measure(catalog, Path(folder))
        table.add_row(
            str(len(catalog.head_types)),
            str(len(catalog.models)),
            str(sum(len(entry.claims) for entry in catalog.head_types.values())),
            str(len(catalog.evidence)),
            *(f"{took[step]:.1f}" for step in ("database", "pages", "mkdocs", "all")),
            str(int(took["number"])),
            f"{took['megabytes']:.0f}",
            f"{1000 * took['all'] / took['number']:.1f}",
        )
    Console(width=130).print(table)


if __name__ == "__main__":
    main()
