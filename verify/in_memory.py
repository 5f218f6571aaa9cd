"""``verify.run``: recipes on a model that is in memory, as in a notebook."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from catalog.loading import Catalog, load
from catalog.schema.base import ModelId, Stage, Strength
from catalog.schema.evidence import Evidence
from verify import evidence_files
from verify.failures import reason_of
from verify.loading import ModelError, wrap
from verify.planning import Job, jobs_of, select
from verify.recording import Settings
from verify.results import Results
from verify.running import Progress
from verify.running import run as run_jobs

Named = TypeVar("Named", bound=StrEnum)


class Interrupted(KeyboardInterrupt):
    """Ctrl-C in the middle of :func:`run`; ``results`` has what was measured until then."""

    def __init__(self, results: Results) -> None:
        super().__init__("what was measured until then is in .results of this exception")
        self.results = results


def types(
    *,
    stages: str | Collection[str] = (),
    strengths: str | Collection[str] = (),
    catalog: Catalog | None = None,
) -> dict[str, str]:
    """Head types that :func:`run` can look for: id and what such a head does, in a sentence.

    Args:
        stages: only head types of these stages.
        strengths: only head types with recipes that show these kinds of evidence.
        catalog: entries to look into; the shipped ones if None.

    Raises:
        ValueError: for a stage or a kind of evidence that does not exist.
    """
    chosen = select(catalog or load(), (), _members(Stage, "stages", stages))
    kinds = _members(Strength, "strengths", strengths)
    runnable = {job.head_type for job in jobs_of(chosen, kinds)}
    return {entry.id: entry.summary for entry in chosen if entry.id in runnable}


def run(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    types: str | Collection[str] | None = None,
    *,
    stages: str | Collection[str] = (),
    strengths: str | Collection[str] = (),
    name: str = "local--model",
    catalog: Catalog | None = None,
    evidence: Path | str | None = None,
    again: bool = False,
    seed: int = 0,
    batch_size: int | None = None,
    limit_memory: int | None = None,
    progress: bool = True,
) -> Results:
    """Run recipes on a model that is loaded already: from a hub, fine-tuned or quantized.

    A recipe that cannot be computed (numbers that are not finite, too little memory) does not end
    the run: a warning says so, and ``failed`` of the results says which and why.

    Args:
        model: a causal language model of transformers. It is left as it was, training mode too.
        tokenizer: its tokenizer, a fast one.
        types: ids of head types, or one; None for all that have runnable recipes
            (:func:`verify.types` lists them).
        stages: only head types of these stages.
        strengths: only recipes that show these kinds of evidence.
        name: what records call the model, as ``org--name``.
        catalog: entries to take recipes from; the shipped ones if None.
        evidence: a folder where records are kept and, if fresh, taken from; nowhere if None. There
            is one record a recipe and model: another seed, dtype or device replaces it.
        again: run what has fresh records too.
        seed: added to the seeds of the recipes.
        batch_size: prompts a forward pass; found if None. Numbers do not depend on it.
        limit_memory: bytes that weights and activations may take together.
        progress: show a bar.

    Returns:
        The verdict of each type, its heads, and the evidence.

    Raises:
        LookupError: for a head type that does not exist, with what might have been meant.
        ValueError: for any other argument that cannot be meant, before anything is computed.
        OSError: if nothing can be written into ``evidence``.
        UnsupportedArchitecture: if the model's parts cannot be found.
        ModelError: if the tokenizer is a slow one, or a weight is not a finite number.
        Interrupted: on Ctrl-C, with the results until then; it is a KeyboardInterrupt.
    """
    catalog = catalog or load()
    names = () if types is None else _listed(types)
    if types is not None and not names:
        raise ValueError("types is empty; None runs all that can be run")
    chosen = select(catalog, names, _members(Stage, "stages", stages))
    jobs = jobs_of(chosen, _members(Strength, "strengths", strengths))
    _check(tokenizer, name, seed, batch_size, limit_memory)
    settings = Settings(seed=seed, batch_size=batch_size, limit_memory=limit_memory)
    folder = Path(evidence) if evidence is not None else None
    if folder is not None:
        evidence_files.check_writable(folder)
    records: dict[tuple[str, str], Evidence] = {}
    failures: dict[tuple[str, str], str] = {}
    unwritten: OSError | None = None

    def failed(job: Job, error: Exception) -> None:
        failures[job.key] = reason_of(error)

    with _bar(progress) as tell:
        tell("weights", 0.0)
        loaded = wrap(model, tokenizer, name)
        if folder is not None and not again:
            records = evidence_files.sort_out(folder, loaded, catalog, jobs, settings).fresh
        waiting = [job for job in jobs if job.key not in records]
        try:
            for record in run_jobs(loaded, catalog, waiting, settings, tell, failed):
                records[record.head_type, record.recipe] = record
                try:
                    if folder is not None:
                        evidence_files.write(record, folder)
                except OSError as error:  # a full disk is no reason to lose what is in memory
                    unwritten = error
        except KeyboardInterrupt:
            raise Interrupted(Results.of(loaded, chosen, records, failures)) from None
    if unwritten is not None:
        warnings.warn(f"not every record could be written: {unwritten}", stacklevel=2)
    if failures:
        said = f"{len(failures)} of {len(jobs)} recipes could not be computed: see .failed"
        warnings.warn(said, stacklevel=2)
    return Results.of(loaded, chosen, records, failures)


def _listed(names: str | Collection[str]) -> list[str]:
    """One name is a list of one, not of its letters."""
    return [names] if isinstance(names, str) else list(names)


def _members(kind: type[Named], argument: str, names: str | Collection[str]) -> list[Named]:
    """The stages or kinds of evidence of these names.

    Raises:
        ValueError: for a name that is none, saying which there are.
    """
    known = {member.value: member for member in kind if member is not Strength.TRIANGULATED}
    for name in _listed(names):
        if name not in known:
            raise ValueError(f"{argument} are of {', '.join(known)}; not {name!r}")
    return [known[name] for name in _listed(names)]


def _check(
    tokenizer: PreTrainedTokenizerBase,
    name: str,
    seed: int,
    batch_size: int | None,
    limit_memory: int | None,
) -> None:
    """Refuse now what would fail after the work."""
    try:
        TypeAdapter(ModelId).validate_python(name)
    except ValidationError:
        raise ValueError(f"name is like local--model (two parts, '--'), not {name!r}") from None
    for argument, value, least in (
        ("seed", seed, 0),
        ("batch_size", batch_size, 1),
        ("limit_memory", limit_memory, 1),
    ):
        if value is not None and value < least:
            raise ValueError(f"{argument} is at least {least}, not {value}")
    if not tokenizer.is_fast:
        raise ModelError("the tokenizer is not a fast one; positions of words are needed")


@contextmanager
def _bar(wanted: bool) -> Iterator[Progress]:
    """A bar on standard error, in a terminal or a notebook."""
    if not wanted:
        yield lambda what, share: None  # noqa: ARG005
        return
    from tqdm.auto import tqdm

    with tqdm(
        total=1.0, bar_format="{l_bar}{bar}| {elapsed}, {remaining} left", leave=False
    ) as bar:

        def tell(what: str, share: float) -> None:
            bar.set_description(what if len(what) <= 40 else f"{what[:39]}\N{HORIZONTAL ELLIPSIS}")
            bar.update(share - bar.n)

        yield tell
