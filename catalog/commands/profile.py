"""``headbook profile``: every runnable recipe on one model, as a report, JSON and a table."""

from __future__ import annotations

from collections import Counter
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
from catalog.commands.options import BatchSize, Entries, LimitMemory
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
    stages_of,
    strengths_of,
)

if TYPE_CHECKING:
    from verify.results import Results


def profile(
    model: Annotated[
        str, typer.Argument(help="Entry id, alias, hub id or folder.", metavar="MODEL")
    ] = "reference",
    types: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TYPES", help="Only these head types: a,b; may be given more than once."
        ),
    ] = None,
    stage: Stages = None,
    strength: Strengths = None,
    revision: Revision = None,
    described_as: DescribedAs = None,
    device: Device = "auto",
    dtype: Dtype = "float32",
    batch_size: BatchSize = None,
    limit_memory: LimitMemory = None,
    seed: Seed = 0,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for report, JSON, table and evidence (default: by the model)."),
    ] = None,
    again: Again = False,
    entries: Entries = None,
) -> None:
    """Run every runnable recipe on a model and write a report of its heads.

    The folder gets report.html (needs nothing else), profile.json, heads.parquet (a row for each
    head and recipe) and the evidence. The same command goes on after an interruption.

    A recipe that cannot be computed does not end the run: the report says why, and the same command
    tries it again.

    Exit codes: 0 done, 1 the model or some recipe cannot be run, 2 wrong use, 130 interrupted.
    """
    check_device(device, dtype)
    stages, strengths = stages_of(stage), strengths_of(strength)
    catalog = load_catalog(entries)
    need_torch()
    from verify.planning import jobs_of
    from verify.profile_files import write_profile
    from verify.recording import Settings
    from verify.results import Results

    named = [name.strip() for group in types or () for name in group.split(",") if name.strip()]
    chosen = chosen_types(catalog, named, stages)
    loaded = load_model(catalog, model, revision, described_as, device, dtype)
    folder = out or places.build_dir() / "profiles" / loaded.id / loaded.revision
    settings = Settings(seed=seed, batch_size=batch_size, limit_memory=limit_memory)
    jobs = jobs_of(chosen, strengths)
    records, failures = run_jobs(loaded, catalog, jobs, settings, folder / "evidence", again)
    results = Results.of(loaded, chosen, records, failures)
    try:
        written = write_profile(results, folder)
    except OSError as error:
        raise CommandError(f"cannot write below {folder}: {error.strerror}") from None
    _print(results, written)
    check_failures(failures)


def _print(results: Results, written: list[Path]) -> None:
    """What was found, what was not, and where it all is."""
    typer.echo(f"{results.model.id} ({results.model.revision})")
    found = [result for result in results.types if result.found]
    width = max((len(result.head_type) for result in found), default=0)
    for result in found:
        typer.echo(f"  {result.head_type:{width}}  {', '.join(result.found)}")
    verdicts = Counter(result.verdict for result in results.types)
    said = [f"{count} {verdict}" for verdict, count in sorted(verdicts.items())]
    if results.unmeasured:
        said.append(f"{len(results.unmeasured)} without a verdict (the report says why)")
    typer.echo(", ".join(said))
    for path in written:
        typer.echo(str(path))
    if not any(path.suffix == ".parquet" for path in written):
        typer.echo("no heads.parquet, which needs pyarrow: pip install pyarrow", err=True)
