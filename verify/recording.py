"""From scores to an evidence record."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import version
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray

from catalog import __version__
from catalog.fingerprints import ENGINE_VERSION, recipe_sha256
from catalog.loading import Catalog
from catalog.schema.evidence import (
    Confirmation,
    Evidence,
    EvidenceModel,
    GateResult,
    Run,
    Sample,
    Scores,
    Verdict,
)
from catalog.schema.measures import AblationEffect, DirectLogitAttribution
from catalog.schema.prompts import Tokens
from catalog.schema.recipe import Recipe
from verify.loading import LoadedModel
from verify.planning import Job
from verify.statistics import Summary, Units, recipe_verdict

Dtype = Literal["float32", "bfloat16", "float16"]


@dataclass(frozen=True)
class Settings:
    """How to run; what of it changes numbers is recorded in the evidence."""

    seed: int = 0
    """Added to the seeds of the recipes. The confirmation uses this plus one."""
    batch_size: int | None = None
    """Prompts a forward pass; None to find it. Numbers do not depend on it."""
    limit_memory: int | None = None
    """Bytes that weights and activations may take together; None for most of what is free."""


@dataclass(frozen=True)
class Scored:
    """One recipe on one seed."""

    units: Units | None
    gates: tuple[GateResult, ...]
    sample: Sample | None
    prompts_sha256: str
    drawn: bool
    """Whether another seed would give other prompts."""
    reason: str | None = None
    """Why the recipe is not applicable."""
    kept_sha256: str | None = None
    """Of the prompts that are left, where the model's answers decide."""
    failure: Exception | None = None
    """What went wrong, where it could not be computed: no record is made then."""


def failed_with(error: Exception) -> Scored:
    """A recipe that could not be scored."""
    return Scored(None, (), None, "0" * 64, False, failure=error)


def evidence_model(loaded: LoadedModel) -> EvidenceModel:
    """What a record says of the model."""
    anatomy = loaded.anatomy
    return EvidenceModel(
        id=loaded.id,
        revision=loaded.revision,
        architecture=anatomy.architecture,
        layers=anatomy.layers,
        heads=anatomy.heads,
        kv_heads=anatomy.kv_heads,
        weights_sha256=loaded.weights_sha256,
        config_sha256=loaded.config_sha256,
        tokenizer_sha256=loaded.tokenizer_sha256,
        foreign_layers=loaded.foreign_layers,
    )


def run_record(
    recipe: Recipe,
    loaded: LoadedModel,
    catalog: Catalog,
    settings: Settings,
    prompts: str,
    kept: str | None = None,
) -> Run:
    """What a record says of the run; ``prompts`` and ``kept`` are hashes."""
    fixed = isinstance(recipe.prompts, Tokens) and recipe.prompts.tokens.sample is None
    return Run(
        recipe_sha256=recipe_sha256(recipe, catalog.vocabularies, catalog.texts),
        prompts_sha256=prompts,
        kept_sha256=kept,
        seed=recipe.prompts.seed + settings.seed,
        confirmation_seed=None if fixed else recipe.prompts.seed + settings.seed + 1,
        engine=ENGINE_VERSION,
        dtype=cast(Dtype, loaded.dtype),
        device=loaded.device,
        versions=dict(sorted({**_versions(), **loaded.libraries}.items())),
    )


@cache
def _versions() -> dict[str, str]:
    """Of what the numbers depend on; reading them takes longer than many a recipe."""
    named = {name: version(name) for name in ("numpy", "scipy", "torch", "transformers")}
    python = ".".join(platform.python_version_tuple()[:2])
    return dict(sorted({"headbook": __version__, "python": python, **named}.items()))


def evidence_of(
    job: Job,
    loaded: LoadedModel,
    catalog: Catalog,
    settings: Settings,
    scored: Scored,
    summary: Summary | None,
    confirmation: Scored | None,
) -> Evidence:
    """The record of one recipe.

    Args:
        job: what was run.
        loaded: the model.
        catalog: for the recipe's word lists and texts.
        settings: seed and batch size.
        scored: scores on the first seed.
        summary: their statistics; None if the recipe was not applicable.
        confirmation: scores on the second seed; None if no head passed or nothing is drawn.
    """
    recipe = job.recipe
    shape = (loaded.anatomy.layers, loaded.anatomy.heads)
    if summary is None:
        confirmations: tuple[Confirmation, ...] = ()
        passing: tuple[int, ...] = ()
        unclear: tuple[int, ...] = ()
        verdict: Verdict = "not-applicable"
        reason = scored.reason or "the recipe could not be run"
    else:
        if confirmation is not None:
            confirmation = _same_options(scored, confirmation)
        confirmations, confirmed = _confirm(recipe, summary, confirmation, shape)
        outcome = recipe_verdict(summary, confirmed)
        passing, unclear, verdict = outcome.passing, outcome.unclear, outcome.verdict
        reason = _reason(recipe, summary, shape, verdict, passing, unclear)
    return Evidence(
        head_type=job.head_type,
        recipe=recipe.id,
        model=evidence_model(loaded),
        run=run_record(
            recipe, loaded, catalog, settings, scored.prompts_sha256, scored.kept_sha256
        ),
        measure=recipe.measure.kind,
        unit=_unit(recipe),
        criterion=recipe.criterion,
        gates=scored.gates,
        sample=scored.sample,
        scores=None if summary is None else _scores(summary, scored.units, shape),
        confirmations=confirmations,
        found=tuple(_name(head, shape) for head in passing),
        unclear=tuple(_name(head, shape) for head in unclear),
        verdict=verdict,
        reason=reason,
    )


