"""Architectures that ask transformers' registry for their attention function.

A single function registered with ``AttentionInterface`` (and a mask twin) stands in for the
attention of all of them; what it computes is up to the listener, who is handed queries, keys and
values (``verify.attention``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from inspect import signature
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, PreTrainedConfig, PreTrainedModel
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

from verify.attention import Call

IMPLEMENTATION = "headbook"


class Enough(Exception):
    """Everything that somebody asks for has been read: the rest of a pass need not run."""


class CaptureFailed(Exception):
    """The model did not show what it was asked for; no number may be made from the run."""


Attend = Callable[[Call], Tensor]
"""Computes what the heads give out, [batch, tokens, heads, head width]."""
_attend: ContextVar[Attend | None] = ContextVar("headbook_attend", default=None)


def _attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None = None,  # some architectures give it by name
    **options: Any,
) -> tuple[Tensor, Tensor | None]:
    attend = _attend.get()
    if attend is None:  # it is set together with the implementation, but for one thread only
        raise RuntimeError("the model is being read by Headbook in another thread; run it later")
    mask = attention_mask
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
    token = _attend.set(attend)
    try:
        with implementation(model, IMPLEMENTATION):
            yield
    finally:
        _attend.reset(token)


@contextmanager
def implementation(model: PreTrainedModel, name: str) -> Iterator[None]:
    """Let a model that has the interface attend by a function of the registry.

    Parts of it (of several kinds of input, the other than text) can have been set to others.
    """
    configs = {id(config): config for config in _configurations(model)}
    before = [(config, config._attn_implementation_internal) for config in configs.values()]
    try:
        model.set_attn_implementation(name)
        yield
    finally:
        for config, internal in before:
            config._attn_implementation_internal = internal


def _configurations(model: PreTrainedModel) -> Iterator[PreTrainedConfig]:
    """Of a model and all models inside it."""
    for module in model.modules():
        if isinstance(module, PreTrainedModel):
            yield module.config
            for name in module.config.sub_configs:
                if (part := getattr(module.config, name, None)) is not None:
                    yield part


@contextmanager
def eager(model: PreTrainedModel) -> Iterator[None]:
    """Make a model without the interface compute its attention (and mask) eagerly.

    Falcon adds its linear biases to the mask, for PyTorch's kernel, and its eager attention adds
    them once more: the model would not be the one that was trained. So they are taken out of masks
    here.
    """
    # set_attn_implementation refuses these architectures; they read the configuration as they run
    before = model.config._attn_implementation_internal
    model.config._attn_implementation_internal = "eager"
    handles = [
        module.register_forward_pre_hook(_without_biases, with_kwargs=True)
        for module in model.modules()
        if {"alibi", "attention_mask"} <= set(signature(type(module).forward).parameters)
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
        model.config._attn_implementation_internal = before


def _without_biases(
    _: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    mask = kwargs.get("attention_mask")
    if kwargs.get("alibi") is None or not isinstance(mask, Tensor) or not mask.is_floating_point():
        return None
    if mask.ndim != 4 or mask.shape[1] == 1:  # a mask that is the same for all heads has no biases
        return None
    hidden = mask[:, :1] <= torch.finfo(mask.dtype).min / 2
    plain = torch.zeros_like(mask[:, :1]).masked_fill_(hidden, torch.finfo(mask.dtype).min)
    return args, {**kwargs, "attention_mask": plain}
