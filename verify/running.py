"""Runs recipes on a model and makes evidence of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain

import numpy as np

from catalog.loading import Catalog
from catalog.schema.evidence import Evidence, GateResult, Sample
from catalog.schema.prompts import Builder, Tokens
from catalog.schema.recipe import Gate
from verify.builders import build
from verify.capture import Reader, run_pass
from verify.fingerprints import prompts_sha256, tokens_sha256
from verify.loading import LoadedModel
from verify.measures import RUNNING, WEIGHTS
from verify.measures.running import AnswerReader, RunningMeasure
from verify.measures.tokens import TokenUnits, token_units
from verify.planning import Job, groups
from verify.prompts import CannotBuild, PromptSet
from verify.recording import Scored, Settings, evidence_of, rounded
from verify.statistics import Summary, summarise
from verify.words import Words

Progress = Callable[[str, int, int], None]
"""Called with what is being done, and how many of how many steps are through."""


def _silent(what: str, done: int, total: int) -> None:
    """Tell nobody."""


def run(
    loaded: LoadedModel,
    catalog: Catalog,
    jobs: Sequence[Job],
    settings: Settings | None = None,
    progress: Progress = _silent,
) -> Iterator[Evidence]:
    """Run recipes, those that share prompts together, and yield a record as each is done.

    Heads that pass are scored again on prompts of the confirmation seed and must reach
    ``min_score`` and ``min_margin`` (or keep within ``max_change``) there too.

    Args:
        loaded: the model.
        catalog: for word lists and texts.
        jobs: what to run.
        settings: seed and batch size; the defaults if None.
        progress: told about every batch.
    """
    settings = settings or Settings()
    was_training = loaded.model.training
    loaded.model.eval()  # dropout would make scores random
    try:
        words = Words(
            loaded.tokenizer, catalog.vocabularies, catalog.texts, loaded.anatomy.embedding_rows
        )
        for group in groups(jobs):
            first = _score(group, loaded, words, settings.seed, settings, progress)
            summaries: list[Summary | None] = []
            again: list[Job] = []
            for job, scored in zip(group, first, strict=True):
                summary = None
                if scored.units is not None:
                    summary = summarise(
                        scored.units,
                        job.recipe.criterion,
                        seed=job.recipe.prompts.seed + settings.seed,
                    )
                    if scored.drawn and "passes" in summary.status:
                        again.append(job)
                summaries.append(summary)
            second: dict[int, Scored] = {}
            if again:
                confirming = _score(again, loaded, words, settings.seed + 1, settings, progress)
                second = {id(job): scored for job, scored in zip(again, confirming, strict=True)}
            for job, scored, summary in zip(group, first, summaries, strict=True):
                yield evidence_of(
                    job, loaded, catalog, settings, scored, summary, second.get(id(job))
                )
    finally:
        loaded.model.train(was_training)


def _score(
    group: Sequence[Job],
    loaded: LoadedModel,
    words: Words,
    seed: int,
    settings: Settings,
    progress: Progress,
) -> list[Scored]:
    parameters = group[0].recipe.prompts
    parameters = parameters.model_copy(update={"seed": group[0].recipe.prompts.seed + seed})
    try:
        if isinstance(parameters, Tokens):
            return _score_weights(group, loaded, token_units(parameters, words), progress)
        return _score_running(group, loaded, parameters, words, settings, progress)
    except CannotBuild as error:
        return [_not_applicable(str(error)) for _ in group]


def _not_applicable(
    reason: str, gates: tuple[GateResult, ...] = (), prompts: str = "0" * 64
) -> Scored:
    return Scored(None, gates, None, prompts, False, reason)


def _score_weights(
    group: Sequence[Job], loaded: LoadedModel, tokens: TokenUnits, progress: Progress
) -> list[Scored]:
    made = []
    digest = tokens_sha256(tokens.ids)
    for number, job in enumerate(group):
        label = f"{job.head_type}: {job.recipe.id}"
        progress(label, number, len(group))
        gates = _word_gates(job.recipe.gate, tokens.single_token_share, 0.0)
        failed = [gate for gate in gates if not gate.passed]
        if failed:
            made.append(_not_applicable(_failed(failed), gates, digest))
            continue
        units = WEIGHTS[job.recipe.measure.kind](job.recipe, tokens, loaded.anatomy)
        sample = Sample(
            unit="token",
            units=len(units.score),
            clusters=len(np.unique(units.clusters)),
            left_out=tokens.left_out,
        )
        made.append(Scored(units, gates, sample, digest, tokens.drawn))
        progress(label, number + 1, len(group))
    return made


def _score_running(
    group: Sequence[Job],
    loaded: LoadedModel,
    parameters: Builder,
    words: Words,
    settings: Settings,
    progress: Progress,
) -> list[Scored]:
    anatomy = loaded.anatomy
    prompts = build(parameters, words)
    digest = prompts_sha256(prompts)
    if prompts.longest > anatomy.context:
        reason = f"prompts of {prompts.longest} tokens do not fit a context of {anatomy.context}"
        return [_not_applicable(reason, prompts=digest) for _ in group]
    measures = [RUNNING[job.recipe.measure.kind](job.recipe, prompts, anatomy) for job in group]
    answers = AnswerReader(anatomy, prompts.main) if prompts.main[0].answers else None
    _pass_all(measures, answers, prompts, loaded, settings, progress, _label(group))
    made = []
    for job, measure in zip(group, measures, strict=True):
        gate = job.recipe.gate
        gates = _word_gates(gate, prompts.single_token_share, prompts.unknown_share)
        if answers is not None:
            gates += _answer_gates(gate, answers)
        failed = [result for result in gates if not result.passed]
        if failed:
            made.append(_not_applicable(_failed(failed), gates, digest))
            continue
        units = measure.units()
        sample = Sample(
            unit="prompt",
            units=len(units.score),
            clusters=len(np.unique(units.clusters)),
            left_out=prompts.left_out,
        )
        made.append(Scored(units, gates, sample, digest, True))
    return made


def _label(group: Sequence[Job]) -> str:
    return ", ".join(dict.fromkeys(job.head_type for job in group))


def _pass_all(
    measures: Sequence[RunningMeasure],
    answers: AnswerReader | None,
    prompts: PromptSet,
    loaded: LoadedModel,
    settings: Settings,
    progress: Progress,
    label: str,
) -> None:
    by_variant: dict[str, list[Reader]] = {}
    for variant, readers in chain.from_iterable(m.readers().items() for m in measures):
        by_variant.setdefault(variant, []).extend(readers)
    if answers is not None:
        by_variant.setdefault(next(iter(prompts.variants)), []).append(answers)
    total = sum(len(prompts.variants[variant]) for variant in by_variant)
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        progress(label, done, total)

    progress(label, 0, total)
    for variant, readers in by_variant.items():
        run_pass(
            loaded.anatomy,
            prompts.variants[variant],
            readers,
            batch_size=settings.batch_size,
            limit_memory=settings.limit_memory,
            advance=advance,
        )


def _word_gates(gate: Gate | None, single: float, unknown: float) -> tuple[GateResult, ...]:
    results = []
    if gate is not None and gate.min_single_token is not None:
        results.append(_gate("single-token words", single, gate.min_single_token))
    if gate is not None and gate.max_unknown is not None:
        results.append(
            GateResult(
                name="unknown tokens",
                value=rounded(unknown),
                needed=gate.max_unknown,
                passed=unknown <= gate.max_unknown,
            )
        )
    return tuple(results)


def _answer_gates(gate: Gate | None, answers: AnswerReader) -> tuple[GateResult, ...]:
    if gate is None or len(answers.logits) < 2:
        return ()
    correct, foil = list(answers.logits.values())[:2]
    results = []
    if gate.min_accuracy is not None:
        results.append(_gate("accuracy", float((correct > foil).mean()), gate.min_accuracy))
    if gate.min_logit_difference is not None:
        difference = float((correct - foil).mean())
        results.append(_gate("logit difference", difference, gate.min_logit_difference))
    return tuple(results)


def _gate(name: str, value: float, needed: float) -> GateResult:
    return GateResult(name=name, value=rounded(value), needed=needed, passed=value >= needed)


def _failed(gates: Sequence[GateResult]) -> str:
    said = "; ".join(f"{gate.name} {gate.value:.3g}, needed {gate.needed:.3g}" for gate in gates)
    return f"gate not met: {said}"