def _unit(recipe: Recipe) -> str:
    if isinstance(recipe.measure, DirectLogitAttribution):
        return "share of the logit difference" if recipe.measure.scale == "share" else "logits"
    if isinstance(recipe.measure, AblationEffect):
        return {
            "logit-difference": "share of the logit difference",
            "loss": "nats",
            "accuracy": "share of prompts",
            "probability": "probability",
        }[recipe.measure.metric]
    return {
        "attention": "share of attention",
        "attention-to-predicted": "share of attention",
        "offset-concentration": "share of queries",
        "retrieval-score": "share of written tokens",
        "ov-copying": "share of tokens",
        "ov-mapping": "share of tokens",
        "ov-relation": "share of pairs",
    }[recipe.measure.kind]


def _confirm(
    recipe: Recipe, summary: Summary, scored: Scored | None, shape: tuple[int, int]
) -> tuple[tuple[Confirmation, ...], NDArray[np.bool_] | None]:
    if scored is None:
        return (), None
    passing = [i for i, status in enumerate(summary.status) if status == "passes"]
    confirmed = np.zeros(len(summary.status), dtype=bool)
    if scored.units is None:  # the second draw could not be used: nothing is confirmed
        return (), confirmed
    criterion = recipe.criterion
    score = np.nanmean(scored.units.score, axis=0)
    control = np.nanmean(scored.units.control, axis=0)
    made = []
    for head in passing:
        margin = float(score[head] - control[head])
        confirmed[head] = (
            score[head] >= criterion.min_score
            and (criterion.min_margin is None or margin >= criterion.min_margin)
            and (criterion.max_change is None or abs(margin) <= criterion.max_change)
        )
        made.append(
            Confirmation(
                head=_name(head, shape),
                score=rounded(float(score[head])),
                margin=rounded(margin),
                confirmed=bool(confirmed[head]),
            )
        )
    return tuple(made), confirmed


def _same_options(scored: Scored, confirmation: Scored) -> Scored:
    """The confirmation, with every head scored by what was found out about it on the first seed.

    A head that is to look at one distance must do so on both seeds.
    """
    first, second = scored.units, confirmation.units
    if first is None or second is None or first.options is None:
        return confirmation
    return replace(confirmation, units=second.choosing(first.options.chosen))


def _scores(summary: Summary, units: Units | None, shape: tuple[int, int]) -> Scores:
    def grid(values: NDArray[np.float64]) -> tuple[tuple[float | None, ...], ...]:
        return tuple(
            tuple(rounded(float(value)) if np.isfinite(value) else None for value in row)
            for row in values.reshape(shape)
        )

    layers, heads = shape
    divisor = None if units is None else units.divisor
    distance = None
    if units is not None and units.options is not None:
        options = units.options
        chosen = [options.values[int(index)] for index in options.chosen]
        distance = tuple(
            tuple(chosen[layer * heads : (layer + 1) * heads]) for layer in range(layers)
        )
    return Scores(
        mean=grid(summary.mean),
        low=grid(summary.low),
        high=grid(summary.high),
        se=grid(summary.se),
        control=grid(summary.control),
        margin=grid(summary.margin),
        margin_low=grid(summary.margin_low),
        margin_high=grid(summary.margin_high),
        q=None if summary.q is None else grid(summary.q),
        q_note=summary.q_note,
        status=tuple(
            tuple(summary.status[layer * heads : (layer + 1) * heads]) for layer in range(layers)
        ),
        divisor=None if divisor is None else rounded(divisor),
        distance=distance,
    )


def _reason(
    recipe: Recipe,
    summary: Summary,
    shape: tuple[int, int],
    verdict: str,
    passing: Sequence[int],
    unclear: Sequence[int],
) -> str:
    chosen = passing or unclear
    best = chosen[0] if chosen else int(np.nanargmax(summary.mean))
    criterion = recipe.criterion
    needed = f"needs {criterion.min_score:.3g}"
    if criterion.min_margin is not None:
        needed += f", margin {criterion.min_margin:.3g}"
    if criterion.max_change is not None:
        needed += f", change at most {criterion.max_change:.3g}"
    figures = (
        f"{_name(best, shape)} scores {summary.mean[best]:.3g}"
        f" [{summary.low[best]:.3g}, {summary.high[best]:.3g}],"
        f" control {summary.control[best]:.3g} ({needed})"
    )
    if verdict == "found":
        count = len(passing)
        return f"{count} head{'s' if count > 1 else ''} pass{'' if count > 1 else 'es'}; {figures}"
    if verdict == "inconclusive":
        return f"no head passes and {len(unclear)} cannot be told from the threshold; {figures}"
    return f"no head passes; the highest score: {figures}"


def _name(head: int, shape: tuple[int, int]) -> str:
    return f"{head // shape[1]}.{head % shape[1]}"


def rounded(value: float) -> float:
    """Six significant digits: more than the sample supports, and the same on every machine."""
    return float(f"{value:.6g}")
