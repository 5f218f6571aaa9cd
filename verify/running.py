"""Runs recipes on a model and makes evidence of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from catalog.loading import Catalog
from catalog.schema.evidence import Evidence
from verify.loading import LoadedModel
from verify.material import Material, material_of, work_of, work_of_heads
from verify.modes import evaluating
from verify.planning import Job, groups, waves
from verify.recording import Scored, Settings, evidence_of
from verify.scoring import score
from verify.statistics import Summary, summarise
from verify.words import Words

Progress = Callable[[str, float], None]
"""Called with what is being done, and the share of the whole run that is through."""


def _silent(what: str, share: float) -> None:
    """Tell nobody."""


def run(
    loaded: LoadedModel,
    catalog: Catalog,
    jobs: Sequence[Job],
    settings: Settings | None = None,
    progress: Progress = _silent,
) -> Iterator[Evidence]:
    """Run recipes and yield a record as soon as it stands.

    Recipes that read the same prompts are answered in one pass over them. Where heads pass, one
    more pass on prompts of the confirmation seed serves all these recipes: the heads must reach
    ``min_score`` and ``min_margin`` (or keep within ``max_change``) there too.

    Args:
        loaded: the model.
        catalog: for word lists and texts.
        jobs: what to run.
        settings: seed and batch size; the defaults if None.
        progress: told about every batch.
    """
    settings = settings or Settings()
    with evaluating(loaded.model):  # dropout would make scores random
        yield from _Run(loaded, catalog, settings, progress).all(jobs)


@dataclass(frozen=True)
class _Group:
    jobs: list[Job]
    material: Material | None
    """None until its turn comes, where making it is work of its own."""
    work: float

    @property
    def label(self) -> str:
        return ", ".join(dict.fromkeys(job.head_type for job in self.jobs))


class _Run:
    """One run and how far it is; half of a group's work is its confirmation."""

    def __init__(
        self, loaded: LoadedModel, catalog: Catalog, settings: Settings, progress: Progress
    ) -> None:
        self.loaded = loaded
        self.catalog = catalog
        self.settings = settings
        self.words = Words(
            loaded.tokenizer, catalog.vocabularies, catalog.texts, loaded.anatomy.embedding_rows
        )
        self._tell = progress
        self._told = 0.0
        self._done = 0.0
        self._total = 1.0

    def all(self, jobs: Sequence[Job]) -> Iterator[Evidence]:
        """Every group, in the order of the plan."""
        planned = []
        for wave in waves(jobs):
            planned += [self._plan(group) for group in groups(wave)]
        self._total = sum(2 * group.work for group in planned) or 1.0
        through = 0.0
        for part in planned:
            self._say(part.label, through)
            yield from self._group(part)
            through += 2 * part.work
            self._done = through
            self._say(part.label, through)

    def _plan(self, group: list[Job]) -> _Group:
        """What a group reads and how much that is, or how much it will be."""
        anatomy = self.loaded.anatomy
        expected = work_of_heads(group[0].recipe.prompts, anatomy)
        if expected is not None:
            return _Group(group, None, expected)
        material = self._material(group, self.settings.seed)
        return _Group(group, material, work_of(material, group, anatomy))

    def _group(self, group: _Group) -> Iterator[Evidence]:
        if group.material is None:
            group = replace(group, material=self._material(group.jobs, self.settings.seed))
        held: list[tuple[Job, Scored, Summary]] = []
        for job, scored in zip(group.jobs, self._score(group, group.jobs), strict=True):
            if scored.units is None:
                yield self._record(job, scored, None, None)
                continue
            seed = getattr(job.recipe.prompts, "seed", 0) + self.settings.seed
            summary = summarise(scored.units, job.recipe.criterion, seed=seed)
            if scored.drawn and "passes" in summary.status:
                held.append((job, scored, summary))
            else:
                yield self._record(job, scored, summary, None)
        if not held:
            return
        again = [job for job, _, _ in held]
        material = self._material(again, self.settings.seed + 1)
        second = self._score(_Group(again, material, group.work), again)
        for (job, scored, summary), confirming in zip(held, second, strict=True):
            yield self._record(job, scored, summary, confirming)

    def _say(self, label: str, done: float) -> None:
        """Tell how far the run is: never less than before, as sums of shares may round to."""
        self._told = max(self._told, min(done / self._total, 1.0))
        self._tell(label, self._told)

    def _material(self, group: Sequence[Job], seed: int) -> Material:
        return material_of(group[0].recipe.prompts, self.words, seed, self.loaded.anatomy)

    def _score(self, group: _Group, jobs: Sequence[Job]) -> list[Scored]:
        def advance(share: float) -> None:
            self._done += share * group.work
            self._say(group.label, self._done)

        assert group.material is not None
        return score(jobs, group.material, self.loaded, self.settings, advance)

    def _record(
        self, job: Job, scored: Scored, summary: Summary | None, confirming: Scored | None
    ) -> Evidence:
        return evidence_of(
            job, self.loaded, self.catalog, self.settings, scored, summary, confirming
        )
