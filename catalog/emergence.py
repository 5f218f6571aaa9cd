"""Head types over the training of a model, from its checkpoints."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from catalog.phrases import value_of
from catalog.responses import Emergence, EmergencePoint, RecipePoint
from catalog.schema.checkpoint import Checkpoint, CheckpointResult
from catalog.schema.evidence import Grid
from catalog.schema.head_type import HeadType
from catalog.schema.model import Model
from catalog.verdicts import Joined, Judged, join


def emergences(
    entries: Sequence[HeadType], models: Sequence[Model], checkpoints: Iterable[Checkpoint]
) -> list[Emergence]:
    """Every head type over the training of every model that has checkpoints, in the given order.

    Of a model that was trained more than once, the training that led to its pinned revision
    counts, and else the newest.
    """
    trainings: dict[str, dict[str, list[Checkpoint]]] = defaultdict(lambda: defaultdict(list))
    for checkpoint in checkpoints:
        trainings[checkpoint.model.id][checkpoint.of].append(checkpoint)
    found = []
    for model in models:
        versions = trainings.get(model.id)
        if not versions:
            continue
        newest = max(versions, key=lambda version: int(version.removeprefix("v")))
        revision = model.revision if model.revision in versions else newest
        steps = sorted(versions[revision], key=lambda checkpoint: checkpoint.step)
        found += [one for entry in entries if (one := emergence(entry, model, steps)) is not None]
    return found


def emergence(entry: HeadType, model: Model, steps: Sequence[Checkpoint]) -> Emergence | None:
    """One head type over one training; None if its recipes were run on none of the checkpoints.

    Args:
        entry: the head type.
        model: the model.
        steps: checkpoints of one training, by step.
    """
    points = [point for step in steps if (point := _point(entry, step)) is not None]
    if not points:
        return None
    since: int | None = None
    for point in reversed(points):
        if point.verdict != "found":
            break
        since = point.step
    return Emergence(
        head_type=entry.id,
        head_type_name=entry.name,
        model=model.id,
        model_name=model.name,
        revision=steps[0].of,
        points=tuple(points),
        emerged_at=since,
    )


def _point(entry: HeadType, checkpoint: Checkpoint) -> EmergencePoint | None:
    results = {r.recipe: r for r in checkpoint.results if r.head_type == entry.id}
    joined = join(entry, {name: _judged(result) for name, result in results.items()})
    if joined is None or entry.identify is None:
        return None
    return EmergencePoint(
        revision=checkpoint.model.revision,
        step=checkpoint.step,
        tokens=checkpoint.tokens,
        loss=checkpoint.loss,
        accuracies=checkpoint.accuracies,
        verdict=joined.verdict,
        found=joined.found,
        recipes=tuple(
            _recipe_point(results[name], joined)
            for name in entry.identify.recipes
            if name in results
        ),
    )


def _judged(result: CheckpointResult) -> Judged:
    scores = None if result.mean is None else _scores(result.mean)
    return Judged(result.found, result.unclear, scores)


def _scores(grid: Grid) -> Mapping[str, float]:
    return {
        f"{layer}.{index}": value
        for layer, row in enumerate(grid)
        for index, value in enumerate(row)
        if value is not None
    }


def _recipe_point(result: CheckpointResult, joined: Joined) -> RecipePoint:
    scores = {} if result.mean is None else _scores(result.mean)
    best = max(joined.found[:1] or scores, key=lambda head: scores[head]) if scores else None

    def at(grid: Grid | None) -> float | None:
        return None if grid is None or best is None else value_of(grid, best)

    return RecipePoint(
        recipe=result.recipe,
        unit=result.unit,
        verdict=result.verdict,
        found=result.found,
        best_head=best,
        score=at(result.mean),
        low=at(result.low),
        high=at(result.high),
        control=at(result.control),
        mean=result.mean,
    )
