"""``headbook verify``: run recipes on a model and record evidence."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from catalog import places
from catalog.commands.errors import CommandError
from catalog.commands.model_run import (
    check_failures,
    chosen_types,
    load_catalog,
    load_model,
    need_torch,
    run_jobs,
)
from catalog.commands.options import BatchSize, Entries, Form, LimitMemory
from catalog.commands.run_options import (
    Again,
    DescribedAs,
    Device,
    Dtype,
    Revision,
    Seed,
    Stages,
    Strengths,
    check_device,
    one_of,
    stages_of,
    strengths_of,
)

if TYPE_CHECKING:
    from catalog.loading import Catalog
    from catalog.responses import TypeResult
    from catalog.schema.evidence import Evidence
    from catalog.schema.head_type import HeadType
    from verify.failures import Failures
    from verify.loading import LoadedModel
    from verify.recording import Settings

VERDICTS = ("found", "not-found", "inconclusive", "not-applicable")
EXPECTATION_FAILED = 3
SHOWN_WAITING = 5
"""Head types without a runnable recipe that are named; of more, their number is."""


def verify(
    types: Annotated[
        list[str] | None,
        typer.Argument(help="Head types; all of them if none is named.", metavar="TYPES"),
    ] = None,
    model: Annotated[
        str, typer.Option("--model", "-m", help="Entry id, alias, hub id or folder.")
    ] = "reference",
    stage: Stages = None,
    strength: Strengths = None,
    revision: Revision = None,
    described_as: DescribedAs = None,
    device: Device = "auto",
    dtype: Dtype = "float32",
    batch_size: BatchSize = None,
    limit_memory: LimitMemory = None,
    seed: Seed = 0,
    out: Annotated[Path | None, typer.Option(help="Folder for evidence.")] = None,
    again: Again = False,
    expect: Annotated[
        str | None, typer.Option(help="Exit with 3 unless every verdict is this one.")
    ] = None,
    form: Form = "text",
    entries: Entries = None,
) -> None:
    """Run the recipes of head types on a model, record evidence and print the verdicts.

    A recipe that cannot be computed does not end the run: it gets no record, and the same command
    tries it again.

    Exit codes: 0 done, 1 the model or some recipe cannot be run, 2 wrong use, 3 a verdict is not
    the expected one, 130 interrupted (what was recorded stays; the same command goes on from
    there).
    """
    if expect is not None:
        one_of("--expect", expect, VERDICTS)
    check_device(device, dtype)
    stages, strengths = stages_of(stage), strengths_of(strength)
    catalog = load_catalog(entries)
    need_torch()
    from verify.planning import jobs_of, unmeasured
    from verify.recording import Settings
    from verify.results import Results

    chosen = chosen_types(catalog, types or [], stages)
    loaded = load_model(catalog, model, revision, described_as, device, dtype)
    folder = out or places.evidence_dir()
    settings = Settings(seed=seed, batch_size=batch_size, limit_memory=limit_memory)
    jobs = jobs_of(chosen, strengths)
    records, failures = run_jobs(loaded, catalog, jobs, settings, folder, again)
    results = Results.of(loaded, chosen, records).types
    unshown = _show_examples(loaded, catalog, chosen, results, records, settings, folder, again)
    if form == "json":
        typer.echo(_json(loaded, results, failures, folder))
    else:
        _print_table(loaded, results)
        _print_unmeasured(chosen, unmeasured(chosen, records, failures), failures)
        typer.echo(f"evidence: {folder}")
    for head_type, why in unshown.items():
        typer.echo(f"no example of {head_type}: {why}", err=True)
    check_failures(failures)
    if expect is not None and any(result.verdict != expect for result in results):
        raise typer.Exit(EXPECTATION_FAILED)


def _show_examples(
    loaded: LoadedModel,
    catalog: Catalog,
    chosen: Sequence[HeadType],
    results: Sequence[TypeResult],
    records: dict[tuple[str, str], Evidence],
    settings: Settings,
    folder: Path,
    again: bool,
) -> dict[str, str]:
    """Write an example of every type that was found; one that no longer holds goes.

    Returns:
        Types whose example could not be made, and why.
    """
    from rich.console import Console

    from verify import evidence_files
    from verify.examples import holds, make_example
    from verify.failures import reason_of

    unshown: dict[str, str] = {}

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
            try:
                example = make_example(entry, result, mine, loaded, catalog, settings)
            except Exception as error:  # noqa: BLE001 - a picture: no verdict rests on it
                unshown[entry.id] = reason_of(error)
                example = None
            try:
                if example is not None:
                    evidence_files.write_example(example, folder)
                else:
                    path.unlink(missing_ok=True)
            except OSError as error:
                raise CommandError(f"cannot write below {folder}: {error.strerror}") from None
    return unshown


def _json(
    loaded: LoadedModel, results: Sequence[TypeResult], failures: Failures, folder: Path
) -> str:
    from verify.failures import as_json

    return json.dumps(
        {
            "model": loaded.id,
            "revision": loaded.revision,
            "evidence": str(folder),
            "results": [result.model_dump(mode="json") for result in results],
            "failed": as_json(failures),
        },
        indent=2,
    )


def _print_table(loaded: LoadedModel, results: Sequence[TypeResult]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from catalog.drawing.numbers import q_value

    colours = {"found": "green", "not-found": "red", "inconclusive": "yellow"}
    table = Table(title=f"{loaded.id} ({loaded.revision})", title_justify="left")
    for column in ("head type", "verdict", "heads found", "recipe", "head"):
        table.add_column(column, overflow="fold")
    for column in ("score [95%]", "control", "q"):
        table.add_column(column, justify="right", no_wrap=True)
    told = [result for result in results if result.verdict in ("not-applicable", "inconclusive")]
    for result in results:
        if result.verdict == "not-applicable":  # no numbers; the reason stands below
            continue
        first = [
            Text(result.head_type),
            Text(result.verdict, style=colours.get(result.verdict, "dim")),
            Text(_heads(result.found)),
        ]
        for recipe in result.recipes:
            table.add_row(
                *first,
                Text(recipe.recipe),
                Text(recipe.best_head or "none"),
                Text(_score(recipe.score, recipe.low, recipe.high)),
                Text("" if recipe.control is None else f"{recipe.control:.2f}"),
                Text("" if recipe.q is None else q_value(recipe.q)),
            )
            first = [Text(""), Text(""), Text("")]
        table.add_section()
    console = Console()
    if console.width < 100 and not console.is_terminal:
        console = Console(width=130)  # a file or pipe has no width of its own
    if table.row_count:
        console.print(table)
    else:
        console.print(table.title, highlight=False, markup=False)
    for result in told:
        line = f"{result.head_type}: {result.verdict}. {result.reason}"
        console.print(line, highlight=False, markup=False)


def _print_unmeasured(
    chosen: Sequence[HeadType], reasons: Mapping[str, str], failures: Failures
) -> None:
    """Which types got no verdict: those that nothing can run yet, and those that were left out.

    Those with a recipe that failed are told with what went wrong.
    """
    waiting = [entry.id for entry in chosen if not entry.runnable]
    failing = {head_type for head_type, _ in failures}
    left_out = [name for name in reasons if name not in waiting and name not in failing]
    if len(waiting) > SHOWN_WAITING:
        typer.echo(
            f"{len(waiting)} head types have no runnable recipe yet (headbook stats counts them)"
        )
    elif waiting:
        typer.echo(f"no runnable recipe yet: {', '.join(waiting)}")
    if left_out:
        typer.echo(f"no verdict, for --strength left recipes out: {', '.join(left_out)}")


def _heads(found: Sequence[str], most: int = 6) -> str:
    shown = ", ".join(found[:most])
    return f"{shown} and {len(found) - most} more" if len(found) > most else shown


def _score(score: float | None, low: float | None, high: float | None) -> str:
    if score is None:
        return ""
    if low is None or high is None:
        return f"{score:.2f}"
    return f"{score:.2f} [{low:.2f}, {high:.2f}]"
