"""What differs between two records of one recipe: settings, verdict, heads, scores."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from catalog.responses import Response
from catalog.schema.base import layer_and_head
from catalog.schema.evidence import Evidence, Grid, HeadStatus, Scores, Verdict


class CannotCompare(ValueError):
    """The records are not of one recipe; the text says what each is of."""


class Setting(Response):
    """One thing that numbers depend on and that is not the same."""

    name: str
    a: str
    b: str


class HeadChange(Response):
    """One head whose score or margin is not the same."""

    head: str
    score_a: float | None
    score_b: float | None
    change: float | None
    margin_a: float | None
    margin_b: float | None
    status_a: HeadStatus
    status_b: HeadStatus
    intervals_overlap: bool
    """Whether the 95% intervals of the two scores have a number in common."""


class Differences(Response):
    """The second record against the first."""

    a: str
    b: str
    head_type: str
    recipe: str
    settings: tuple[Setting, ...]
    verdict_a: Verdict
    verdict_b: Verdict
    gained: tuple[str, ...]
    """Heads found in B and not in A."""
    lost: tuple[str, ...]
    compared: int
    """Heads that both records score."""
    not_compared: str | None
    """Why no head is compared, where none is."""
    heads: tuple[HeadChange, ...]
    """Heads that differ by more than the tolerance, or in status; largest change first."""
    largest: float | None
    """Largest absolute change of a score or margin; null where only one record has a number."""
    different: bool


def compare(a: Evidence, b: Evidence, tolerance: float = 1e-4) -> Differences:
    """Compare two records of one recipe; of models of one size head by head.

    Args:
        a: the first record.
        b: the second.
        tolerance: scores and margins that differ by no more are the same.

    Raises:
        CannotCompare: for records of different recipes.
    """
    if (a.head_type, a.recipe) != (b.head_type, b.recipe):
        raise CannotCompare(
            f"one record is of {a.head_type}.{a.recipe}, the other of {b.head_type}.{b.recipe}:"
            " records of one recipe can be compared"
        )
    problem = _why_no_heads(a, b)
    everyone = [] if problem else list(_heads(a, b))
    changed = [
        head for head, apart in everyone if apart > tolerance or head.status_a != head.status_b
    ]
    changed.sort(key=lambda head: (-abs(head.change or 0.0), layer_and_head(head.head)))
    largest = max((apart for _, apart in everyone), default=0.0)
    settings = tuple(_settings(a, b))
    gained = tuple(head for head in b.found if head not in a.found)
    lost = tuple(head for head in a.found if head not in b.found)
    return Differences(
        a=a.id,
        b=b.id,
        head_type=a.head_type,
        recipe=a.recipe,
        settings=settings,
        verdict_a=a.verdict,
        verdict_b=b.verdict,
        gained=gained,
        lost=lost,
        compared=len(everyone),
        not_compared=problem,
        heads=tuple(changed),
        largest=None if largest == float("inf") else largest,
        different=bool(settings or gained or lost or changed or a.verdict != b.verdict),
    )


def _why_no_heads(a: Evidence, b: Evidence) -> str | None:
    shapes = [f"{r.model.layers} layers x {r.model.heads} heads" for r in (a, b)]
    if shapes[0] != shapes[1]:
        return f"the models differ in size ({shapes[0]}, {shapes[1]})"
    for name, record in (("A", a), ("B", b)):
        if record.scores is None:
            return f"{name} has no scores: {record.reason}"
    return None


def _settings(a: Evidence, b: Evidence) -> Iterator[Setting]:
    """Everything that the numbers depend on, where it is not the same."""
    one, other = (_flat({"model": r.model, "run": r.run, "criterion": r.criterion}) for r in (a, b))
    for name in one.keys() | other.keys():
        one.setdefault(name, "none")
        other.setdefault(name, "none")
    for name in sorted(one):
        if one[name] != other[name]:
            yield Setting(name=name, a=one[name], b=other[name])


def _flat(parts: dict[str, Any]) -> dict[str, str]:
    flat: dict[str, str] = {}
    for part, value in parts.items():
        for name, inner in value.model_dump(mode="json").items():
            if isinstance(inner, dict):
                flat |= {f"{part}.{name}.{key}": str(item) for key, item in inner.items()}
            else:
                flat[f"{part}.{name}"] = "none" if inner is None else str(inner)
    return flat


def _heads(a: Evidence, b: Evidence) -> Iterator[tuple[HeadChange, float]]:
    """Every head with its largest change of score or margin."""
    one, other = a.scores, b.scores
    assert one is not None
    assert other is not None
    for layer in range(a.model.layers):
        for head in range(a.model.heads):
            score = [_at(s.mean, layer, head) for s in (one, other)]
            margin = [_at(s.margin, layer, head) for s in (one, other)]
            change = HeadChange(
                head=f"{layer}.{head}",
                score_a=score[0],
                score_b=score[1],
                change=_minus(score[1], score[0]),
                margin_a=margin[0],
                margin_b=margin[1],
                status_a=one.status[layer][head],
                status_b=other.status[layer][head],
                intervals_overlap=_overlap(one, other, layer, head),
            )
            yield change, max(_apart(*score), _apart(*margin))


def _at(grid: Grid, layer: int, head: int) -> float | None:
    return grid[layer][head]


def _minus(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other


def _apart(one: float | None, other: float | None) -> float:
    """How far two numbers are apart: infinitely if only one of them exists."""
    if one is None or other is None:
        return 0.0 if one is other else float("inf")
    return abs(one - other)


def _overlap(one: Scores, other: Scores, layer: int, head: int) -> bool:
    bounds = [(_at(s.low, layer, head), _at(s.high, layer, head)) for s in (one, other)]
    (low_a, high_a), (low_b, high_b) = bounds
    if low_a is None or high_a is None or low_b is None or high_b is None:
        return True  # an interval that nothing bounds
    return low_a <= high_b and low_b <= high_a
