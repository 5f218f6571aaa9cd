"""Evidence of the weights on the way: ``python -m verify.reference.history SNAPSHOTS --model M``.

Runs every runnable recipe on each folder ``step-000512`` that the training kept, and writes what a
curve over training needs to ``entries/evidence/<model>/<revision>-step000512/checkpoint.json``. The
weights themselves are not kept with the project. Checkpoints whose weights and recipes are those of
a record that is there already are left alone.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.progress import Progress
from transformers.utils import logging

from catalog import places
from catalog.fingerprints import recipe_sha256
from catalog.loading import Catalog, load
from catalog.schema.checkpoint import Checkpoint, CheckpointResult
from catalog.schema.evidence import Evidence, Grid
from catalog.schema.model import Model
from verify.evidence_files import checkpoint_path, write_checkpoint
from verify.loading import LoadedModel, Source
from verify.loading import load as load_model
from verify.planning import Job, jobs_of, select
from verify.recording import Settings, evidence_model, run_record
from verify.running import run

DECIMALS = 4


def snapshots_in(folder: Path) -> list[tuple[int, Path]]:
    """Step and folder of every snapshot, by step.

    Raises:
        FileNotFoundError: there is none.
    """
    found = [
        (int(match[1]), path)
        for path in folder.iterdir()
        if (match := re.fullmatch(r"step-([0-9]{6})", path.name)) and path.is_dir()
    ]
    if not found:
        raise FileNotFoundError(f"{folder} holds no folders named step-000512 and so on")
    return sorted(found)


def load_snapshot(entry: Model, step: int, folder: Path) -> LoadedModel:
    """The weights after some step, under a revision of their own."""
    revision = f"{entry.revision}-step{step:06}"
    source = Source(entry.id, f"{entry.name}, step {step}", folder, revision=revision, entry=entry)
    return load_model(source, device="cpu")


def checkpoint_of(
    loaded: LoadedModel, progress: dict[str, Any], records: Sequence[Evidence]
) -> Checkpoint:
    """What of the records a curve needs.

    Args:
        loaded: the weights.
        progress: what the training noted with them: step, tokens, loss, accuracies.
        records: evidence of every recipe.
    """
    first = records[0].run
    return Checkpoint(
        model=evidence_model(loaded),
        step=progress["step"],
        tokens=progress["tokens"],
        loss=progress["loss"],
        accuracies=progress["accuracy"],
        dtype=first.dtype,
        device=first.device,
        engine=first.engine,
        versions=first.versions,
        results=tuple(_result(record) for record in records),
    )


def _result(record: Evidence) -> CheckpointResult:
    scores = record.scores
    return CheckpointResult(
        head_type=record.head_type,
        recipe=record.recipe,
        recipe_sha256=record.run.recipe_sha256,
        unit=record.unit,
        verdict=record.verdict,
        reason=record.reason,
        found=record.found,
        unclear=record.unclear,
        mean=None if scores is None else _short(scores.mean),
        low=None if scores is None else _short(scores.low),
        high=None if scores is None else _short(scores.high),
        control=None if scores is None else _short(scores.control),
    )


def _short(grid: Grid) -> Grid:
    return tuple(
        tuple(None if value is None else round(value, DECIMALS) for value in row) for row in grid
    )


def is_fresh(known: Checkpoint, loaded: LoadedModel, jobs: Sequence[Job], catalog: Catalog) -> bool:
    """Whether a run now would depend on the same things as the record."""
    wanted = {
        (job.head_type, job.recipe.id): recipe_sha256(
            job.recipe, catalog.vocabularies, catalog.texts
        )
        for job in jobs
    }
    have = {(r.head_type, r.recipe): r.recipe_sha256 for r in known.results}
    now = run_record(jobs[0].recipe, loaded, catalog, Settings(), "0" * 64)
    return (
        known.model == evidence_model(loaded)
        and have == wanted
        and (known.versions, known.engine) == (now.versions, now.engine)
    )


def main(arguments: list[str] | None = None) -> None:
    """Run the recipes on every snapshot."""
    parser = argparse.ArgumentParser(prog="python -m verify.reference.history", description=__doc__)
    parser.add_argument("snapshots", type=Path, help="folder that the training kept weights in")
    parser.add_argument("--model", default="reference", help="whose history it is")
    parser.add_argument("--out", type=Path, help="folder for evidence")
    parser.add_argument("--again", action="store_true", help="run fresh checkpoints again too")
    given = parser.parse_args(arguments)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    catalog = load()
    entry = catalog.resolve_model(given.model)
    out = given.out or places.evidence_dir()
    jobs = jobs_of(select(catalog, []))
    try:
        found = snapshots_in(given.snapshots)
    except FileNotFoundError as error:
        sys.exit(str(error))
    with Progress() as bar:
        task = bar.add_task("checkpoints", total=len(found))
        for step, folder in found:
            loaded = load_snapshot(entry, step, folder)
            path = checkpoint_path(out, entry.id, loaded.revision)
            known = catalog.checkpoints.get(f"{entry.id}/{loaded.revision}/checkpoint")
            here = known is not None and path.is_file()
            if (
                given.again
                or known is None
                or not here
                or not is_fresh(known, loaded, jobs, catalog)
            ):
                progress = json.loads((folder / "progress.json").read_text(encoding="utf-8"))
                records = list(run(loaded, catalog, jobs))
                write_checkpoint(checkpoint_of(loaded, progress, records), out)
            bar.advance(task)


if __name__ == "__main__":
    main()
