"""How the scores of a module come about that is heard through a stand-in for its cache.

They are ``scale q.k + factor bias`` with a bias of each head and key (ALiBi) or none. Which
argument holds the bias, the scale and the factor are found by comparing the module's own weights
with the formula on random keys of several sizes; a module that does something else is left alone.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from typing import Any

import torch
from torch import Tensor, nn

from verify.listening.caches import (
    Heard,
    Masks,
    Scores,
    arguments_of,
    cache_parameter,
    replacing_forward,
    run_heard,
)
from verify.listening.whole import attention_weights

_SIZES = (1.0, 6.0)
_EXACT = 1e-5
_HALF_EXACT, _HALF_SIZES = 3e-2, (1.0,)
"""In half precision the module's own weights are rounded, the more the larger the scores."""


@contextmanager
def find_scores(module: nn.Module, heads: int, hear: Callable[[Scores], None]) -> Iterator[None]:
    """Let the module attend as it does, and tell ``hear`` how its scores come about.

    ``hear`` is not called for a module that takes no cache or attends in some other way.
    """
    if cache_parameter(module) is None:
        yield
        return
    own = module.forward

    def beside(*args: Any, **kwargs: Any) -> Any:
        arguments = arguments_of(module, args, kwargs)
        try:
            found = _find(module, own, arguments, heads)
        except (RuntimeError, ValueError, AttributeError, TypeError, IndexError):
            found = None  # what a stand-in for a cache can make go wrong in a strange module
        if found is not None:
            hear(found)
        return own(*args, **kwargs)

    with replacing_forward(module, beside):
        yield


@dataclass(frozen=True)
class _Trial:
    """A module's own weights for some queries and keys."""

    heard: Heard
    key: Tensor
    weights: Tensor

    def expected(self, scores: Scores, mask: Tensor | None) -> Tensor:
        query, key = self.heard.query.float(), self.key.float()
        key = key.repeat_interleave(self.heard.heads // key.shape[1], dim=1)
        made = query @ key.mT * scores.scale
        if scores.bias is not None:
            made = made + scores.factor * self.heard.bias(scores.bias).float()
        visible = torch.ones_like(made[:1, :1], dtype=torch.bool).tril() if mask is None else mask
        return made.masked_fill(~visible, float("-inf")).softmax(-1)


def _find(
    module: nn.Module, own: Callable[..., Any], arguments: inspect.BoundArguments, heads: int
) -> Scores | None:
    random = torch.Generator().manual_seed(0)
    output, heard = run_heard(module, own, arguments, heads, lambda key, value: (key, value))
    if not heard.whole():
        return None
    half = heard.query.dtype != torch.float32
    spread = float(heard.query.float().pow(2).mean().sqrt())
    trials = []
    for size in _HALF_SIZES if half else _SIZES:
        # so that scores are of this size, whether they are scaled or queries already are
        factor = size / max(spread, 1e-6) / heard.key.shape[-1] ** 0.25
        drawn = torch.randn(heard.key.shape, generator=random) * factor
        key = drawn.to(heard.key)
        output, again = run_heard(module, own, arguments, heads, lambda _, value, k=key: (k, value))  # type: ignore[misc]
        weights = attention_weights(output)
        if not again.whole() or weights is None or weights.shape[1] != heads:
            return None
        trials.append(_Trial(again, key, weights))
    mask = Masks().seen(arguments.arguments)
    for scores in _candidates(module, heard):
        if all(
            float((trial.expected(scores, mask) - trial.weights.float()).abs().max())
            <= (_HALF_EXACT if half else _EXACT)
            for trial in trials
        ):
            return scores
    return None


def _candidates(module: nn.Module, heard: Heard) -> Iterator[Scores]:
    known = [1.0, heard.key.shape[-1] ** -0.5]
    known += [v for v in vars(module).values() if isinstance(v, float) and v > 0]
    scales = list(dict.fromkeys(known))
    for scale in scales:
        yield Scores(scale)
    for scale, name in product(scales, _biases(heard)):
        for factor in dict.fromkeys((1.0, scale)):
            yield Scores(scale, name, factor)


def _biases(heard: Heard) -> Iterator[str]:
    batch, _, keys, _ = heard.key.shape
    given: Mapping[str, Any] = heard.arguments.arguments
    for name, item in given.items():
        if not isinstance(item, Tensor) or not item.is_floating_point() or item.ndim < 3:
            continue
        *rows, queries, held = item.shape
        shapes = ([heard.heads], [batch * heard.heads], [1, heard.heads], [batch, heard.heads])
        if rows in shapes and queries == 1 and held >= keys:
            yield name
