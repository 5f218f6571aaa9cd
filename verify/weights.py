"""Which layers are linear, and their matrices as numbers, however a layer stores them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import TypeGuard

import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from verify.modes import evaluating

_PLAIN = frozenset({torch.float32, torch.float64, torch.bfloat16, torch.float16})


def is_plain(weight: object) -> bool:
    """Whether a weight's numbers are the matrix itself.

    Quantized weights are integers, tensors of a type of their own, or (eight-bit floats) numbers
    that lack the scales that belong to them.
    """
    if not isinstance(weight, Tensor):
        return False
    return type(weight.data) is Tensor and weight.dtype in _PLAIN


def is_linear(module: object) -> bool:
    """Whether a module is a linear layer: of PyTorch's, or of a library that quantizes or adapts.

    Their classes are their own, but say how many numbers they read and write; an adapter also says
    which layer it is around.
    """
    if isinstance(module, nn.Linear | Conv1D):
        return True
    sizes = (getattr(module, name, None) for name in ("in_features", "out_features"))
    return all(isinstance(size, int) for size in sizes) or is_adapter(module)


def is_adapter(module: object) -> bool:
    """Whether a module is an adapter around a linear layer."""
    inside = getattr(module, "base_layer", None)
    return inside is not None and is_linear(inside)


def linear_layers(module: nn.Module) -> Iterator[nn.Module]:
    """The linear layers inside a module; what such a layer is made of counts as one with it."""
    for child in module.children():
        if is_linear(child):
            yield child
        else:
            yield from linear_layers(child)


def tensors(module: nn.Module, *, recurse: bool = True) -> Iterator[Tensor]:
    """Parameters and buffers: some quantized layers have no parameter at all."""
    yield from chain(module.parameters(recurse), module.buffers(recurse))


def says_its_matrix(layer: nn.Module) -> TypeGuard[nn.Linear | Conv1D]:
    """Whether a layer is one of PyTorch's, whose weight's numbers are to be its matrix."""
    return isinstance(layer, nn.Linear | Conv1D) and is_plain(layer.weight)


@torch.no_grad()
def matrix(layer: nn.Module, inputs: int, dtype: torch.dtype) -> Tensor:
    """The matrix of a linear layer, without its bias: [in, out].

    Args:
        layer: the layer.
        inputs: how many numbers it reads.
        dtype: of the numbers that the model hands it.
    """
    if says_its_matrix(layer):
        # GPT-2's Conv1D holds [in, out], nn.Linear holds [out, in]
        weight: Tensor = layer.weight
        return weight if isinstance(layer, Conv1D) else weight.T
    # the layer knows its own layout: ask it what it does with each input
    identity = torch.eye(inputs, device=next(tensors(layer)).device, dtype=dtype)
    with evaluating(layer):
        zero: Tensor = layer(torch.zeros_like(identity[:1]))
        whole: Tensor = layer(identity)
    return whole - zero


@torch.no_grad()
def constant(layer: nn.Module, inputs: int, dtype: torch.dtype) -> Tensor | None:
    """What a linear layer writes whatever it reads, [out]; arguments as for :func:`matrix`."""
    if isinstance(layer, nn.Linear | Conv1D):
        bias: Tensor | None = layer.bias
        return bias
    with evaluating(layer):
        zero = torch.zeros(1, inputs, device=next(tensors(layer)).device, dtype=dtype)
        given: Tensor = layer(zero)
    return given[0]


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
