"""What commands that run a model have in common: load it, run what is not fresh, show how far."""

from __future__ import annotations

import shlex
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from catalog.commands.errors import CommandError
from catalog.schema.base import Stage

if TYPE_CHECKING:
    from types import FrameType

    from catalog.loading import Catalog
    from catalog.schema.evidence import Evidence
    from catalog.schema.head_type import HeadType
    from verify.failures import Failures
    from verify.loading import LoadedModel
    from verify.planning import Job
    from verify.recording import Settings

_NAMED = 6
"""Stale records that are named; of more, their number is."""


def load_catalog(entries: Path | None) -> Catalog:
    """The entries.

    Raises:
        CommandError: if there is no such folder, or the entries are not valid.
    """
    from catalog.loading import load
    from catalog.problems import InvalidEntries

    if entries is not None and not entries.is_dir():
        raise CommandError(f"there is no folder {entries}", 2)
    try:
        return load(entries)
    except InvalidEntries as error:
        count = len(error.problems)
        where = f" --entries {shlex.quote(str(entries))}" if entries is not None else ""
        raise CommandError(
            f"the entries have {count} error{'s' * (count > 1)}; see: headbook validate{where}"
        ) from None


def chosen_types(catalog: Catalog, names: Sequence[str], stages: Sequence[Stage]) -> list[HeadType]:
    """The head types of these names, all of them if there is none; of these, those of the stages.

    Raises:
        CommandError: for a name that is none.
    """
    from verify.planning import select

    try:
        return select(catalog, names, stages)
    except LookupError as error:
        raise CommandError(str(error.args[0]), 2) from None


def need_torch() -> None:
    """Say what to install where something is missing."""
    from importlib.util import find_spec

    missing = [name for name in ("torch", "transformers", "scipy") if find_spec(name) is None]
    if missing:
        raise CommandError(
            f"verifying needs {', '.join(missing)}; install them with:"
            " pip install 'headbook[verify]'"
        )


def load_model(
    catalog: Catalog,
    name: str,
    revision: str | None,
    described_as: str | None,
    device: str,
    dtype: str,
) -> LoadedModel:
    """The model of that name, or one line why not."""
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


def run_jobs(
    loaded: LoadedModel,
    catalog: Catalog,
    jobs: Sequence[Job],
    settings: Settings,
    folder: Path,
    again: bool,
) -> tuple[dict[tuple[str, str], Evidence], Failures]:
    """Run what has no fresh evidence; each record is on disk as soon as it stands.

    Returns:
        Evidence on what was run now or before, and why there is none on the rest.
    """
    from verify import evidence_files
    from verify.failures import reason_of
    from verify.running import run

    _need_writable(folder)
    kept = evidence_files.sort_out(folder, loaded, catalog, [] if again else jobs, settings)
    records = kept.fresh
    waiting = [job for job in jobs if job.key not in records]
    failures: dict[tuple[str, str], str] = {}

    def failed(job: Job, error: Exception) -> None:
        failures[job.key] = reason_of(error)

    try:
        with (
            noticed_interrupts() as stop_if_interrupted,
            _progress(len(waiting), len(jobs), kept.stale) as (advance, finished),
        ):
            for evidence in run(loaded, catalog, waiting, settings, advance, failed):
                _write(evidence, folder)
                records[evidence.head_type, evidence.recipe] = evidence
                finished()
                stop_if_interrupted()
    except KeyboardInterrupt:
        raise CommandError("interrupted; run the same command to go on", 130) from None
    return records, failures


def check_failures(failures: Failures) -> None:
    """Say what could not be computed.

    Raises:
        CommandError: if there is anything.
    """
    if not failures:
        return
    from verify.failures import by_reason

    for reason, names in by_reason(failures).items():
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        typer.echo(f"{', '.join(names[:_NAMED])}{more}: {reason}", err=True)
    several = len(failures) > 1
    raise CommandError(
        f"{len(failures)} recipe{'s' * several} could not be computed;"
        f" the same command tries {'them' if several else 'it'} again"
    )


@contextmanager
def noticed_interrupts() -> Iterator[Callable[[], None]]:
    """Gives a function that raises KeyboardInterrupt if Ctrl-C was pressed and nobody heard it.

    Python drops the exception where it comes while an object is being finalized, or in a library
    that catches everything: the run would go on to its end.
    """
    pressed = False

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal pressed
        pressed = True
        signal.default_int_handler(number, frame)

    def stop_if_interrupted() -> None:
        if pressed:
            raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():  # no signals come here
        yield stop_if_interrupted
        return
    before = signal.signal(signal.SIGINT, handle)
    try:
        yield stop_if_interrupted
    finally:
        signal.signal(signal.SIGINT, before)


def _need_writable(folder: Path) -> None:
    """Find out before the work, not after it."""
    from verify import evidence_files

    try:
        evidence_files.check_writable(folder)
    except OSError as error:
        raise CommandError(f"cannot write evidence below {folder}: {error.strerror}") from None


def _write(evidence: Evidence, folder: Path) -> None:
    from verify import evidence_files

    try:
        evidence_files.write(evidence, folder)
    except OSError as error:
        raise CommandError(f"cannot write evidence below {folder}: {error.strerror}") from None


def stale_line(stale: dict[tuple[str, str], tuple[str, ...]]) -> str:
    """``2 are stale: induction.copying (recipe), ...``: what changed since."""
    named = [f"{'.'.join(key)} ({', '.join(why)} changed)" for key, why in stale.items()]
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    verb = "is" if len(named) == 1 else "are"
    return f"{len(named)} {verb} stale and will be run again: {', '.join(named[:_NAMED])}{more}"


@contextmanager
def _progress(
    waiting: int, total: int, stale: dict[tuple[str, str], tuple[str, ...]]
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
    if stale:
        console.print(stale_line(stale), highlight=False, markup=False, soft_wrap=True)
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
