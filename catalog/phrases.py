"""Figures and lists of heads as the sentences of verdicts write them."""

from __future__ import annotations

from collections.abc import Sequence

from catalog.agreement import head_scores
from catalog.schema.base import layer_and_head
from catalog.schema.evidence import Evidence, Grid

SHOWN = 5
"""Heads that a sentence names before it counts."""


def value_of(grid: Grid, head: str) -> float | None:
    """The number of one head in a grid."""
    layer, index = layer_and_head(head)
    return grid[layer][index]


def figures_of(record: Evidence, head: str) -> str:
    """``0.92 (0.90 to 0.94)``."""
    if record.scores is None:
        return "nothing"
    mean, low, high = (
        value_of(grid, head) for grid in (record.scores.mean, record.scores.low, record.scores.high)
    )
    if mean is None:
        return "nothing"
    return f"{mean:.2f}" if low is None or high is None else f"{mean:.2f} ({low:.2f} to {high:.2f})"


def highest(record: Evidence) -> str:
    """``0.31 (0.28 to 0.34), of 5.1``."""
    scores = head_scores(record)
    if not scores:
        return "missing"
    best = max(scores, key=lambda head: scores[head])
    return f"{figures_of(record, best)}, of {best}"


def name_heads(heads: Sequence[str]) -> str:
    """``5.1, 5.5``, after the first few ``and 4 more``."""
    shown = ", ".join(heads[:SHOWN])
    return shown if len(heads) <= SHOWN else f"{shown} and {len(heads) - SHOWN} more"


def name_all(words: Sequence[str]) -> str:
    """``a, b and c``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
