"""The benchmark of the build keeps what it measured; sizes are multiplied as it says."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import pytest

from catalog.loading import load
from tests.benchmarks import site_build


def line(of: str, types: int, **more: float) -> str:
    steps = dict.fromkeys(
        ("database", "pages", "mkdocs", "twin", "all", "processor", "megabytes"), 1.5
    )
    counts = dict.fromkeys(("models", "claims", "records", "number"), 50)
    return json.dumps({"of": of, "head_types": types, **steps, **counts, **more})


def test_a_multiplied_catalog_has_copies_with_their_evidence() -> None:
    real = load()
    types = len(real.head_types)
    large = site_build.multiplied(real, 2 * types + 1)
    assert len(large.head_types) == 2 * types + 1
    assert len(large.models) >= 50
    of_type = Counter(record.head_type for record in large.evidence.values())
    assert of_type["induction"] >= 2
    assert of_type["induction-1"] == of_type["induction"]
    assert large.head_types["induction-1"].claims == real.head_types["induction"].claims


def test_what_was_measured_is_kept_while_the_data_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = load()
    types = len(real.head_types)
    file = tmp_path / "build" / "results.jsonl"
    file.parent.mkdir()
    of = real.version
    file.write_text("\n".join([line(of, types), line("older data", 300), line(of, 500)]) + "\n")
    asked: list[int | None] = []

    def measured(size: int | None) -> site_build.Result:
        asked.append(size)
        made: site_build.Result = json.loads(line(of, size or types, processor=30.0))
        return made

    monkeypatch.setattr(site_build, "measured", measured)
    options = ["--types", "300", "--types", "500", "--results", str(file)]
    monkeypatch.setattr(sys, "argv", ["site_build", *options])
    site_build.main()
    assert asked == [300]
    site_build.main()
    assert asked == [300]
    shown = capsys.readouterr().out
    rows = [[cell.strip() for cell in row.split("│")[1:-1]] for row in shown.splitlines()]
    last = {row[0]: row[-2:] for row in rows if row}
    # 1.5 or 30 seconds, 50 pages
    assert last[str(types)] == ["30.0", ""]
    assert last["300"] == ["600.0", f"{28_500 / (300 - types):.0f}"]
    assert last["500"] == ["30.0", "-142"]


def test_a_size_below_the_real_one_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["site_build", "--types", "3"])
    with pytest.raises(SystemExit):
        site_build.main()
    assert "3 is not more than the" in capsys.readouterr().err
