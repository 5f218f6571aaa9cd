"""One pass for a group of recipes: scores of every head on what they all read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain

import numpy as np

from catalog.schema.answered import Answered
from catalog.schema.evidence import GateResult, Sample
from verify.anatomy import Anatomy
from verify.capture import Reader, run_pass
from verify.failures import let_go
from verify.fingerprints import kept_sha256
from verify.gates import answer_gates, failed, sorted_gates, word_gates
from verify.loading import LoadedModel
from verify.material import Material
from verify.measures import RUNNING, WEIGHTS
from verify.measures.running import AnswerReader, RunningMeasure
from verify.measures.tokens import TokenUnits
from verify.modes import settled
from verify.planning import Job
from verify.prompts import CannotBuild, PromptSet
from verify.recording import Scored, Settings
from verify.sorting import sorted_by_answers
from verify.statistics import Units

Advance = Callable[[float], None]
"""Called with the share of the group's work that is newly through."""


@settled()
def score(
    group: Sequence[Job],
    material: Material,
    loaded: LoadedModel,
    settings: Settings,
    advance: Advance,
) -> list[Scored]:
    """Score every head by each recipe of a group.

    Args:
        group: recipes with the same prompts.
        material: those prompts, for one seed.
        loaded: the model.
        settings: of them the batch size.
        advance: told how far it is.

    Returns:
        What each recipe scored; where the measure of one raises, that is its ``failure``.

    Raises:
        Exception: whatever ends the pass that they share.
    """
    if material.problem is not None:
        return [_not_applicable(material.problem, (), material.sha256) for _ in group]
    if material.tokens is not None:
        return [
            _on_weights(
                job, material.tokens, material.sha256, loaded, lambda: advance(1 / len(group))
            )
            for job in group
        ]
    return _on_prompts(group, material, loaded, settings, advance)


def _not_applicable(reason: str, gates: tuple[GateResult, ...], sha256: str) -> Scored:
    return Scored(None, gates, None, sha256, False, reason)


def _on_weights(
    job: Job, tokens: TokenUnits, sha256: str, loaded: LoadedModel, done: Callable[[], None]
) -> Scored:
    try:
        gates = word_gates(job.recipe.gate, tokens.single_token_share, 0.0)
        if (reason := failed(gates)) is not None:
            return _not_applicable(reason, gates, sha256)
        try:
            units = WEIGHTS[job.recipe.measure.kind](job.recipe, tokens, loaded.anatomy)
        except CannotBuild as error:
            return _not_applicable(str(error), gates, sha256)
        return Scored(units, gates, _sample("token", units, tokens.left_out), sha256, tokens.drawn)
    finally:
        done()


def _on_prompts(
    group: Sequence[Job],
    material: Material,
    loaded: LoadedModel,
    settings: Settings,
    advance: Advance,
) -> list[Scored]:
    assert material.prompts is not None
    prompts, advance = _sorted(group, material, material.prompts, loaded, settings, advance)
    # what sorting leaves may be nothing: such recipes are given up before the model is read again
    kept = None if prompts.answers is None else kept_sha256(prompts)
    early = [sorted_gates(job.recipe.gate, prompts) for job in group]
    measures = [
        failed(gates) or _measure(job, prompts, loaded.anatomy)
        for job, gates in zip(group, early, strict=True)
    ]
    running = [measure for measure in measures if isinstance(measure, RunningMeasure)]
    answers = None
    shared = float(prompts.tokens)
    work = shared + sum(measure.work for measure in running)
    if running or prompts.answers is None:
        has_answers = bool(prompts.main[0].answers)
        answers = AnswerReader(loaded.anatomy, prompts.main) if has_answers else None
        told = partial(_part, advance, shared / work)
        _read_all(running, answers, prompts, loaded, settings, told)
    clusters = np.array([prompt.cluster for prompt in prompts.main], dtype=np.int64)
    made = []
    for job, measure, gates in zip(group, measures, early, strict=True):
        gates = (
            *word_gates(job.recipe.gate, prompts.single_token_share, prompts.unknown_share),
            *gates,
        )
        if answers is not None:
            gates += answer_gates(
                job.recipe.gate, answers, clusters, accuracy=prompts.answers is None
            )
        reason = failed(gates)
        if reason is not None or isinstance(measure, str):
            said = reason or str(measure)
            made.append(Scored(None, gates, None, material.sha256, False, said, kept))
            continue
        try:
            units = _units(measure, settings, partial(_part, advance, measure.work / work))
        except Exception as error:  # noqa: BLE001 - the pass is through: the others stand
            let_go(error)
            made.append(Scored(None, gates, None, material.sha256, True, failure=error))
            continue
        if isinstance(units, str):
            made.append(Scored(None, gates, None, material.sha256, False, units, kept))
            continue
        sample = _sample("prompt", units, prompts.left_out)
        made.append(Scored(units, gates, sample, material.sha256, True, kept_sha256=kept))
    return made


