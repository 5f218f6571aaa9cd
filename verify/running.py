"""Runs recipes on a model and makes evidence of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ParamSpec, TypeVar

from catalog.loading import Catalog
from catalog.schema.evidence import Evidence
from verify.failures import Failed, let_go
from verify.loading import LoadedModel
from verify.material import Material, material_of, work_of, work_of_heads
from verify.modes import evaluating
from verify.planning import Job, groups, waves
from verify.recording import Scored, Settings, evidence_of, failed_with
from verify.scoring import score
from verify.statistics import Summary, summarise
from verify.words import Words

P = ParamSpec("P")
Made = TypeVar("Made")

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
    failed: Failed | None = None,
) -> Iterator[Evidence]:
    """Run recipes and yield a record as soon as it stands.

    Recipes that read the same prompts are answered in one pass over them. Where heads pass, one
    more pass on prompts of the confirmation seed serves all these recipes: the heads must reach
    ``min_score`` and ``min_margin`` (or keep within ``max_change``) there too. So a run that is
    killed loses at most one group, the recipes of one set of prompts; of those that read weights
    alone each is a group.

    A recipe that cannot be computed (numbers that are not finite, too little memory, a measure that
    refuses what it gets) leaves no record. Where it ends the pass of its group, the others of the
    group are run again, each alone.

    Args:
        loaded: the model.
        catalog: for word lists and texts.
        jobs: what to run.
        settings: seed and batch size; the defaults if None.
        progress: told about every batch.
        failed: told about each recipe that cannot be computed, and the run goes on.

    Raises:
        Exception: what a recipe failed with, where nobody is told; the run ends there.
    """
    settings = settings or Settings()
    with evaluating(loaded.model):  # dropout would make scores random
        yield from _Run(loaded, catalog, settings, progress, failed).all(jobs)


@dataclass(frozen=True)
class _Group:
    jobs: list[Job]
    material: Material | None
    """None until its turn comes, where making it is work of its own."""
    work: float

    @property
    def label(self) -> str:
        return ", ".join(dict.fromkeys(job.head_type for job in self.jobs))

    def parts(self) -> list[_Group]:
        """What is computed together: each recipe alone where no pass is shared."""
        if self.material is None or self.material.tokens is None:
            return [self]
        return [replace(self, jobs=[job], work=self.work / len(self.jobs)) for job in self.jobs]


@dataclass(frozen=True)
class _Held:
    """A recipe that some head passes, which waits to be confirmed."""

    job: Job
    scored: Scored
    summary: Summary


class _Run:
    """One run and how far it is; half of a group's work is its confirmation."""

    def __init__(
        self,
        loaded: LoadedModel,
        catalog: Catalog,
        settings: Settings,
        progress: Progress,
        failed: Failed | None,
    ) -> None:
        self.loaded = loaded
        self.catalog = catalog
        self.settings = settings
        self.words = Words(
            loaded.tokenizer, catalog.vocabularies, catalog.texts, loaded.anatomy.embedding_rows
        )
        self._tell = progress
        self._failed = failed
        self._told = 0.0
        self._done = 0.0
        self._total = 1.0

    def all(self, jobs: Sequence[Job]) -> Iterator[Evidence]:
        """Every group, in the order of the plan."""
        planned = []
        for wave in waves(jobs):
            for group in groups(wave):
                self._say("prompts", 0.0)
                made = self._attempt(group, self._plan, group)
                planned += made.parts() if made is not None else []
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
        held: list[_Held] = []
        scores = self._score(group, group.material, self.settings.seed)
        for job, scored in zip(group.jobs, scores, strict=True):
            made = self._attempt([job], self._judged, job, scored)
            if isinstance(made, _Held):
                held.append(made)
            elif made is not None:
                yield made
        if not held:
            return
        again = replace(group, jobs=[one.job for one in held])
        second = self._score(again, None, self.settings.seed + 1)
        for one, confirming in zip(held, second, strict=True):
            record = self._attempt([one.job], self._confirmed, one, confirming)
            if record is not None:
                yield record

    def _judged(self, job: Job, scored: Scored) -> Evidence | _Held:
        """The record of a recipe, if there is nothing to confirm."""
        if scored.failure is not None:
            raise scored.failure
        if scored.units is None:
            return self._record(job, scored, None, None)
        seed = getattr(job.recipe.prompts, "seed", 0) + self.settings.seed
        summary = summarise(scored.units, job.recipe.criterion, seed=seed)
        if scored.drawn and "passes" in summary.status:
            return _Held(job, scored, summary)
        return self._record(job, scored, summary, None)

    def _confirmed(self, held: _Held, confirming: Scored) -> Evidence:
        if confirming.failure is not None:
            raise confirming.failure
        return self._record(held.job, held.scored, held.summary, confirming)

    def _attempt(
        self, jobs: Sequence[Job], make: Callable[P, Made], *args: P.args, **kwargs: P.kwargs
    ) -> Made | None:
        """What ``make`` gives; None if it fails and somebody is told that these jobs did."""
        try:
            return make(*args, **kwargs)
        except Exception as error:  # whatever it is, the other recipes do not depend on it
            if self._failed is None:
                raise
            let_go(error)
            for job in jobs:
                self._failed(job, error)
            return None

    def _say(self, label: str, done: float) -> None:
        """Tell how far the run is: never less than before, as sums of shares may round to."""
        self._told = max(self._told, min(done / self._total, 1.0))
        self._tell(label, self._told)

    def _material(self, group: Sequence[Job], seed: int) -> Material:
        return material_of(group[0].recipe.prompts, self.words, seed, self.loaded.anatomy)

    def _score(self, group: _Group, material: Material | None, seed: int) -> list[Scored]:
        """What each recipe of a group scores, or its failure.

        The material is made here if there is none yet.
        """

        def advance(share: float) -> None:
            self._done += share * group.work
            self._say(group.label, self._done)

        try:
            material = material or self._material(group.jobs, seed)
            return score(group.jobs, material, self.loaded, self.settings, advance)
        except Exception as error:
            if self._failed is None:
                raise
            let_go(error)
            if material is None or len(group.jobs) == 1:
                return [failed_with(error) for _ in group.jobs]
        # one recipe may have ended the pass of all, or only together they want too much memory
        alone = [replace(group, jobs=[job]) for job in group.jobs]
        return [self._score(part, material, seed)[0] for part in alone]

    def _record(
        self, job: Job, scored: Scored, summary: Summary | None, confirming: Scored | None
    ) -> Evidence:
        return evidence_of(
            job, self.loaded, self.catalog, self.settings, scored, summary, confirming
        )
