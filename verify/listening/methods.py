"""Modules that leave attention to a method of queries, keys and values: GPT-J, CodeGen, GPT-Neo.

The method is ``_attn``, of tensors [batch, heads, tokens, head width] and a mask that is added,
[batch or 1, 1, queries, keys]; there are as many keys as queries, since no cache is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from verify.attention import Call
from verify.listening.interface import Attend


def has_method(module: nn.Module) -> bool:
    """Whether an attention module leaves attention to a method of queries, keys and values."""
    return callable(_own(module))


def _own(module: nn.Module) -> Any:
    return getattr(type(module), "_attn", None)


@contextmanager
def through_method(module: nn.Module, attend: Attend) -> Iterator[None]:
    """Let ``attend`` be what a module with such a method does with queries, keys and values.

    ``attend`` gives [batch, tokens, heads, head width]; the method gives heads before tokens, and
    no weights.
    """

    def instead(
        query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, None]:
        z = attend(method_call(module, query, key, value, mask))
        return z.transpose(1, 2).to(value.dtype), None

    with _method(module, instead):
        yield


@contextmanager
def beside_method(module: nn.Module, hear: Callable[[Call], None]) -> Iterator[None]:
    """Let the module attend as it does, and show ``hear`` what it attended with.

    A call with a cache (fewer queries than keys) or with arguments that are not known is not shown.
    """

    def beside(query: Tensor, key: Tensor, value: Tensor, *rest: Any, **more: Any) -> Any:
        made = _own(module)(module, query, key, value, *rest, **more)
        usual = isinstance(made, tuple) and len(made) == 2 and len(rest) <= 1 and not more
        if usual and query.shape == key.shape == value.shape:
            hear(method_call(module, query, key, value, *rest))
        return made

    with _method(module, beside):
        yield


@contextmanager
def _method(module: nn.Module, function: Callable[..., Any]) -> Iterator[None]:
    module.__dict__["_attn"] = function  # an attribute of the object hides its class's method
    try:
        yield
    finally:
        del module.__dict__["_attn"]


def method_call(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None
) -> Call:
    """What a module hands to its method, all of one type, with the mask that comes of it.

    Some methods know a window of their own. So the mask is what the method makes of one head whose
    scores are all equal: where its weights are not 0.

    Args:
        module: with the method.
        query: [batch, heads, tokens, head width]; keys and values alike.
        key: as many as queries.
        value: of the keys.
        mask: added to scores, [batch or 1, 1, tokens, tokens]; None where the method masks.
    """
    if mask is not None and bool((mask == mask[:1]).all()):
        mask = mask[:1]
    prompts = 1 if mask is None else mask.shape[0]
    nothing = torch.zeros_like(query[:prompts, :1])
    seen = _own(module)(module, nothing, nothing, nothing, mask)[1] > 0
    causal = torch.ones_like(seen[0, 0]).tril()
    plain = bool((seen == causal).all())
    return _MethodCall(module, query, key.to(query), value.to(query), None if plain else seen, {})


class _MethodCall(Call):
    def _eager(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        z, weights = _own(self.module)(self.module, query, key, value, mask)
        return z.transpose(1, 2), weights
