"""One forward pass, many readers: the engine's view into every layer's attention.

Readers look at a layer while it runs and take only what they need: whole rows of attention for
some queries, or single entries. What nobody asks for is not computed (``verify.attention``), and
what was looked at is let go of with the layer: no layers x heads x tokens x tokens array exists.

A reader that scores the attention from the last token to the first, per head and layer::

    class FirstFromLast(Reader):
        def __init__(self, anatomy: Anatomy, prompts: Sequence[Prompt]) -> None:
            self.scores = np.zeros((len(prompts), anatomy.layers, anatomy.heads))

        def read(self, view: LayerView) -> None:
            for index, prompt in enumerate(view.prompts):
                row = view.rows(index, [len(prompt.ids) - 1])  # [heads, 1, keys of the prompt]
                self.scores[view.numbers[index], view.layer] = row[:, 0, 0].cpu().numpy()

``view.entries(indices, queries, keys)`` reads any number of single entries of a batch at once, and
is the cheapest where a row is not needed as a whole. ``view.row_blocks(index, queries)`` gives the
rows of many queries in parts that fit into memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from verify.anatomy import Anatomy
from verify.attention import Attention, block_rows
from verify.batches import Batches, OutOfMemory, is_out_of_memory
from verify.listening import CaptureFailed, Enough
from verify.modes import reading
from verify.prompts import Prompt

__all__ = [
    "CaptureFailed",
    "FinalView",
    "LayerView",
    "Reader",
    "not_finite",
    "padded",
    "run_pass",
]

Positions = Sequence[int] | NDArray[np.int64]
"""Positions (or indices) as a reader has them; tensors on the layer's device are made here."""


@dataclass(frozen=True)
class LayerView:
    """One layer's attention for one batch, valid only inside :meth:`Reader.read`.

    Whatever it gives lies on the layer's own device; attention is float32 in any model.
    """

    layer: int
    numbers: tuple[int, ...]
    """Which prompts of the whole list these are."""
    prompts: Sequence[Prompt]
    attention: Attention
    residual: Tensor
    """The residual stream as it enters the layer: [batch, tokens, width]."""

    @property
    def z(self) -> Tensor:
        """Each head's output before the output projection: [batch, tokens, heads, head width]."""
        return self.attention.z

    @property
    def device(self) -> torch.device:
        """Where the heads of this layer are."""
        return self.z.device

    def rows(self, index: int, queries: Positions) -> Tensor:
        """Attention of some queries of one prompt of the batch: [heads, queries, keys].

        Keys are the prompt's own positions. Rows sum to 1 (to less with sink logits).
        """
        length = len(self.prompts[index].ids)
        return _numbers(self.attention.rows(index, self._put(queries), length))

    def row_blocks(self, index: int, queries: Positions) -> Iterator[tuple[Tensor, Tensor]]:
        """The same for many queries, in parts: pairs of positions [n] and rows [heads, n, keys]."""
        length = len(self.prompts[index].ids)
        for part in self._put(queries).split(block_rows(self.z.shape[2], length)):
            yield part, _numbers(self.attention.rows(index, part, length))

    def all_rows(self, index: int) -> Tensor:
        """The whole pattern [heads, tokens, tokens] of one short prompt."""
        return self.rows(index, range(len(self.prompts[index].ids)))

    def entries(self, indices: Positions, queries: Positions, keys: Positions) -> Tensor:
        """Single attention weights, of prompts of the batch, queries and keys [n]: [n, heads]."""
        return _numbers(
            self.attention.entries(self._put(indices), self._put(queries), self._put(keys))
        )

    def _put(self, positions: Positions) -> Tensor:
        return torch.as_tensor(np.asarray(positions, dtype=np.int64), device=self.z.device)


@dataclass(frozen=True)
class FinalView:
    """The end of the stack for one batch, valid only inside :meth:`Reader.finish`."""

    numbers: tuple[int, ...]
    """Which prompts of the whole list these are."""
    prompts: Sequence[Prompt]
    residual: Tensor
    """The residual stream before the final norm: [batch, tokens, width]."""
    normed: Tensor
    """The same after the final norm."""


