"""Numbers as text, the same in every table, picture, report and terminal.

Three digits after the point are more than the intervals beside them bear out. Only a q-value is
read by its size near 0, where rounding would say that nothing is left of it: there it is told as
being below what the digits can show.
"""

from __future__ import annotations

NONE = "\N{EN DASH}"
"""Shown for a number that does not exist."""

_LEAST_Q = "<0.001"
"""For what would round to 0. No q is 0: the data as they came count as a permutation."""


def number(value: float | None) -> str:
    """Three digits after the point; a dash for None."""
    if value is None:
        return NONE
    text = f"{value:.3f}"
    return "0.000" if text == "-0.000" else text


def q_value(value: float | None) -> str:
    """A q-value in three digits, or that it is smaller than they can show; a dash for None."""
    text = number(value)
    return _LEAST_Q if text == "0.000" else text
