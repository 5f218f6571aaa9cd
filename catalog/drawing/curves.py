"""A head type over the training of a model as a picture: score against training step, log axis."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from catalog.drawing.colours import CATEGORIES
from catalog.drawing.numbers import number
from catalog.drawing.pictures import Picture
from catalog.responses import Emergence, RecipePoint

_WIDTH, _HEIGHT = 560, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 96, 22, 40
_MOST_HEADS = 6
_DASHES = ("", "7 3", "2 3", "9 3 2 3", "4 2", "1 2")


@dataclass(frozen=True)
class Curve:
    """One head over training."""

    head: str
    colour: str
    dashes: str
    points: tuple[tuple[int, float], ...]
    """Training step and score."""


@dataclass(frozen=True)
class Training:
    """One recipe over one training: the picture, and the same as a table."""

    recipe: str
    unit: str
    picture: Picture
    curves: tuple[Curve, ...]
    rows: tuple[tuple[int, tuple[str, ...], str, str], ...]
    """Step, score of each curve, best control, verdict."""


def trainings(emergence: Emergence, thresholds: dict[str, float]) -> tuple[Training, ...]:
    """A picture for each recipe that was run on the checkpoints.

    Args:
        emergence: the type over the training of one model.
        thresholds: recipe -> the score it needs.
    """
    recipes = dict.fromkeys(made.recipe for point in emergence.points for made in point.recipes)
    return tuple(_training(emergence, recipe, thresholds.get(recipe)) for recipe in recipes)


def _training(emergence: Emergence, recipe: str, threshold: float | None) -> Training:
    found: list[tuple[int, RecipePoint]] = [
        (point.step, made)
        for point in emergence.points
        for made in point.recipes
        if made.recipe == recipe and made.mean is not None
    ]
    heads = _shown_heads(emergence, [made for _, made in found])
    curves = tuple(
        Curve(
            head=head,
            colour=CATEGORIES[place % len(CATEGORIES)],
            dashes=_DASHES[place % len(_DASHES)],
            points=tuple(
                (step, value) for step, made in found if (value := _score(made, head)) is not None
            ),
        )
        for place, head in enumerate(heads)
    )
    unit = found[0][1].unit if found else ""
    return Training(
        recipe=recipe,
        unit=unit,
        picture=_picture(emergence, recipe, unit, found, curves, threshold),
        curves=curves,
        rows=tuple(
            (step, tuple(number(_score(made, head)) for head in heads), number(made.control),
             made.verdict)
            for step, made in found
        ),
    )  # fmt: skip


def _shown_heads(emergence: Emergence, points: Sequence[RecipePoint]) -> tuple[str, ...]:
    """The heads that the type was found at last, or else the best of the last checkpoint."""
    if emergence.points and emergence.points[-1].found:
        return emergence.points[-1].found[:_MOST_HEADS]
    best = [made.best_head for made in points if made.best_head is not None]
    return tuple(dict.fromkeys(reversed(best)))[:2]


def _score(made: RecipePoint, head: str) -> float | None:
    layer, _, index = head.partition(".")
    return None if made.mean is None else made.mean[int(layer)][int(index)]


def _picture(
    emergence: Emergence,
    recipe: str,
    unit: str,
    found: Sequence[tuple[int, RecipePoint]],
    curves: Sequence[Curve],
    threshold: float | None,
) -> Picture:
    steps = [step for step, _ in found] or [1]
    values = [value for curve in curves for _, value in curve.points]
    values += [made.control for _, made in found if made.control is not None]
    low = min([0.0, *values])
    high = max([1.0 if max(values, default=0) <= 1 and low >= 0 else 0.0, *values, threshold or 0])
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    first = math.log2(min(steps) + 1)
    span = math.log2(max(steps) + 1) - first or 1.0

    def x(step: int) -> float:
        return round(_LEFT + (right - _LEFT) * (math.log2(step + 1) - first) / span, 1)

    def y(value: float) -> float:
        return round(bottom - (bottom - _TOP) * (value - low) / ((high - low) or 1.0), 1)

    parts = [
        f'<path class="axis" d="M{_LEFT} {_TOP}V{bottom}H{right}"/>',
        f'<text x="{_LEFT}" y="12">score</text>',
        f'<text x="{right}" y="{_HEIGHT - 6}" text-anchor="end">training step (log scale)</text>',
    ]
    parts += [
        f'<path class="axis" d="M{_LEFT - 4} {y(value)}h4"/>'
        f'<text x="{_LEFT - 8}" y="{y(value) + 4}" text-anchor="end">{value:g}</text>'
        for value in round_numbers(low, high)
    ]
    parts += _step_labels(sorted(set(steps)), x, bottom)
    if threshold is not None:
        parts.append(
            f'<path class="needed" d="M{_LEFT} {y(threshold)}H{right}"/>'
            f'<text x="{right + 6}" y="{y(threshold) + 4}">needed {threshold:.3g}</text>'
        )
    controls = [(step, made.control) for step, made in found if made.control is not None]
    if controls:
        line = " ".join(f"{x(step)},{y(value)}" for step, value in controls)
        parts.append(f'<polyline class="control" points="{line}"/>')
    parts += _lines(curves, x, y, right)
    told = ", ".join(f"{c.head} ends at {number(c.points[-1][1])}" for c in curves if c.points)
    name = "t-" + "".join(
        c if c.isalnum() else "-" for c in f"{emergence.model}-{emergence.head_type}-{recipe}"
    )
    return Picture(
        name=name,
        width=_WIDTH,
        height=_HEIGHT,
        title=f"Recipe {recipe} over the training of {emergence.model_name}",
        description=(
            f"Score in {unit} at {len(found)} checkpoints, training step on a logarithmic axis."
            f" {told or 'No scores'}. The table below says the same in text."
        ),
        body="".join(parts),
    )


def round_numbers(low: float, high: float) -> list[float]:
    """At most five round numbers between ``low`` and ``high``, evenly apart; 0 if it lies there."""
    step = 10.0 ** math.floor(math.log10((high - low) or 1.0) - 1)
    for times in (1, 2, 5, 10, 20, 50):
        first, last = (math.ceil(low / (times * step)), math.floor(high / (times * step)))
        if last - first < 5:
            break
    return [round(place * times * step, 12) for place in range(first, last + 1)]


def _step_labels(steps: Sequence[int], x: Callable[[int], float], bottom: int) -> list[str]:
    """Numbers of the checkpoints, left out where they would touch."""
    parts, free = [], -math.inf
    for step in steps:
        at = x(step)
        parts.append(f'<path class="axis" d="M{at} {bottom}v4"/>')
        if at >= free:
            parts.append(f'<text x="{at}" y="{bottom + 16}" text-anchor="middle">{step}</text>')
            free = at + 18 + 6 * len(str(step))
    return parts


def _lines(
    curves: Sequence[Curve],
    x: Callable[[int], float],
    y: Callable[[float], float],
    right: int,
) -> list[str]:
    """The curves with the names of their heads at the end, pushed apart where they would touch."""
    parts = []
    for curve in curves:
        line = " ".join(f"{x(step)},{y(value)}" for step, value in curve.points)
        dashes = f' stroke-dasharray="{curve.dashes}"' if curve.dashes else ""
        parts.append(
            f'<polyline class="curve" stroke="{curve.colour}"{dashes} points="{line}">'
            f"<title>head {curve.head}</title></polyline>"
        )
    free = -math.inf
    for curve in sorted((c for c in curves if c.points), key=lambda c: y(c.points[-1][1])):
        place = max(y(curve.points[-1][1]) + 4, free)
        parts.append(
            f'<path stroke="{curve.colour}" stroke-width="3" d="M{right + 6} {place - 4}h10"/>'
            f'<text x="{right + 20}" y="{place}">{curve.head}</text>'
        )
        free = place + 13
    return parts
