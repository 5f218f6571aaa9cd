"""One layer's attention for one batch, of which only what is read is computed.

A forward pass needs what attention gives out, not its weights. Where a model's attention is plain
``softmax(scale q.k + mask) v``, that comes from PyTorch's fused kernel, and weights are computed
for those query rows, or single entries, that somebody reads. Where it is anything else (a cap on
scores, sink logits), the architecture's own eager function computes it, a block of query rows at a
time. Either way no more explicit weights are held than one block: those of a whole batch only where
its prompts are so short that they fit.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, scaled_dot_product_attention

BLOCK_BYTES = 64 * 2**20
"""Most memory that explicit attention weights take at once."""
_EXACT = 1e-5
_DENSE = 16
"""A row of which more than one in so many entries is read is computed whole."""


@dataclass(frozen=True)
class Call:
    """What an attention module hands to its attention function."""

    module: nn.Module
    query: Tensor
    """[batch, heads, tokens, head width]; wider, as keys are, where they carry a bias."""
    key: Tensor
    """[batch, key-value heads, tokens, head width]."""
    value: Tensor
    """[batch, key-value heads, tokens, head width]."""
    mask: Tensor | None
    """[batch or 1, 1, tokens, tokens], true where a query sees a key; None where all earlier."""
    options: Mapping[str, Any]

    def own_eager(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The architecture's eager attention: z [batch, queries, heads, width] and weights."""
        added = mask
        if mask.dtype == torch.bool:
            added = torch.zeros(mask.shape, dtype=query.dtype, device=mask.device)
            added.masked_fill_(~mask, torch.finfo(query.dtype).min)
        return self._eager(query, key, value, added)

    def _eager(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The same with a mask that is added to scores, [batch or 1, 1, queries, keys]."""
        function = _eager_function(type(self.module))
        z, weights = function(self.module, query, key, value, mask, **self.options)
        return z, weights

    def visible(self, queries: Tensor, keys: int, prompts: slice = slice(None)) -> Tensor:
        """Which keys some queries see: [prompts or 1, 1, queries, keys]."""
        if self.mask is None:
            seen = torch.arange(keys, device=queries.device)[None] <= queries[:, None]
            return seen[None, None]
        mask = self.mask[prompts] if self.mask.shape[0] > 1 else self.mask
        return mask[:, :, queries, :keys]


class Attention(ABC):
    """What can be asked about one layer's attention while the layer runs."""

    z: Tensor
    """Each head's output before the output projection: [batch, tokens, heads, head width]."""

    @abstractmethod
    def rows(self, index: int, queries: Tensor, keys: int) -> Tensor:
        """Weights [heads, queries, keys] of some query rows of one prompt, in float32."""

    @property
    def call(self) -> Call | None:
        """Queries, keys and values; None where the module shows its weights only."""
        return None

    def entries(self, index: Tensor, queries: Tensor, keys: Tensor) -> Tensor:
        """Single weights, in float32: prompts, queries and keys [n] -> [n, heads]."""
        made = torch.zeros(len(index), self.z.shape[2], device=self.z.device)
        for prompt in torch.unique(index).tolist():
            here = (index == prompt).nonzero()[:, 0]
            rows, which = torch.unique(queries[here], return_inverse=True)
            width = int(keys[here].max()) + 1
            for block in rows.split(block_rows(made.shape[1], self.z.shape[1])):
                first = int(torch.searchsorted(rows, block[0]))
                inside = (which >= first) & (which < first + len(block))
                chosen = here[inside]
                # a row's softmax runs over all keys that it sees
                weights = self.rows(prompt, block, max(width, int(block.max()) + 1))
                made[chosen] = weights[:, which[inside] - first, keys[chosen]].T
        return made


class WholeAttention(Attention):
    """Attention of which the model has computed all weights [batch, heads, queries, keys]."""

    def __init__(self, weights: Tensor, z: Tensor) -> None:
        self.weights, self.z = weights, z

    def rows(self, index: int, queries: Tensor, keys: int) -> Tensor:
        return self.weights[index, :, queries, :keys].float()

    def entries(self, index: Tensor, queries: Tensor, keys: Tensor) -> Tensor:
        return self.weights[index, :, queries, keys].float()


class OwnAttention(Attention):
    """Attention by the architecture's own eager function, a block of query rows at a time.

    What the layer gives out is that function's of the model's numbers as they are. Rows that are
    read in half precision come from the same function on the same queries and keys in float32: it
    would round them, and some architectures take their softmax in half precision, too.
    """

    def __init__(self, call: Call) -> None:
        self._call = call
        batch, heads, tokens, _ = call.query.shape
        positions = torch.arange(tokens, device=call.query.device)
        at_once = positions.split(block_rows(batch * heads, tokens))
        self._whole: Tensor | None = None
        if len(at_once) == 1:
            self.z, weights = self._run(slice(None), positions)
            self._whole = weights if weights.dtype == torch.float32 else None
        else:
            self.z = torch.cat([self._run(slice(None), part)[0] for part in at_once], dim=1)

    @property
    def call(self) -> Call:
        return self._call

    def rows(self, index: int, queries: Tensor, keys: int) -> Tensor:
        if self._whole is not None:
            return self._whole[index][:, queries, :keys]
        return self._run(slice(index, index + 1), queries, exact=True)[1][0, :, :, :keys]

    def _run(
        self, prompts: slice, queries: Tensor, *, exact: bool = False
    ) -> tuple[Tensor, Tensor]:
        call = self._call
        read, key, value = (
            call.query[prompts][:, :, queries],
            call.key[prompts],
            call.value[prompts],
        )
        if exact:
            read, key, value = read.float(), key.float(), value.float()
        mask = call.visible(queries, key.shape[2], prompts)
        z, weights = call.own_eager(read, key, value, mask)
        return z, weights.float() if exact else weights


class PlainAttention(Attention):
    """``softmax(scale q.k + mask) v`` by the fused kernel; weights where they are asked for.

    The kernel for the CPU also gives the logarithm of each row's sum, so that a single entry costs
    one product of a query and a key.
    """

    def __init__(self, call: Call, scale: float) -> None:
        self._call = call
        self._scale = scale
        self._sums: Tensor | None = None
        self._whole: Tensor | None = None
        query, key, value = call.query, call.key, call.value
        width = value.shape[-1]
        if width < key.shape[-1]:  # the kernel takes them of one width
            value = pad(value, (0, key.shape[-1] - width))
        mask = call.mask
        if mask is not None and mask.dtype == torch.bool:
            added = torch.zeros(mask.shape, dtype=query.dtype, device=mask.device)
            mask = added.masked_fill_(~mask, float("-inf"))
        causal = mask is None
        if query.device.type == "cpu" and _kernel_gives_sums():
            z, self._sums = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
                query, key, value, 0.0, causal, attn_mask=mask, scale=scale
            )
            if query.dtype != torch.float32:  # in which nothing overflows
                _show_overflow(z, query, key)
        else:
            # PyTorch's kernels for GPUs take grouped queries in half precision without a mask only;
            # for any others it would fall back to one that makes the weights of all heads
            key, value = (_for_each_head(part, query.shape[1]) for part in (key, value))
            z = scaled_dot_product_attention(query, key, value, mask, is_causal=causal, scale=scale)
        self.z = z[..., :width].transpose(1, 2)

    @property
    def call(self) -> Call:
        return self._call

    @property
    def _fits(self) -> bool:
        batch, tokens, heads, _ = self.z.shape
        return batch * tokens <= block_rows(heads, tokens)

    def _weights(self, prompts: slice, queries: Tensor, keys: int) -> Tensor:
        """Weights [prompts, heads, queries, keys]: a row's softmax runs over ``keys`` keys."""
        key = self._call.key[prompts, :, :keys].float()
        query = self._call.query[prompts][:, :, queries].float()
        batch, heads, count, width = query.shape
        grouped = query.reshape(batch, key.shape[1], -1, width)
        scores = (grouped @ key.mT).reshape(batch, heads, count, keys) * self._scale
        hidden = ~self._call.visible(queries, keys, prompts)
        return scores.masked_fill_(hidden, float("-inf")).softmax(-1)

    def rows(self, index: int, queries: Tensor, keys: int) -> Tensor:
        if self._whole is not None:
            return self._whole[index][:, queries, :keys]
        return self._weights(slice(index, index + 1), queries, keys)[0]

    def entries(self, index: Tensor, queries: Tensor, keys: Tensor) -> Tensor:
        tokens = self.z.shape[1]
        asked = torch.zeros(self.z.shape[0] * tokens, dtype=torch.bool, device=index.device)
        asked[index * tokens + queries] = True
        rows = int(asked.sum())
        if self._sums is None or len(index) > max(1, tokens // _DENSE) * rows:
            if self._whole is None and self._fits:
                positions = torch.arange(tokens, device=queries.device)
                self._whole = self._weights(slice(None), positions, tokens)
            if self._whole is not None:
                return self._whole[index, :, queries, keys]
            return super().entries(index, queries, keys)
        call = self._call
        width = call.query.shape[1] * call.query.shape[3] * 4
        made = []
        for n, q, k in zip(
            *(part.split(max(1, BLOCK_BYTES // (4 * width))) for part in (index, queries, keys)),
            strict=True,
        ):
            query, key = call.query[n, :, q].float(), call.key[n, :, k].float()
            grouped = query.reshape(len(n), key.shape[1], -1, key.shape[2])
            scores = (grouped @ key[..., None]).reshape(len(n), -1) * self._scale
            if call.mask is None:
                seen = k <= q
            else:
                seen = call.mask[n if call.mask.shape[0] > 1 else 0, 0, q, k]
            # a key that is not seen can have any score: hidden before, its weight is no inf x 0
            scores.sub_(self._sums[n, :, q]).masked_fill_(~seen[:, None], float("-inf"))
            made.append(scores.exp_())
        return torch.cat(made)


def _eager_function(kind: type[nn.Module]) -> Callable[..., tuple[Tensor, Tensor]]:
    """What an attention module falls back to: the function that its ``forward`` finds.

    A class that somebody derived from one of transformers' need not have it in its own file.

    Raises:
        LookupError: if there is none.
    """
    for ancestor in kind.__mro__:
        forward = vars(ancestor).get("forward")
        known = getattr(inspect.unwrap(forward), "__globals__", {}) if forward else {}
        if callable(function := known.get("eager_attention_forward")):
            found: Callable[..., tuple[Tensor, Tensor]] = function
            return found
    raise LookupError(f"{kind.__name__} has no eager attention")


def plain_scale(call: Call) -> float | None:
    """The scale with which a module's attention is plain, or None if it is not.

    Its own eager function is compared with the formula on random queries and keys, some of them so
    large that a cap on scores would show.
    """
    width = call.query.shape[-1]
    known = (call.options.get("scaling"), getattr(call.module, "scaling", None), width**-0.5, 1.0)
    scales = dict.fromkeys(float(s) for s in known if isinstance(s, int | float))
    random = torch.Generator().manual_seed(0)
    query, key, value = (
        torch.randn(part.shape, generator=random).to(part.device)
        for part in (call.query, call.key, call.value)
    )
    if call.mask is not None and call.mask.dtype != torch.bool:
        return None
    positions = torch.arange(query.shape[2], device=query.device)
    mask = call.visible(positions, key.shape[2])
    for scale in scales:
        if all(
            _is_plain(call, query * size / (scale * width**0.5), key, value, mask, scale)
            for size in (1.0, 6.0)
        ):
            return scale
    return None


def _is_plain(
    call: Call, query: Tensor, key: Tensor, value: Tensor, mask: Tensor, scale: float
) -> bool:
    z, weights = call.own_eager(query, key, value, mask)
    key, value = (_for_each_head(part, query.shape[1]) for part in (key, value))
    scores = (query @ key.mT * scale).masked_fill(~mask, float("-inf"))
    expected = scores.softmax(-1)
    return bool(
        weights is not None
        and weights.shape == expected.shape
        and (weights - expected).abs().max() <= _EXACT
        and (z - (expected @ value).transpose(1, 2)).abs().max() <= 10 * _EXACT
    )


def _for_each_head(part: Tensor, heads: int) -> Tensor:
    """Keys or values [batch, key-value heads, tokens, ...] with one for each query head."""
    repeats = heads // part.shape[1]
    return part if repeats == 1 else part.repeat_interleave(repeats, dim=1)


def _show_overflow(z: Tensor, query: Tensor, key: Tensor) -> None:
    """Make of what is no number in queries and keys none in the output, too.

    The kernel for the CPU gives zeros where all scores of a row are no numbers.
    """
    if all(bool(part.sum(dtype=torch.float32).isfinite()) for part in (query, key)):
        return
    hidden = ~query.isfinite().all(-1)
    # of a key to all later queries
    spoilt = (~key.isfinite().all(-1)).cumsum(-1) > 0
    z.masked_fill_((hidden | _for_each_head(spoilt, query.shape[1]))[..., None], float("nan"))


@cache
def _kernel_gives_sums() -> bool:
    """Whether this PyTorch's kernel for the CPU gives out the sums, for grouped queries too."""
    try:
        _, sums = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
            torch.zeros(1, 2, 3, 4), *torch.zeros(2, 1, 1, 3, 4), 0.0, True, scale=1.0
        )
    except (AttributeError, RuntimeError):
        return False
    return bool(torch.allclose(sums, torch.arange(1.0, 4.0).log().expand(1, 2, 3)))


def block_rows(heads: int, keys: int) -> int:
    """Query rows of one prompt whose weights fit into one block."""
    return max(1, BLOCK_BYTES // (4 * heads * keys))
