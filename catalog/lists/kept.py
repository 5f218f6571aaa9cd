"""What was worked out from one version of the data, kept while it is served."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any


class Kept:
    """What was worked out for one version of the data: the latest answers, within a limit.

    Args:
        limit: numbers (rows or groups) that are kept at most.
    """

    def __init__(self, limit: int = 2_000_000) -> None:
        self._limit = limit
        self._size = 0
        self._found: OrderedDict[object, Sequence[Any]] = OrderedDict()

    def get(self, key: object) -> Sequence[Any] | None:
        """What was kept, if it is still there."""
        found = self._found.get(key)
        if found is not None:
            self._found.move_to_end(key)
        return found

    def put(self, key: object, found: Sequence[Any]) -> None:
        """Keep this, and let go of what was not asked for longest."""
        self._found[key] = found
        self._size += len(found) + 1
        while self._size > self._limit and len(self._found) > 1:
            self._size -= len(self._found.popitem(last=False)[1]) + 1
