"""``verify.run``: recipes on a model that is in memory, as in a notebook."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from catalog.loading import Catalog, load
from catalog.schema.base import Stage, Strength
from verify import evidence_files
from verify.loading import wrap
from verify.planning import jobs_of, select
from verify.recording import Settings
from verify.results import Results
from verify.running import Progress
from verify.running import run as run_jobs


def run(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    types: Sequence[str] | None = None,
    *,
    stages: Collection[str] = (),
    strengths: Collection[str] = (),
    name: str = "local--model",
    catalog: Catalog | None = None,
    evidence: Path | str | None = None,
    seed: int = 0,
    batch_size: int | None = None,
    limit_memory: int | None = None,
    progress: bool = True,
) -> Results:
    """Run recipes on a model that is loaded already: from a hub, fine-tuned or quantized.

    Args:
        model: a causal language model of transformers. It is left as it was, training mode too.
        tokenizer: its tokenizer, a fast one.
        types: ids of head types; all that have runnable recipes if None.
        stages: only head types of these stages.
        strengths: only recipes that show these kinds of evidence.
        name: what records call the model, as ``org--name``.
        catalog: entries to take recipes from; the shipped ones if None.
        evidence: a folder where records are kept and, if fresh, taken from; nowhere if None.
        seed: added to the seeds of the recipes.
        batch_size: prompts a forward pass; found if None. Numbers do not depend on it.
        limit_memory: bytes that weights and activations may take together.
        progress: show a bar.

    Returns:
        The verdict of each type, its heads, and the evidence.

    Raises:
        LookupError: for a head type that does not exist, with what might have been meant.
        ValueError: for a stage or a kind of evidence that does not exist.
        UnsupportedArchitecture: if the model's parts cannot be found.
        ModelError: if a weight is not a finite number.
        CaptureFailed: if the model does not show its attention, or memory does not suffice.
    """
    catalog = catalog or load()
    chosen = select(catalog, types or (), [Stage(stage) for stage in stages])
    jobs = jobs_of(chosen, [Strength(strength) for strength in strengths])
    loaded = wrap(model, tokenizer, name)
    settings = Settings(seed=seed, batch_size=batch_size, limit_memory=limit_memory)
    records = {}
    folder = Path(evidence) if evidence is not None else None
    if folder is not None:
        records = evidence_files.sort_out(folder, loaded, catalog, jobs, settings).fresh
    waiting = [job for job in jobs if job.key not in records]
    with _bar(progress and bool(waiting)) as tell:
        for record in run_jobs(loaded, catalog, waiting, settings, tell):
            records[record.head_type, record.recipe] = record
            if folder is not None:
                evidence_files.write(record, folder)
    return Results.of(loaded, chosen, records)


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
