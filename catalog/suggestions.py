"""What was meant by a name that is not known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """The known name nearest to ``name``, if one is near (case does not count)."""
    by_fold = {candidate.casefold(): candidate for candidate in known}
    near = difflib.get_close_matches(name[:100].casefold(), by_fold, n=1, cutoff=0.6)
    return by_fold[near[0]] if near else None
