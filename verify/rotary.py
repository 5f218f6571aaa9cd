"""Rotary positions whose frequencies depend on how long the longest prompt of a batch is.

Long-context kinds of rotary positions change their frequencies beyond the length that the model
was first trained on: ``longrope`` all at once, ``dynamic`` with every token, and then they remember
the longest batch. So what a short prompt gives would depend on what it is read with, or after.
Prompts that are longer than that are therefore read with none but those of their own length, and
nothing is remembered.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

_REMEMBERED = "max_seq_len_cached"


class Rotary:
    """The rotary positions of one model."""

    def __init__(self, model: nn.Module) -> None:
        self._dynamic: list[nn.Module] = []
        self._fixed_up_to: int | None = None
        for module in model.modules():
            kinds = getattr(module, "rope_type", None)
            for layer_type, kind in kinds.items() if isinstance(kinds, dict) else [(None, kinds)]:
                if not isinstance(kind, str):
                    continue
                if "dynamic" in kind:
                    self._dynamic.append(module)
                    self._changes_beyond(module.original_max_seq_len)
                elif kind == "longrope":
                    settings: Any = module.config.rope_parameters  # type: ignore[union-attr]
                    settings = settings if layer_type is None else settings[layer_type]
                    self._changes_beyond(settings["original_max_position_embeddings"])

    def _changes_beyond(self, length: Any) -> None:
        length = int(length)
        known = self._fixed_up_to
        self._fixed_up_to = length if known is None else min(known, length)

    def groups(self, lengths: Sequence[int]) -> list[list[int]]:
        """Indices of the prompts that may be read in one batch, in order of the first of each."""
        made: dict[int, list[int]] = {}
        for index, length in enumerate(lengths):
            fixed = self._fixed_up_to is None or length <= self._fixed_up_to
            made.setdefault(0 if fixed else length, []).append(index)
        return list(made.values())

    def forget(self) -> None:
        """Let the next batch be as the first: frequencies are computed anew for its length."""
        for module in self._dynamic:
            for name in [name for name in vars(module) if name.endswith(_REMEMBERED)]:
                setattr(module, name, 0)
