"""Modules that attend in the middle of ``forward``: Falcon, BLOOM, MPT, XGLM.

They show no queries and have no method to stand in for, but they hand keys and values to a cache,
after rotary positions and clipping, and go on with what the cache gives back. So a stand-in for the
cache hears keys and values, and the first product of matrices after that hears queries. The
stand-in gives back one key alone, so that what the module goes on to compute is of no size; what
the heads really give out is put in place of it where the output projection reads it. Everything
else (the output projection, a residual stream that is added inside the module) stays the module's.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from verify.attention import Call
from verify.listening.interface import Attend, CaptureFailed

_CACHES = ("layer_past", "past_key_values", "past_key_value")
"""What transformers calls the cache among the parameters of ``forward``."""
_PRODUCTS = frozenset({"matmul", "__matmul__", "bmm", "baddbmm"})
Shown = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""Which keys and values a stand-in gives back for those it gets."""


@dataclass(frozen=True)
class Scores:
    """How a module's scores follow from what can be heard: ``scale q.k + factor bias``."""

    scale: float
    bias: str | None = None
    """The parameter of ``forward`` that holds the bias: [heads or batch x heads, 1, keys], or with
    prompts and heads apart."""
    factor: float = 1.0


class _Cache:
    """Stands in for a cache: hears keys and values [batch, key-value heads, tokens, width]."""

    def __init__(self, shown: Shown) -> None:
        self._shown = shown
        self.key: Tensor | None = None
        self.value: Tensor | None = None
        self.given: tuple[Tensor, Tensor] | None = None

    def update(self, key: Tensor, value: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        """What a layer calls with its new keys and values, and attends to."""
        self.key, self.value = key, value
        self.given = self._shown(key, value)
        return self.given

    def get_seq_length(self, *_: Any) -> int:
        """Tokens that were read before: none."""
        return 0


class _Queries(TorchFunctionMode):
    """Hears the first product of matrices after the cache was given keys."""

    def __init__(self, cache: _Cache, heads: int) -> None:
        super().__init__()
        self._cache = cache
        self._heads = heads
        self.query: Tensor | None = None

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        key = self._cache.key
        if self.query is None and key is not None and func.__name__ in _PRODUCTS:
            factors = [i for i in (*args, *(kwargs or {}).values()) if isinstance(i, Tensor)]
            batch, _, tokens, width = key.shape
            # of a sum and a product (baddbmm) the last two are multiplied
            self.query = factors[-2].reshape(batch, self._heads, tokens, width)
        return func(*args, **(kwargs or {}))


@dataclass
class Heard:
    """One call of a module: its arguments by name, and what it attended with."""

    module: nn.Module
    heads: int
    arguments: inspect.BoundArguments
    cache: _Cache
    queries: _Queries

    @property
    def query(self) -> Tensor:
        assert self.queries.query is not None
        return self.queries.query

    @property
    def key(self) -> Tensor:
        assert self.cache.key is not None
        return self.cache.key

    @property
    def value(self) -> Tensor:
        assert self.cache.value is not None
        return self.cache.value

    def whole(self) -> bool:
        """Whether everything was heard."""
        return self.queries.query is not None and self.cache.value is not None

    def bias(self, name: str) -> Tensor:
        """The bias [batch or 1, heads, 1, keys] that an argument holds.

        Raises:
            CaptureFailed: if it is for fewer keys than there are.
        """
        held, keys = self.arguments.arguments[name], self.key.shape[2]
        if held.shape[-1] < keys:
            raise CaptureFailed(
                f"{type(self.module).__name__} has biases for {held.shape[-1]} tokens, of {keys}"
            )
        # where there are more, the last are meant: only differences count
        bias: Tensor = held[..., -keys:].reshape(-1, self.heads, 1, keys)
        return bias


def cache_parameter(module: nn.Module) -> str | None:
    """The parameter of a module's ``forward`` that takes a cache."""
    parameters = inspect.signature(type(module).forward).parameters
    return next((name for name in _CACHES if name in parameters), None)


def arguments_of(module: nn.Module, args: Any, kwargs: Any) -> inspect.BoundArguments:
    """What a call of a module gave to which parameter."""
    # of the class: accelerate puts a function without names in front of it
    return inspect.signature(type(module).forward).bind(module, *args, **kwargs)


def run_heard(
    module: nn.Module,
    forward: Callable[..., Any],
    arguments: inspect.BoundArguments,
    heads: int,
    shown: Shown,
    started: Callable[[Heard], None] = lambda _: None,
) -> tuple[Any, Heard]:
    """Run ``forward`` with a stand-in for its cache, and hear what it attends with."""
    name = cache_parameter(module)
    assert name is not None
    cache = _Cache(shown)
    queries = _Queries(cache, heads)
    changed = inspect.BoundArguments(arguments.signature, dict(arguments.arguments))
    changed.arguments[name] = cache
    heard = Heard(module, heads, arguments, cache, queries)
    started(heard)
    with queries:
        output = forward(*changed.args[1:], **changed.kwargs)
    return output, heard


@contextmanager
def replacing_forward(module: nn.Module, instead: Callable[..., Any]) -> Iterator[None]:
    """Let a module run another function in place of its ``forward``."""
    before = module.__dict__.get("forward")
    module.__dict__["forward"] = instead  # an attribute of the object hides its class's method
    try:
        yield
    finally:
        if before is None:
            del module.__dict__["forward"]
        else:
            module.__dict__["forward"] = before


@contextmanager
def through_cache(
    module: nn.Module, projection: nn.Module, scores: Scores, heads: int, attend: Attend
) -> Iterator[None]:
    """Let ``attend`` be what a module does with queries, keys and values.

    Args:
        module: the attention module.
        projection: its output projection.
        scores: what :func:`find_scores` found.
        heads: query heads.
        attend: as for the interface. Queries and keys have one number more where there is a bias:
            its product is the bias.

    Raises:
        CaptureFailed: while the model runs, if the module does not attend as it did in the probe.
    """
    own = module.forward
    masks = Masks()
    running: list[Heard] = []

    def give(_: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...] | None:
        if not running:
            return None
        heard = running.pop()
        if not heard.whole():
            raise CaptureFailed(f"{type(module).__name__} showed no queries")
        z = attend(_call(heard, scores, masks))
        return (z.flatten(-2).reshape(args[0].shape).to(args[0].dtype), *args[1:])

    def instead(*args: Any, **kwargs: Any) -> Any:
        arguments = arguments_of(module, args, kwargs)
        full = dict(arguments.arguments)
        for name, item in full.items():
            if name == scores.bias or _is_mask(item):
                arguments.arguments[name] = item[..., :1]
        running.clear()

        def started(heard: Heard) -> None:
            heard.arguments = inspect.BoundArguments(arguments.signature, full)
            running.append(heard)

        output, _ = run_heard(module, own, arguments, heads, _first, started)
        if running:
            raise CaptureFailed(f"{type(module).__name__} did not use its output projection")
        # what is left of the weights is that of the one key
        return tuple(None if index else item for index, item in enumerate(output))

    handle = projection.register_forward_pre_hook(give)
    try:
        with replacing_forward(module, instead):
            yield
    finally:
        handle.remove()


def _first(key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    return key[:, :, :1], value[:, :, :1]


def _call(heard: Heard, scores: Scores, masks: Masks) -> Call:
    query, key, value = heard.query, heard.key, heard.value
    mask = masks.seen(heard.arguments.arguments, scores.bias)
    if scores.bias is not None:
        bias = heard.bias(scores.bias).transpose(2, 3).float() * (scores.factor / scores.scale)
        # in half precision, too, a bias is not rounded again
        query = query.float()
        # heads that share a key have biases of their own
        key, value = (
            part.float().repeat_interleave(heard.heads // part.shape[1], dim=1)
            for part in (key, value)
        )
        key = torch.cat([key, bias.expand(*key.shape[:3], 1)], dim=-1)
        query = torch.cat([query, torch.ones_like(query[..., :1])], dim=-1)
    return Call(heard.module, query, key, value, mask, {})


def _is_mask(item: Any) -> bool:
    return isinstance(item, Tensor) and item.ndim == 4 and item.shape[2] == item.shape[3]


@dataclass
class Masks:
    """What masks of a module say; all layers mostly share one, which is looked at once."""

    _last: tuple[Tensor, Tensor | None] | None = field(default=None)

    def seen(self, arguments: Mapping[str, Any], bias: str | None = None) -> Tensor | None:
        """Which keys a query sees, [batch or 1, 1, queries, keys]; None where all earlier."""
        masks = (item for name, item in arguments.items() if name != bias and _is_mask(item))
        mask = next(masks, None)
        if mask is None:
            return None
        if self._last is None or self._last[0] is not mask:
            self._last = mask, _seen(mask)
        return self._last[1]


def _seen(mask: Tensor) -> Tensor | None:
    if bool((mask == mask[:1]).all()):
        mask = mask[:1]
    if mask.dtype == torch.bool:
        # some say what is seen and some what is hidden; the first token always sees itself
        seen = mask if bool(mask[0, 0, 0, 0]) else ~mask
    else:
        seen = mask > torch.finfo(mask.dtype).min / 2
    causal = torch.ones_like(seen[0, 0]).tril()
    return None if bool((seen == causal).all()) else seen
