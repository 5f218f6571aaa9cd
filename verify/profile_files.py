"""The files of a profile: report, JSON and Parquet, each written whole or not at all."""

from __future__ import annotations

import json
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from verify.failures import as_json
from verify.report import report_html
from verify.results import Results
from verify.whole_files import write_whole

REPORT = "report.html"
JSON = "profile.json"
PARQUET = "heads.parquet"
FORMAT_VERSION = 1
"""Raised when a field of the JSON file or a column of the table changes its meaning."""


def write_profile(results: Results, folder: Path) -> list[Path]:
    """Write what the results say into ``folder``; the table only where pyarrow is installed.

    Raises:
        OSError: if a file cannot be written.
    """
    write_whole(report_html(results).encode(), folder / REPORT)
    write_whole((json.dumps(to_json(results), indent=1) + "\n").encode(), folder / JSON)
    written = [folder / REPORT, folder / JSON]
    if can_write_parquet():
        write_whole(_parquet(results), folder / PARQUET)
        written.append(folder / PARQUET)
    return written


def can_write_parquet() -> bool:
    """Whether pyarrow is installed."""
    return find_spec("pyarrow") is not None


def to_json(results: Results) -> dict[str, Any]:
    """Everything that the report shows, for programs.

    ``tests`` says over what each q is corrected: over the ``heads`` of its recipe, and not over the
    recipes; ``together`` is how many tests the profile has in all.
    """
    return {
        "format_version": FORMAT_VERSION,
        "name": results.name,
        "model": results.model.model_dump(mode="json"),
        "heads": results.heads,
        "results": [result.model_dump(mode="json") for result in results.types],
        "tests": {
            "family": "the heads of one recipe",
            "correction": "Benjamini-Hochberg",
            "recipes": [
                {"head_type": head_type, "recipe": recipe, "heads": count}
                for (head_type, recipe), count in results.tested.items()
            ],
            "together": sum(results.tested.values()),
        },
        "failed_gates": [
            {"head_type": record.head_type, "recipe": record.recipe, **gate.model_dump(mode="json")}
            for record in results.evidence.values()
            for gate in record.gates
            if not gate.passed
        ],
        "unmeasured": dict(sorted(results.unmeasured.items())),
        "failed": as_json(results.failed),
        "evidence": [record.model_dump(mode="json") for record in results.evidence.values()],
    }


def _parquet(results: Results) -> bytes:
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.Table.from_pylist([asdict(row) for row in results.rows()], schema=_schema())
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(table, sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _schema() -> Any:
    """Columns of the table: a row for each head and recipe; what the table is of, as metadata."""
    import pyarrow

    words = ("head_type", "recipe", "measure", "unit")
    numbers = (
        "score",
        "low",
        "high",
        "control",
        "margin",
        "margin_low",
        "margin_high",
        "q",
    )
    return pyarrow.schema(
        [
            *((name, pyarrow.string()) for name in words),
            ("layer", pyarrow.int32()),
            ("head", pyarrow.int32()),
            *((name, pyarrow.float64()) for name in numbers),
            ("status", pyarrow.string()),
            ("found", pyarrow.bool_()),
        ],
        metadata={"headbook.format_version": str(FORMAT_VERSION)},
    )
