"""Loss and accuracies over training as one SVG, drawn from ``training.json``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from catalog.drawing.colours import CATEGORIES

WIDTH, HEIGHT, LEFT, TOP, GAP, LABELS = 880, 320, 46, 30, 60, 150
PANEL = (WIDTH - LEFT - GAP - LABELS) // 2
BASE = HEIGHT - 40

CURVES = {
    "repeats": ("induction",),
    "indirect objects": ("indirect-object-names", "indirect-object-places"),
    "series": ("series",),
    "facts": ("capitals", "languages", "currencies"),
    "contradictions": ("contradiction", "contradiction-reworded"),
    "recall": ("recall-4", "recall-8", "recall-12", "boxes", "needle-near", "needle-far"),
    "few-shot": ("few-shot-seen",),
}
"""What is drawn: the mean accuracy over these skills."""


def plot(report: dict[str, Any]) -> str:
    """The picture: loss on the left, accuracies on the right, over tokens on a log scale.

    Args:
        report: what ``training.json`` holds.
    """
    log = report["log"]
    tokens = [entry["tokens"] for entry in log]
    low, high = math.log10(tokens[0]), math.log10(tokens[-1])

    def across(count: float, start: int) -> float:
        return start + PANEL * (math.log10(count) - low) / max(high - low, 1e-9)

    top = math.ceil(max(entry["loss"] for entry in log))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="11" role="img">',
        "<title>Loss and accuracies over training</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
    ]
    for start, title, ceiling in (
        (LEFT, "loss on a fixed sample, nats a token", float(top)),
        (LEFT + PANEL + GAP, "accuracy on held-out items", 1.0),
    ):
        parts.append(f'<text x="{start}" y="18" font-size="13" fill="#222">{title}</text>')
        for i in range(5):
            value = ceiling * i / 4
            y = _up(value, ceiling)
            parts.append(
                f'<path d="M{start} {y:.1f}h{PANEL}" stroke="#ddd"/>'
                f'<text x="{start - 6}" y="{y + 4:.1f}" text-anchor="end" fill="#555">'
                f"{value:.3g}</text>"
            )
        parts += [
            f'<text x="{across(count, start):.1f}" y="{BASE + 16}" '
            f'text-anchor="middle" fill="#555">{count / 1e6:g} M</text>'
            for count in (1e5, 3e5, 1e6, 3e6, 1e7, 3e7)
            if low <= math.log10(count) <= high
        ]
        parts.append(
            f'<text x="{start + PANEL}" y="{BASE + 32}" text-anchor="end" fill="#555">'
            "tokens read</text>"
        )
    losses = [(across(t, LEFT), _up(e["loss"], top)) for t, e in zip(tokens, log, strict=True)]
    parts.append(_line(losses, "#222"))
    start = LEFT + PANEL + GAP
    labels: list[tuple[float, str, str]] = []
    for (name, skills), colour in zip(CURVES.items(), CATEGORIES, strict=True):
        means = [sum(e["accuracy"][s] for s in skills) / len(skills) for e in log]
        points = [(across(t, start), _up(mean, 1.0)) for t, mean in zip(tokens, means, strict=True)]
        parts.append(_line(points, colour))
        labels.append((points[-1][1], name, colour))
    parts += _labels(labels, start + PANEL + 8)
    return "\n".join([*parts, "</svg>", ""])


def write_plot(report: dict[str, Any], folder: Path) -> None:
    """Write ``training.svg``."""
    partial = folder / "training.svg.partial"
    partial.write_text(plot(report), encoding="utf-8")
    partial.replace(folder / "training.svg")


def _up(value: float, ceiling: float) -> float:
    return BASE - (BASE - TOP) * value / ceiling


def _line(points: Sequence[tuple[float, float]], colour: str) -> str:
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="1.8"/>'


def _labels(labels: Sequence[tuple[float, str, str]], x: int) -> list[str]:
    """Names at the ends of their curves, pushed apart where they would cover each other."""
    parts, last = [], -1e9
    for y, name, colour in sorted(labels):
        at = max(y, last + 13)
        last = at
        parts.append(
            f'<path d="M{x} {at:.1f}h10" stroke="{colour}" stroke-width="3"/>'
            f'<text x="{x + 14}" y="{at + 4:.1f}" fill="#222">{escape(name)}</text>'
        )
    return parts
