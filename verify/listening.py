"""Where a model's attention can be overheard, whatever the architecture.

A single function registered with transformers' ``AttentionInterface`` (and a mask twin) stands in
for the attention of every architecture that uses the interface; what it computes is up to the
listener, who is handed queries, keys and values (``verify.attention``).

Architectures outside the interface are read through their modules. Where a module leaves attention
to a method of its own, ``_attn`` of queries, keys and values (GPT-J, CodeGen, GPT-Neo), the
listener stands in for that method, if the probe found it to be plain attention. Falcon, BLOOM, MPT
and XGLM compute attention in the middle of ``forward``, between cuts and biases that no module
shows: there is no place from which queries, keys and linear biases could be had without a copy of
each ``forward`` by name. They run their own eager attention and are read through hooks, one
layer's whole weights at a time, which the model itself makes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, PreTrainedModel
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

from verify.attention import Call

IMPLEMENTATION = "headbook"

Attend = Callable[[Call], Tensor]
"""Computes what the heads give out, [batch, tokens, heads, head width]."""
Listener = Callable[[nn.Module, Tensor, Tensor], None]
"""Gets an attention module, its weights [batch, heads, queries, keys] and the heads' outputs
[batch, tokens, heads, head width]."""
_attend: ContextVar[Attend | None] = ContextVar("headbook_attend", default=None)


def _attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    **options: Any,
) -> tuple[Tensor, Tensor | None]:
    attend = _attend.get()
    assert attend is not None  # the implementation is set together with it
    if mask is None and not getattr(module, "is_causal", True):
        mask = torch.ones(1, 1, query.shape[2], key.shape[2], dtype=torch.bool, device=key.device)
    return attend(Call(module, query, key, value, mask, options)), None


def _mask(**parameters: Any) -> Tensor | None:
    """True where a query sees a key; nothing at all where that is every earlier one."""
    mask: Tensor | None = sdpa_mask(**{**parameters, "allow_is_bidirectional_skip": False})
    if mask is not None and mask.stride(0) == 0:
        mask = mask[:1]  # the same for every prompt
    return mask


AttentionInterface.register(IMPLEMENTATION, _attention)
AttentionMaskInterface.register(IMPLEMENTATION, _mask)


def has_interface(model: PreTrainedModel) -> bool:
    """Whether the architecture asks the registry for its attention function."""
    return bool(model._can_set_attn_implementation())


@contextmanager
def through_interface(model: PreTrainedModel, attend: Attend) -> Iterator[None]:
    """Let ``attend`` be the attention of every layer of a model that has the interface."""
    before = model.config._attn_implementation
    model.set_attn_implementation(IMPLEMENTATION)
    token = _attend.set(attend)
    try:
        yield
    finally:
        _attend.reset(token)
        model.set_attn_implementation(before)


@contextmanager
def eager(model: PreTrainedModel) -> Iterator[None]:
    """Make a model without the interface compute its attention (and mask) eagerly."""
    # set_attn_implementation refuses these architectures; they read the configuration as they run
    before = model.config._attn_implementation_internal
    model.config._attn_implementation_internal = "eager"
    try:
        yield
    finally:
        model.config._attn_implementation_internal = before


def has_method(module: nn.Module) -> bool:
    """Whether an attention module leaves attention to a method of queries, keys and values."""
    return callable(_own(module))


def _own(module: nn.Module) -> Any:
    return getattr(type(module), "_attn", None)


@contextmanager
def through_method(module: nn.Module, attend: Attend) -> Iterator[None]:
    """Let ``attend`` be what a module with such a method does with queries, keys and values."""

    def instead(
        query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, None]:
        z = attend(method_call(module, query, key, value, mask))
        return z.transpose(1, 2).to(value.dtype), None

    with _method(module, instead):
        yield


@contextmanager
def beside_method(module: nn.Module, hear: Callable[[Call], None]) -> Iterator[None]:
    """Let the module attend as it does, and show ``hear`` what it attended with."""

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
