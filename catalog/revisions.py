"""In which order the revisions of a model come."""

from __future__ import annotations

import re
from dataclasses import dataclass

from catalog.schema.model import Model


def revision_order(model: Model) -> _RevisionOrder:
    """Sort key for revisions: the pinned one, then versions from new to old, then the others."""
    return _RevisionOrder(model.revision)


@dataclass(frozen=True)
class _RevisionOrder:
    pinned: str | None

    def __call__(self, revision: str) -> tuple[int, int, str]:
        if revision == self.pinned:
            return (0, 0, revision)
        version = re.fullmatch(r"v([0-9]+)", revision)
        return (1, -int(version[1]), revision) if version else (2, 0, revision)
