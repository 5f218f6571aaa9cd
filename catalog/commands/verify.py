"""``headbook verify``: run recipes on a model and record evidence."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from catalog import places
from catalog.commands.errors import CommandError
from catalog.commands.options import BatchSize, LimitMemory

if TYPE_CHECKING:
    from catalog.loading import Catalog
    from catalog.responses import TypeResult
    from catalog.schema.evidence import Evidence
    from catalog.schema.head_type import HeadType
    from verify.loading import LoadedModel
    from verify.planning import Job
    from verify.recording import Settings

VERDICTS = ("found", "not-found", "inconclusive", "not-applicable")
DTYPES = ("float32", "bfloat16", "float16")
EXPECTATION_FAILED = 3
SHOWN_WAITING = 5
"""Head types without a runnable recipe that are named; of more, their number is."""


def verify(
    types: Annotated[
        list[str] | None, typer.Argument(help="Head types; all of them if none is named.")
    ] = None,
    model: Annotated[
        str, typer.Option("--model", "-m", help="Entry id, alias, hub id or folder.")
    ] = "reference",
    revision: Annotated[str | None, typer.Option(help="Commit of a hub model.")] = None,
    described_as: Annotated[
        str | None,
        typer.Option("--as", help="The model entry that a local folder is a copy of."),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps, or several.")] = "auto",
    dtype: Annotated[str, typer.Option(help="float32, bfloat16 or float16.")] = "float32",
    batch_size: BatchSize = None,
    limit_memory: LimitMemory = None,
    seed: Annotated[int, typer.Option(min=0, help="Added to the seeds of the recipes.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Folder for evidence.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Run fresh evidence again too.")] = False,
    expect: Annotated[
        str | None, typer.Option(help="Exit with 3 unless every verdict is this one.")
    ] = None,
    output_format: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
    entries: Annotated[Path | None, typer.Option(help="Folder of entries.")] = None,
) -> None:
    """Run the recipes of head types on a model, record evidence and print the verdicts.

    Exit codes: 0 done, 1 the model cannot be run, 2 wrong use, 3 a verdict is not the expected
    one, 130 interrupted (what was recorded stays; the same command goes on from there).
    """
    if output_format not in ("text", "json"):
        raise CommandError(f"--format is text or json, not '{output_format}'", 2)
    if expect is not None and expect not in VERDICTS:
        raise CommandError(f"--expect is one of {', '.join(VERDICTS)}, not '{expect}'", 2)
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?|mps|several", device):
        raise CommandError(
            f"--device is auto, cpu, cuda, cuda:N, mps or several, not '{device}'", 2
        )
    if dtype not in DTYPES:
        raise CommandError(f"--dtype is one of {', '.join(DTYPES)}, not '{dtype}'", 2)
    catalog = _load_catalog(entries)
    from verify.planning import jobs_of, select

    try:
        chosen = select(catalog, types or [])
    except LookupError as error:
        raise CommandError(str(error.args[0]), 2) from None
    need_torch()
    from verify.recording import Settings

    loaded = _load_model(catalog, model, revision, described_as, device, dtype)
    folder = out or places.evidence_dir()
    settings = Settings(seed=seed, batch_size=batch_size, limit_memory=limit_memory)
    records = _run(loaded, catalog, jobs_of(chosen), settings, folder, again)
    results = _join(loaded, chosen, records)
    _show_examples(loaded, catalog, chosen, results, records, settings, folder, again)
    if output_format == "json":
        typer.echo(_json(loaded, results, folder))
    else:
        _print_table(loaded, chosen, results, folder)
    if expect is not None and any(result.verdict != expect for result in results):
        raise typer.Exit(EXPECTATION_FAILED)


def _load_catalog(entries: Path | None) -> Catalog:
    from catalog.loading import load
    from catalog.problems import InvalidEntries

    try:
        return load(entries)
    except InvalidEntries as error:
        raise CommandError(
            f"the entries have {len(error.problems)} errors; see: headbook validate"
        ) from None


def need_torch() -> None:
    """Say what to install where something is missing."""
    from importlib.util import find_spec

    missing = [name for name in ("torch", "transformers", "scipy") if find_spec(name) is None]
    if missing:
        raise CommandError(
            f"verifying needs {', '.join(missing)}; install them with:"
            " pip install 'headbook[verify]'"
        )


def _load_model(
    catalog: Catalog,
    name: str,
    revision: str | None,
    described_as: str | None,
    device: str,
    dtype: str,
) -> LoadedModel:
    from rich.console import Console
    from transformers.utils import logging

    from verify.loading import ModelError, find, load

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        source = find(name, catalog, revision=revision, described_as=described_as)
        with Console(stderr=True).status(f"loading {source.name}"):
            return load(source, device=device, dtype=dtype)
    except ModelError as error:
        raise CommandError(str(error)) from None


def _run(
    loaded: LoadedModel,
    catalog: Catalog,
    jobs: Sequence[Job],
    settings: Settings,
    folder: Path,
    again: bool,
) -> dict[tuple[str, str], Evidence]:
    """Run what has no fresh evidence; each record is on disk before the next recipe starts."""
    import torch

    from verify import evidence_files
    from verify.capture import CaptureFailed
    from verify.recording import evidence_model, run_record
    from verify.running import run

    records: dict[tuple[str, str], Evidence] = {}
    waiting = []
    _need_writable(folder)
    for job in jobs:
        path = evidence_files.evidence_path(
            folder, loaded.id, loaded.revision, job.head_type, job.recipe.id
        )
        known = None if again else evidence_files.read(path)
        wanted = run_record(job.recipe, loaded, catalog, settings, "0" * 64)
        if known is not None and evidence_files.is_fresh(known, evidence_model(loaded), wanted):
            records[job.head_type, job.recipe.id] = known
        else:
            waiting.append(job)
    try:
        with _progress(len(waiting), len(jobs)) as (advance, finished):
            for evidence in run(loaded, catalog, waiting, settings, advance):
                _write(evidence, folder)
                records[evidence.head_type, evidence.recipe] = evidence
                finished()
    except KeyboardInterrupt:
        raise CommandError("interrupted; run the same command to go on", 130) from None
    except CaptureFailed as error:
        raise CommandError(str(error)) from None
    except torch.OutOfMemoryError:
        raise CommandError(
            f"out of memory; try --batch-size {max(1, (settings.batch_size or 2) // 2)}"
        ) from None
    return records


def _need_writable(folder: Path) -> None:
    """Find out before the work, not after it."""
    from tempfile import TemporaryFile

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise CommandError(f"cannot write evidence below {folder}: {error.strerror}") from None


def _write(evidence: Evidence, folder: Path) -> None:
    from verify import evidence_files

    try:
        evidence_files.write(evidence, folder)
    except OSError as error:
        raise CommandError(f"cannot write evidence below {folder}: {error.strerror}") from None


@contextmanager
def _progress(
    waiting: int, total: int
) -> Iterator[tuple[Callable[[str, float], None], Callable[[], None]]]:
    """A bar on standard error: how far the run is, and about how long the rest will take."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if not waiting:
        console.print(f"{total} recipes have fresh evidence; nothing to run", highlight=False)
        yield (lambda what, share: None), (lambda: None)  # noqa: ARG005
        return
    if waiting < total:
        console.print(f"{total - waiting} of {total} recipes have fresh evidence", highlight=False)
    with Progress(
        TextColumn("recipes"),
        BarColumn(),
        TextColumn("{task.fields[done]}/{task.fields[of]}"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
        TextColumn("{task.description}", style="dim"),
        console=console,
    ) as bar:
        whole = bar.add_task("", total=1.0, done=0, of=waiting, left="")
        done = 0

        def advance(what: str, share: float) -> None:
            left = time_left(bar.tasks[0].elapsed or 0.0, share)
            bar.update(whole, completed=share, description=what, left=left)

        def finished() -> None:
            nonlocal done
            done += 1
            bar.update(whole, done=done)

        yield advance, finished
        bar.update(whole, completed=1.0, description="", left="")


def time_left(elapsed: float, share: float) -> str:
    """``about 2:05 left``, if the rest goes as the share that is through; nothing at the start."""
    if share < 0.02 or elapsed < 1.0 or share >= 1.0:
        return ""
    seconds = round(elapsed * (1.0 - share) / share)
    hours, minutes = seconds // 3600, seconds // 60 % 60
    clock = f"{hours}:{minutes:02}" if hours else f"{minutes}"
    return f"about {clock}:{seconds % 60:02} left"


def _join(
    loaded: LoadedModel,
    chosen: Sequence[HeadType],
    records: dict[tuple[str, str], Evidence],
) -> list[TypeResult]:
    from catalog.verdicts import type_result

    results = []
    for entry in chosen:
        mine = {recipe: record for (name, recipe), record in records.items() if name == entry.id}
        result = type_result(entry, loaded.described(), mine)
        if result is not None:
            results.append(result)
    return results


def _show_examples(
    loaded: LoadedModel,
    catalog: Catalog,
    chosen: Sequence[HeadType],
    results: Sequence[TypeResult],
    records: dict[tuple[str, str], Evidence],
    settings: Settings,
    folder: Path,
    again: bool,
) -> None:
    """Write an example of every type that was found; one that no longer holds goes."""
    from rich.console import Console

    from verify import evidence_files
    from verify.examples import holds, make_example

    entries = {entry.id: entry for entry in chosen}
    with Console(stderr=True).status("examples"):
        for result in results:
            entry = entries[result.head_type]
            mine = {
                recipe: record for (name, recipe), record in records.items() if name == entry.id
            }
            path = evidence_files.example_path(folder, loaded.id, loaded.revision, entry.id)
            known = None if again else evidence_files.read_example(path)
            if known is not None and holds(known, entry, result, mine):
                continue
            example = make_example(entry, result, mine, loaded, catalog, settings)
            try:
                if example is not None:
                    evidence_files.write_example(example, folder)
                else:
                    path.unlink(missing_ok=True)
            except OSError as error:
                raise CommandError(f"cannot write below {folder}: {error.strerror}") from None


def _json(loaded: LoadedModel, results: Sequence[TypeResult], folder: Path) -> str:
    return json.dumps(
        {
            "model": loaded.id,
            "revision": loaded.revision,
            "evidence": str(folder),
            "results": [result.model_dump(mode="json") for result in results],
        },
        indent=2,
    )


def _print_table(
    loaded: LoadedModel,
    chosen: Sequence[HeadType],
    results: Sequence[TypeResult],
    folder: Path,
) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    colours = {"found": "green", "not-found": "red", "inconclusive": "yellow"}
    table = Table(title=f"{loaded.id} ({loaded.revision})", title_justify="left")
    for column in ("head type", "verdict", "heads found", "recipe", "head"):
        table.add_column(column, overflow="fold")
    for column in ("score [95%]", "control", "q"):
        table.add_column(column, justify="right", no_wrap=True)
    for result in results:
        first = [
            Text(result.head_type),
            Text(result.verdict, style=colours.get(result.verdict, "dim")),
            Text(_heads(result.found)),
        ]
        for recipe in result.recipes:
            table.add_row(
                *first,
                Text(recipe.recipe),
                Text(recipe.best_head or recipe.verdict),
                Text(_score(recipe.score, recipe.low, recipe.high)),
                Text("" if recipe.control is None else f"{recipe.control:.2f}"),
                Text("" if recipe.q is None else f"{recipe.q:.1g}"),
            )
            first = [Text(""), Text(""), Text("")]
        table.add_section()
    console = Console()
    if console.width < 100 and not console.is_terminal:
        console = Console(width=130)  # a file or pipe has no width of its own
    console.print(table)
    for result in results:
        if result.verdict in ("not-applicable", "inconclusive"):
            console.print(f"{result.head_type}: {result.reason}", highlight=False, markup=False)
    waiting = [entry.id for entry in chosen if not entry.runnable]
    if len(waiting) > SHOWN_WAITING:
        line = f"{len(waiting)} head types have no runnable recipe yet (headbook stats counts them)"
    else:
        line = f"no runnable recipe yet: {', '.join(waiting)}"
    if waiting:
        console.print(line, highlight=False, markup=False)
    console.print(f"evidence: {folder}", highlight=False, markup=False)


def _heads(found: Sequence[str], most: int = 6) -> str:
    shown = ", ".join(found[:most])
    return f"{shown} and {len(found) - most} more" if len(found) > most else shown


def _score(score: float | None, low: float | None, high: float | None) -> str:
    if score is None:
        return ""
    if low is None or high is None:
        return f"{score:.2f}"
    return f"{score:.2f} [{low:.2f}, {high:.2f}]"
