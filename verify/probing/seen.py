"""What a probe saw so far, and how tensors and numbers that it saw are compared."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedConfig

from verify.probing.parts import LayerParts


@dataclass
class Ran:
    """A module that ran: its first input tensor and its first output tensor."""

    module: nn.Module
    taken: Tensor
    given: Tensor


@dataclass
class Seen:
    """What the probe saw so far."""

    calls: list[Ran] = field(default_factory=list)
    """Calls since the current block began (or the last block ended), in order."""
    weights: Tensor | None = None
    z: Tensor | None = None
    values: Tensor | None = None
    plain_scale: float | None = None
    entered: Tensor | None = None
    left: Tensor | None = None
    first: Tensor | None = None
    layers: list[LayerParts] = field(default_factory=list)
    kv_heads: set[int] = field(default_factory=set)


ROUNDING = 2**-8
"""Largest share by which half precision (bfloat16, the coarser) rounds a number."""
_FACTORS = ("scale", "scaling", "multiplier")
"""Parts of the names that configurations give to factors."""


def known_number(config: PreTrainedConfig, factor: float, within: float) -> float:
    """The number of the configuration (or 1, or one over it) that a measured factor stands for.

    Only numbers that are factors by their name: an unrelated one may lie nearby (one over the
    ``initializer_range`` of 0.02 is 50, near the embedding scale of a width of 2560). A factor
    that is none of these is what was measured, which over so many numbers is exact to less than
    the rounding of one of them.

    Args:
        config: the model's configuration.
        factor: as measured.
        within: how far the rounding of what was measured may have moved it.
    """
    numbers = [
        value
        for name, value in config.to_dict().items()
        if isinstance(value, float) and any(part in name for part in _FACTORS)
    ]
    candidates = [1.0, *numbers, *(1 / number for number in numbers if number)]
    near = min(candidates, key=lambda number: abs(number - factor))
    return near if abs(near - factor) <= within else factor


def clip_of(config: PreTrainedConfig) -> float | None:
    """To what the configuration says that queries, keys and values are cut."""
    own = config.to_dict()
    for settings in (own, *(part for part in own.values() if isinstance(part, dict))):
        if settings.get("clip_qkv"):
            return float(settings["clip_qkv"])
    return None


def first_tensor(items: Iterable[Any]) -> Tensor | None:
    """The first tensor of numbers that are not whole."""
    return next((i for i in items if isinstance(i, Tensor) and i.is_floating_point()), None)


def same(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors hold the same numbers, whatever their layout."""
    if a.numel() != b.numel():
        return False
    return torch.equal(a.reshape(-1), b.reshape(-1).to(a.device))  # layers can be apart