class Reader:
    """Reduces attention to scores while the layers run.

    Where no reader has a ``finish`` of its own, the pass ends with the last layer's attention. A
    batch can be read again in smaller parts (if it did not fit into memory, or if numbers overflow
    where it is padded): set what belongs to a prompt rather than add to it.
    """

    def read(self, view: LayerView) -> None:
        """Take what is needed from one layer; nothing by default."""

    def finish(self, view: FinalView) -> None:
        """Take what is needed from the end of the stack; nothing by default."""


@torch.no_grad()
def run_pass(
    anatomy: Anatomy,
    prompts: Sequence[Prompt],
    readers: Sequence[Reader],
    *,
    batch_size: int | None = None,
    limit_memory: int | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> None:
    """Run the model once over ``prompts`` and let every reader take its part.

    One thread at a time reads a model so; nobody else may run the model meanwhile.

    Prompts are padded on the right: under causal attention no real position sees the padding, so
    scores do not depend on what else is in the batch. Readers look at real positions only. Prompts
    of like length are read together, the longest first.

    Args:
        anatomy: the model.
        prompts: what it reads.
        readers: what is taken from each layer.
        batch_size: prompts a forward pass; None for as many as are of use and fit into memory.
        limit_memory: bytes that weights and activations may take together.
        advance: called with the number of prompts done after each batch.

    Raises:
        CaptureFailed: if some layer never showed its attention, or memory is too small.
    """
    batches = Batches(anatomy.model, prompts, size=batch_size, limit=limit_memory)
    with _Pass(anatomy, readers) as running:
        try:
            for numbers in batches:
                try:
                    with batches.counted() as counting:
                        batch = [prompts[number] for number in numbers]
                        running.forward(numbers, batch, whole=counting)
                except (RuntimeError, MemoryError) as error:
                    if not is_out_of_memory(error):
                        raise
                    batches.halve()
                else:
                    advance(len(numbers))
        except OutOfMemory as error:
            raise CaptureFailed(f"{anatomy.architecture}: {error}") from None


class _NotFinite(CaptureFailed):
    """A stream holds numbers that are not finite."""


def not_finite(anatomy: Anatomy) -> _NotFinite:
    """What is raised where the residual stream of a model is."""
    return _NotFinite(
        f"{anatomy.architecture}: the residual stream is not finite"
        " (in half precision it may overflow: try --dtype float32)"
    )


class _Pass:
    """Hooks that are in place while batches run."""

    def __init__(self, anatomy: Anatomy, readers: Sequence[Reader]) -> None:
        self.anatomy = anatomy
        self.readers = readers
        self.whole = True
        self.to_the_end = any(type(reader).finish is not Reader.finish for reader in readers)
        self.numbers: tuple[int, ...] = ()
        self.batch: list[Prompt] = []
        self.seen: set[int] = set()
        self.entering: dict[int, Tensor] = {}
        self.final: tuple[Tensor, Tensor] | None = None

    def __enter__(self) -> _Pass:
        anatomy = self.anatomy
        with ExitStack() as stack:  # which leaves nothing behind if this does not come to its end
            stack.enter_context(reading(anatomy.model))
            for layer, block in enumerate(anatomy.blocks):
                keep = self._keep_entering(layer)
                stack.callback(block.register_forward_pre_hook(keep, with_kwargs=True).remove)
            stack.callback(anatomy.final_norm.register_forward_hook(self._keep_final).remove)
            stack.callback(anatomy.unembedding.register_forward_pre_hook(_stop).remove)
            stack.enter_context(anatomy.listening(self._read))
            self._in_place = stack.pop_all()
        return self

    def __exit__(self, *exception: Any) -> None:
        self._in_place.__exit__(*exception)

    def forward(self, numbers: tuple[int, ...], batch: list[Prompt], *, whole: bool) -> None:
        """Run one batch, to the end if a reader asks for it or ``whole``.

        It runs at once, unless rotary positions depend on what is read together. Where padding
        makes numbers that are not finite, they spread to the prompts (no weight times infinity is
        no number), so prompts of each length are read by themselves then.
        """
        lengths = [len(prompt.ids) for prompt in batch]
        for group in self.anatomy.rotary.groups(lengths):
            try:
                self._group(group, numbers, batch, whole=whole)
            except _NotFinite:
                alike: dict[int, list[int]] = {}
                for at in group:
                    alike.setdefault(lengths[at], []).append(at)
                if len(alike) == 1:
                    raise
                for part in alike.values():
                    self._group(part, numbers, batch, whole=whole)

    def _group(
        self, group: list[int], numbers: tuple[int, ...], batch: list[Prompt], *, whole: bool
    ) -> None:
        self.anatomy.rotary.forget()
        here = tuple(numbers[at] for at in group)
        self._forward(here, [batch[at] for at in group], whole=whole)

    def _forward(self, numbers: tuple[int, ...], batch: list[Prompt], *, whole: bool) -> None:
        anatomy = self.anatomy
        self.numbers, self.batch, self.final = numbers, batch, None
        self.whole = whole or self.to_the_end
        self.seen.clear()
        with suppress(Enough):
            anatomy.model(input_ids=padded(batch, anatomy.device), use_cache=False)
        if not self._all_seen():
            missing = sorted(set(range(anatomy.layers)) - self.seen)
            raise CaptureFailed(
                f"{anatomy.architecture}: layers {missing} did not show their attention"
            )
        if not self.whole:
            return
        assert self.final is not None
        residual, normed = self.final
        self._check(normed)
        view = FinalView(numbers, batch, residual, normed)
        for reader in self.readers:
            reader.finish(view)

    def _read(self, layer: int, attention: Attention) -> None:
        self.seen.add(layer)
        # what moves a stream to the next device does so after the hook that heard it
        entering = self.entering[layer].to(attention.z.device)
        view = LayerView(layer, self.numbers, self.batch, attention, entering)
        for reader in self.readers:
            reader.read(view)
        if not self.whole and self._all_seen():
            self._check(entering)
            self._check(attention.z)
            raise Enough

    def _all_seen(self) -> bool:
        return self.seen == set(range(self.anatomy.layers))

    def _check(self, stream: Tensor) -> None:
        """Refuse a stream [batch, tokens, ...] that is not finite; padding is nobody's."""
        finite = torch.isfinite(stream).flatten(2).all(-1)
        if bool(finite.all()):
            return
        at = enumerate(len(prompt.ids) for prompt in self.batch)
        if not all(bool(finite[index, :length].all()) for index, length in at):
            raise not_finite(self.anatomy)

    def _keep_entering(self, layer: int) -> Callable[..., None]:
        def hook(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            self.entering.clear()  # one layer at a time: the previous one's stream is not needed
            self.entering[layer] = args[0] if args else kwargs["hidden_states"]

        return hook

    def _keep_final(self, _: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
        self.final = args[0].to(output.device), output


def _numbers(weights: Tensor) -> Tensor:
    # a sum is no number where a part of it is none
    if bool(torch.isnan(weights.sum())):
        raise _NotFinite(
            "attention weights are no numbers (in half precision scores may overflow: try --dtype"
            " float32)"
        )
    return weights


def _stop(_: nn.Module, __: Any) -> None:
    # logits are made from the final norm where a reader wants them; the model's own are not used
    raise Enough


def padded(batch: Sequence[Prompt], device: torch.device) -> Tensor:
    """Token ids of prompts, the shorter ones filled up on the right: [prompts, tokens]."""
    width = max(len(prompt.ids) for prompt in batch)
    rows = [list(prompt.ids) + [0] * (width - len(prompt.ids)) for prompt in batch]
    return torch.tensor(rows, dtype=torch.long, device=device)
