"""Matrices of linear layers as numbers, however a layer stores them."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

_PLAIN = frozenset({torch.float32, torch.float64, torch.bfloat16, torch.float16})


def is_plain(weight: object) -> bool:
    """Whether a weight's numbers are the matrix itself.

    Quantized weights are integers, tensors of a type of their own, or (eight-bit floats) numbers
    that lack the scales that belong to them.
    """
    if not isinstance(weight, Tensor):
        return False
    return type(weight.data) is Tensor and weight.dtype in _PLAIN


@torch.no_grad()
def matrix(layer: nn.Module, inputs: int, dtype: torch.dtype) -> Tensor:
    """The matrix of a linear layer, without its bias: [in, out].

    Args:
        layer: the layer.
        inputs: how many numbers it reads.
        dtype: of the numbers that the model hands it.
    """
    weight: Tensor
    if isinstance(layer, (nn.Linear, Conv1D)) and is_plain(layer.weight):
        # GPT-2's Conv1D holds [in, out], nn.Linear holds [out, in]
        weight = layer.weight
        return weight if isinstance(layer, Conv1D) else weight.T
    # the layer knows its own layout: ask it what it does with each input
    device = next(layer.parameters()).device
    identity = torch.eye(inputs, device=device, dtype=dtype)
    zero: Tensor = layer(torch.zeros_like(identity[:1]))
    whole: Tensor = layer(identity)
    return whole - zero


def stored(name: str, tensor: Tensor) -> Iterator[tuple[str, Tensor]]:
    """The plain tensors that one is made of, with names.

    That is itself, unless it has a type of its own that says what its parts are.
    """
    if type(tensor.data) is Tensor or not hasattr(tensor, "__tensor_flatten__"):
        yield name, tensor
        return
    parts, _ = tensor.__tensor_flatten__()
    for part in parts:
        yield from stored(f"{name}.{part}", getattr(tensor, part))


def all_finite(tensor: Tensor) -> bool:
    """Whether every number that is stored is finite; integers are."""
    return all(
        bool(torch.isfinite(part.float() if part.itemsize == 1 else part).all())
        for _, part in stored("", tensor)
        if part.is_floating_point()
    )
