"""Modules of which nothing but their own whole weights can be heard, one layer's at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from verify.listening.interface import eager

Listener = Callable[[nn.Module, Tensor, Tensor], None]
"""Gets an attention module, its weights [batch, heads, queries, keys] and the heads' outputs
[batch, tokens, heads, head width]."""


@contextmanager
def through_hooks(
    model: PreTrainedModel,
    projections: Mapping[nn.Module, nn.Module],
    heads: int,
    listener: Listener,
) -> Iterator[None]:
    """The same for a model whose whole weights are read through hooks.

    Args:
        model: the model.
        projections: output projection of each attention module. Its input is the heads' outputs.
        heads: query heads of a layer.
        listener: called when an attention module is through.
    """
    outputs: dict[nn.Module, Tensor] = {}

    def keep(attention: nn.Module) -> Callable[..., None]:
        def hook(_: nn.Module, args: tuple[Tensor, ...]) -> None:
            outputs[attention] = args[0]

        return hook

    def tell(attention: nn.Module, _: Any, output: tuple[Any, ...]) -> tuple[Any, ...]:
        z = outputs.pop(attention)
        weights = attention_weights(output)
        if weights is not None:
            listener(attention, weights, z.unflatten(-1, (heads, -1)))
        # the layer's weights are let go of here, whatever the model would do with them
        return tuple(None if item is weights else item for item in output)

    handles = [
        handle
        for attention, projection in projections.items()
        for handle in (
            projection.register_forward_pre_hook(keep(attention)),
            attention.register_forward_hook(tell),
        )
    ]
    try:
        with eager(model):
            yield
    finally:
        for handle in handles:
            handle.remove()


def attention_weights(output: Any) -> Tensor | None:
    """The attention weights [batch, heads, queries, keys] among what a module returns."""
    if not isinstance(output, tuple):
        return None
    for item in output[1:]:
        if (
            isinstance(item, torch.Tensor)
            and item.is_floating_point()
            and item.ndim == 4
            and item.shape[-1] == item.shape[-2]
        ):
            return item
    return None