def _part(advance: Advance, of: float, share: float) -> None:
    """Tell of a share of a part of the work."""
    advance(of * share)


def _measure(job: Job, prompts: PromptSet, anatomy: Anatomy) -> RunningMeasure | str:
    """The measure of a recipe, or why this model does not allow it."""
    try:
        return RUNNING[job.recipe.measure.kind](job.recipe, prompts, anatomy)
    except CannotBuild as error:
        return str(error)


def _sorted(
    group: Sequence[Job],
    material: Material,
    prompts: PromptSet,
    loaded: LoadedModel,
    settings: Settings,
    advance: Advance,
) -> tuple[PromptSet, Advance]:
    """The prompts that are scored, and how the rest of the group's work is told.

    Where the model's own answers sort them, it answers them all first: half of the work.
    """
    parameters = group[0].recipe.prompts
    if not (isinstance(parameters, Answered) and parameters.is_sorted):
        return prompts, advance
    drawn = len(prompts.main)
    kept = sorted_by_answers(
        prompts,
        parameters,
        material.seed,
        loaded,
        settings,
        advance=lambda count: advance(count / drawn / 2),
    )
    return kept, lambda share: advance(share / 2)


def _read_all(
    measures: Sequence[RunningMeasure],
    answers: AnswerReader | None,
    prompts: PromptSet,
    loaded: LoadedModel,
    settings: Settings,
    advance: Advance,
) -> None:
    """Read each variant once, with the readers of all recipes."""
    by_variant: dict[str, list[Reader]] = {}
    for variant, readers in chain.from_iterable(m.readers().items() for m in measures):
        by_variant.setdefault(variant, []).extend(readers)
    if answers is not None:
        by_variant.setdefault(next(iter(prompts.variants)), []).append(answers)
    total = sum(len(prompts.variants[variant]) for variant in by_variant)
    for variant, readers in by_variant.items():
        run_pass(
            loaded.anatomy,
            prompts.variants[variant],
            readers,
            batch_size=settings.batch_size,
            limit_memory=settings.limit_memory,
            advance=lambda count: advance(count / total),
        )


def _units(measure: RunningMeasure, settings: Settings, advance: Advance) -> Units | str:
    """What a measure found once it has been run to its end, or why it is nothing."""
    try:
        measure.run(settings.batch_size, settings.limit_memory, advance)
        units = measure.units()
    except CannotBuild as error:
        return str(error)
    if _is_empty(units):
        return "no prompt has a position that the measure or its control can read"
    return units


def _is_empty(units: Units) -> bool:
    """Whether no unit of the score, or none of the control, applies to any head."""
    return bool(np.isnan(units.score).all() or np.isnan(units.control).all())


def _sample(unit: str, units: Units, left_out: int) -> Sample:
    """What the interval rests on: units that apply to no head at all are left out, too."""
    applies = ~np.isnan(units.score).all(axis=1)
    return Sample(
        unit="token" if unit == "token" else "prompt",
        units=int(applies.sum()),
        clusters=len(np.unique(units.clusters[applies])),
        left_out=left_out + int((~applies).sum()),
    )
