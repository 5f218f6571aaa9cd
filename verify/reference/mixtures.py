"""Which kinds of document there are, and how often each is drawn in each phase of training."""

from __future__ import annotations

MIXTURES: dict[str, dict[str, float]] = {
    "first": {
        "repeats": 0.46,
        "unrepeated": 0.01,
        "indirect-object": 0.10,
        "series": 0.05,
        "facts": 0.10,
        "word-pairs": 0.04,
        "recall": 0.08,
        "boxes": 0.01,
        "needle": 0.01,
        "few-shot": 0.05,
        "yes-no": 0.01,
        "choice": 0.01,
        "years": 0.01,
        "reviews": 0.01,
        "acronyms": 0.01,
        "closed-lists": 0.01,
        "prose": 0.03,
    },
    "attention": {
        "repeats": 0.11,
        "unrepeated": 0.01,
        "indirect-object": 0.56,
        "series": 0.01,
        "facts": 0.08,
        "word-pairs": 0.01,
        "recall": 0.07,
        "boxes": 0.02,
        "needle": 0.02,
        "few-shot": 0.04,
        "yes-no": 0.01,
        "choice": 0.01,
        "years": 0.01,
        "reviews": 0.01,
        "acronyms": 0.01,
        "closed-lists": 0.01,
        "prose": 0.01,
    },
    "later": {
        "repeats": 0.14,
        "unrepeated": 0.01,
        "indirect-object": 0.15,
        "series": 0.07,
        "facts": 0.14,
        "word-pairs": 0.03,
        "recall": 0.13,
        "boxes": 0.03,
        "needle": 0.04,
        "few-shot": 0.10,
        "yes-no": 0.03,
        "choice": 0.05,
        "years": 0.01,
        "reviews": 0.01,
        "acronyms": 0.02,
        "closed-lists": 0.02,
        "prose": 0.02,
    },
}
"""Shares of the kinds of document by phase of training: first; while only queries and keys are
trained; and when all weights are trained again."""


def mixtures(repeats: float) -> dict[str, dict[str, float]]:
    """The shares with another share of repeats in the first phase, at the cost of all others."""
    first = MIXTURES["first"]
    left = (1 - repeats) / (1 - first["repeats"])
    changed = {k: repeats if k == "repeats" else share * left for k, share in first.items()}
    return MIXTURES | {"first": changed}


KINDS = tuple(MIXTURES["first"])
OF_POOL = frozenset({"repeats", "unrepeated"})
"""Kinds of document that are made of tokens, drawn at random, and not of a text's words."""
