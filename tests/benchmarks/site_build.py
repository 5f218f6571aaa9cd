"""How long the site takes: the real catalog, and ones multiplied up to 1,000 types x 50 models.

    python -m tests.benchmarks.site_build                       # 250, 500 and 1,000 head types
    python -m tests.benchmarks.site_build --types 250           # one of them
    python -m tests.benchmarks.site_build --again               # also what was measured before

A multiplied catalog holds copies of the real entries under other ids, with their claims, recipes
and evidence, so that its pages are as long as the real ones; of models it has the real ones, and
copies up to 50. Each size runs in a process of its own and is kept in
``build/benchmarks/site_build.jsonl`` when it is done: the same command goes on where it stopped,
and begins anew when the data has changed. On two cores that do nothing else the real catalog takes
about a minute, and all sizes together some minutes.

The table has seconds on the clock of each step, and the processor's seconds (CPU), which depend
less on what else the machine does. Growth is linear if the last column stays the same: what each
further head type costs.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from api.twin import write_twin
from catalog import places
from catalog.commands.main import app as _commands  # noqa: F401 - before its modules
from catalog.commands.site import run_mkdocs
from catalog.database import build
from catalog.loading import Catalog, load

MODELS = 50
SIZES = (250, 500, 1000)
RESULTS = Path("build/benchmarks/site_build.jsonl")

Result = dict[str, Any]
"""A size as it was measured; see :func:`measure`."""


def multiplied(real: Catalog, types: int) -> Catalog:
    """``types`` head types with their claims and evidence, and ``MODELS`` models or more.

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


def measure(catalog: Catalog, folder: Path) -> Result:
    """Seconds of each step, of the clock and of the processor, and what was made."""
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
    made = time.perf_counter()
    write_twin(database, out / "v1")
    ended = time.perf_counter()
    spent = os.times()
    sizes = [file.stat().st_size for file in out.rglob("*") if file.is_file()]
    return {
        "head_types": len(catalog.head_types),
        "models": len(catalog.models),
        "claims": sum(len(entry.claims) for entry in catalog.head_types.values()),
        "records": len(catalog.evidence),
        "database": built - started,
        "pages": rendered - built,
        "mkdocs": made - rendered,
        "twin": ended - made,
        "all": ended - started,
        "processor": spent.user + spent.system + spent.children_user + spent.children_system,
        "number": sum(1 for _ in out.rglob("index.html")),
        "megabytes": sum(sizes) / 1e6,
    }


def measured(types: int | None) -> Result:
    """A size in a process of its own; None for the real catalog."""
    command = [sys.executable, "-m", "tests.benchmarks.site_build", "--one", str(types or 0)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"{types or 'the real catalog'}: stopped with {done.returncode}")
    result: Result = json.loads(done.stdout.splitlines()[-1])
    return result


def kept(file: Path, dataset: str, real: int) -> dict[int, Result]:
    """What was measured of this data, by number of head types; 0 is the real catalog."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    mine = [result for result in map(json.loads, lines) if result["of"] == dataset]
    return {0 if r["head_types"] == real else r["head_types"]: r for r in mine}


def table(results: list[Result]) -> Table:
    """The results, a line each."""
    made = Table(title="Building the site, in seconds")
    for column in (
        "head\ntypes", "models", "claims", "records", "pages", "MB", "data-\nbase", "render\n.py",
        "mkdocs", "API\nfiles", "all", "CPU", "CPU ms\na page", "CPU ms a\nfurther type",
    ):  # fmt: skip
        made.add_column(column, justify="right", no_wrap=True)
    for before, result in zip([None, *results], results, strict=False):
        further = "" if before is None else f"{1000 * slope(before, result):.0f}"
        made.add_row(
            *(f"{result[count]:,}" for count in ("head_types", "models", "claims", "records")),
            f"{result['number']:,}",
            f"{result['megabytes']:.0f}",
            *(f"{result[step]:.1f}" for step in ("database", "pages", "mkdocs", "twin", "all")),
            f"{result['processor']:.1f}",
            f"{1000 * result['processor'] / result['number']:.1f}",
            further,
        )
    return made


def slope(before: Result, after: Result) -> float:
    """Seconds of the processor for each head type that one size has more than the other."""
    types = after["head_types"] - before["head_types"]
    return float((after["processor"] - before["processor"]) / types)


def main() -> None:
    """Measure what is not measured yet, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--types", type=int, action="append", help="sizes besides the real one")
    parser.add_argument("--results", type=Path, default=RESULTS, help=f"default: {RESULTS}")
    parser.add_argument("--again", action="store_true", help="measure what is there already")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    real = load()
    if chosen.one is not None:
        with tempfile.TemporaryDirectory() as folder:
            result = measure(multiplied(real, chosen.one) if chosen.one else real, Path(folder))
        sys.stdout.write(json.dumps(result | {"of": real.version}) + "\n")
        return
    sizes = sorted(set(chosen.types or SIZES))
    if too_small := [size for size in sizes if size <= len(real.head_types)]:
        parser.error(f"{too_small[0]} is not more than the {len(real.head_types)} there are")
    done = {} if chosen.again else kept(chosen.results, real.version, len(real.head_types))
    for size in (0, *sizes):
        if size in done:
            continue
        sys.stderr.write(f"{size or 'the real catalog'} ...\n")
        done[size] = measured(size or None)
        chosen.results.parent.mkdir(parents=True, exist_ok=True)
        with chosen.results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(done[size]) + "\n")
    Console(width=140).print(table([done[size] for size in (0, *sizes)]))


if __name__ == "__main__":
    main()
