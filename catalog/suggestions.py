"""What was meant by a name that is not known."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

_WORD = re.compile(r"[^\W\d_]+|\d+")


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """The known name nearest to ``name``, if one is near (case does not count)."""
    return next(iter(near_names(name, known, 1)), None)


def near_names(name: str, known: Iterable[str], most: int) -> list[str]:
    """Up to ``most`` known names near to ``name``, the nearest first (case does not count)."""
    by_fold = {candidate.casefold(): candidate for candidate in known}
    near = difflib.get_close_matches(name[:100].casefold(), by_fold, n=most, cutoff=0.6)
    return [by_fold[one] for one in near]


def holding_words(name: str, known: Iterable[str], most: int) -> list[str]:
    """Up to ``most`` known names with all words of ``name``: those with the fewest others first.

    A number is a word of its own, so ``olsson`` is one of ``olsson2022induction``.
    """
    words = set(_WORD.findall(name[:100].casefold()))
    if not any(word.isalpha() for word in words):
        return []
    by_name = {candidate: set(_WORD.findall(candidate.casefold())) for candidate in known}
    found = [candidate for candidate, others in by_name.items() if words <= others]
    return sorted(found, key=lambda one: (len(by_name[one] - words), one))[:most]
