"""Every head alone taken away, and the model run again without it.

What a head gives out before the output projection, its slice z_h of the projection's input, is
overwritten at some positions; everything that follows is computed anew. Overwriting there is the
same for every architecture: biases, norms after attention, parallel MLPs and residual streams that
are added inside a module come after it and stay the model's own.

The heads of layer l change nothing before layer l. So one stream is kept for each prompt of a
batch, that which enters the layer; the blocks before it are not run again but hand on what they
got, and the layer is given the stream, once for each head that is tried. The model's own
``forward`` runs all the same, with that many rows, so that masks and rotary positions are its own.
Whether this gives what a whole pass gives is not taken on trust but tried on one prompt, with
nothing overwritten; a layer where it does not is reached from the last one before it where it does.

Source: Michel et al. 2019 (one head removed at a time).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from verify.anatomy import Anatomy
from verify.batches import Batches, OutOfMemory, is_out_of_memory
from verify.capture import not_finite, padded
from verify.listening import CaptureFailed, Enough, replacing_forward
from verify.modes import reading
from verify.prompts import Prompt

FloatArray = NDArray[np.float64]
_SAME, _SAME_IN_HALF = 1e-5, 0.02
"""How far a pass from the middle may be from a whole one, of the largest number."""


class Replacement(Protocol):
    """What stands in the place of what heads give out."""

    def of(self, layer: int, numbers: Sequence[int]) -> Tensor:
        """For all heads of a layer, at each position of each of some prompts, in this order.

        [positions of all these prompts, heads, head width].
        """


class Outcome(Protocol):
    """How well the model does on prompts, read off the end of the stack."""

    def __call__(self, numbers: Sequence[int], normed: Tensor) -> Tensor:
        """A number for each prompt, [len(numbers)].

        ``normed`` is the residual stream after the final norm: [len(numbers), tokens, width].
        """


class WithoutEach:
    """What :func:`without_each` found."""

    def __init__(self, prompts: int, anatomy: Anatomy) -> None:
        self.whole: FloatArray = np.full(prompts, np.nan)
        """The outcome of the model as it is: [prompts]."""
        self.without: FloatArray = np.full((prompts, anatomy.layers, anatomy.heads), np.nan)
        """The outcome without each head: [prompts, layers, heads]."""


@torch.no_grad()
def without_each(
    anatomy: Anatomy,
    prompts: Sequence[Prompt],
    positions: Sequence[Sequence[int]],
    replacement: Replacement,
    outcome: Outcome,
    *,
    batch_size: int | None = None,
    limit_memory: int | None = None,
    advance: Callable[[float], None] = lambda _: None,
) -> WithoutEach:
    """Run the model without each of its heads, one at a time.

    Args:
        anatomy: the model.
        prompts: what it reads; padded on the right, as by :func:`verify.capture.run_pass`.
        positions: where heads are overwritten, for each prompt.
        replacement: what with.
        outcome: what is read of each run.
        batch_size: rows (a prompt without one head) of a forward pass; None for as many as are of
            use and fit into memory. Numbers do not depend on it.
        limit_memory: bytes that weights and activations may take together.
        advance: called with the share of the work that is newly through (less than 0 where a batch
            did not fit and begins anew).

    Raises:
        CaptureFailed: if the stream is not finite, or memory is too small.
    """
    found = WithoutEach(len(prompts), anatomy)
    # the stream that enters the layer is kept beside what a pass needs
    beside = anatomy.width * anatomy.dtype.itemsize
    batches = Batches(anatomy.model, prompts, size=batch_size, limit=limit_memory, beside=beside)
    with _Runs(anatomy) as runs:
        exact = runs.restartable(min(prompts, key=lambda prompt: len(prompt.ids)))
        try:
            for numbers in batches:
                given = 0.0
                groups = anatomy.rotary.groups([len(prompts[n].ids) for n in numbers])
                try:
                    for group in groups:
                        sweep = _Sweep(
                            runs,
                            found,
                            [numbers[at] for at in group],
                            prompts,
                            positions,
                            replacement,
                            outcome,
                        )
                        with batches.counted():
                            normed = runs.to_the_end(sweep.ids)
                        sweep.whole(normed)
                        copies = batches.copies(len(group))
                        for share in sweep.without(exact, copies):
                            given += share * len(group) / len(prompts)
                            advance(share * len(group) / len(prompts))
                except (RuntimeError, MemoryError) as error:
                    if not is_out_of_memory(error):
                        raise
                    advance(-given)
                    batches.halve()
        except OutOfMemory as error:
            raise CaptureFailed(f"{anatomy.architecture}: {error}") from None
    return found


def passes(anatomy: Anatomy) -> float:
    """Work of :func:`without_each`, in forward passes: without a head of layer l, from there on."""
    return anatomy.heads * (anatomy.layers + 1) / 2


class _Sweep:
    """All heads on the prompts of one batch."""

    def __init__(
        self,
        runs: _Runs,
        found: WithoutEach,
        numbers: Sequence[int],
        prompts: Sequence[Prompt],
        positions: Sequence[Sequence[int]],
        replacement: Replacement,
        outcome: Outcome,
    ) -> None:
        self._runs, self._found, self._numbers = runs, found, list(numbers)
        self._replacement, self._outcome = replacement, outcome
        anatomy = runs.anatomy
        self._layers, self._heads = anatomy.layers, anatomy.heads
        self.ids = padded([prompts[number] for number in numbers], anatomy.device)
        self._rows = torch.tensor(
            [row for row, number in enumerate(numbers) for _ in positions[number]]
        )
        self._places = torch.tensor([place for n in numbers for place in positions[n]])

    def whole(self, normed: Tensor) -> None:
        """The model as it is."""
        self._found.whole[self._numbers] = self._read(self._numbers, normed)

    def without(self, exact: Sequence[bool], copies: int) -> Iterator[float]:
        """The model without each head; yields the share of the work that each layer was.

        Args:
            exact: layers at which a run may begin.
            copies: heads that are tried in one pass.
        """
        runs, stream, start = self._runs, None, 0
        total = self._layers * (self._layers + 1) / 2
        for layer in range(self._layers):
            if layer > 0 and exact[layer]:
                stream, start = runs.entering(layer, self.ids, stream, start), layer
            values = self._replacement.of(layer, self._numbers)
            for first in range(0, self._heads, copies):
                heads = range(first, min(first + copies, self._heads))
                self._without(layer, heads, values, stream, start)
            yield (self._layers - layer) / total

    def _without(
        self, layer: int, heads: range, values: Tensor, stream: Tensor | None, start: int
    ) -> None:
        """One pass: every prompt without the first of some heads, then without the second..."""
        count, edits = len(self._numbers), len(self._rows)
        copy = torch.arange(len(heads)).repeat_interleave(edits)
        edit = _Edit(
            layer,
            row=copy * count + self._rows.repeat(len(heads)),
            place=self._places.repeat(len(heads)),
            head=copy + heads.start,
            values=values[:, heads.start : heads.stop].transpose(0, 1).flatten(0, 1),
        )
        ids = self.ids.repeat(len(heads), 1)
        repeated = None if stream is None else stream.repeat(len(heads), 1, 1)
        normed = self._runs.to_the_end(ids, repeated, start, edit)
        made = self._read(self._numbers * len(heads), normed).reshape(len(heads), count)
        self._found.without[self._numbers, layer, heads.start : heads.stop] = made.T

    def _read(self, numbers: Sequence[int], normed: Tensor) -> FloatArray:
        made: FloatArray = self._outcome(numbers, normed).cpu().double().numpy()
        return made


class _Edit:
    """Where one layer's heads are overwritten, and with what: as many of each as there are edits.

    Args:
        layer: of the heads.
        row: of the batch.
        place: position.
        head: of the layer.
        values: [edits, head width].
    """

    def __init__(
        self, layer: int, *, row: Tensor, place: Tensor, head: Tensor, values: Tensor
    ) -> None:
        self.layer, self.index, self.values = layer, (row, place, head), values

    def put(self, given: Tensor, rows: int, heads: int) -> Tensor:
        """What the output projection reads instead of what it was ``given``."""
        z = given.reshape(rows, -1, heads, self.values.shape[-1]).clone()
        z[tuple(part.to(z.device) for part in self.index)] = self.values.to(z)
        return z.reshape(given.shape)


class _Runs:
    """Passes that begin and end where they are told to; hooks are in place meanwhile."""

    def __init__(self, anatomy: Anatomy) -> None:
        self.anatomy = anatomy
        self._edit: _Edit | None = None
        self._rows = 0
        self._start = 0
        self._stop: int | None = None
        self._stream: Tensor | None = None
        self._entered: Tensor | None = None
        self._normed: Tensor | None = None
        self._items = [0] * anatomy.layers
        """How many things a block returns; 0 where it returns the stream alone."""

    def __enter__(self) -> _Runs:
        anatomy = self.anatomy
        with ExitStack() as stack:
            stack.enter_context(reading(anatomy.model))
            # the engine's own attention: transformers' fast ones leave out what some models need
            stack.enter_context(anatomy.listening(lambda _, __: None))
            for layer, block in enumerate(anatomy.blocks):
                handles = (
                    block.register_forward_pre_hook(self._enter(layer), with_kwargs=True),
                    block.register_forward_hook(self._leave(layer)),
                    # after those of listening, which put what heads give out in place
                    anatomy.output_projection(layer).register_forward_pre_hook(self._change(layer)),
                )
                for handle in handles:
                    stack.callback(handle.remove)
            stack.callback(anatomy.final_norm.register_forward_hook(self._end).remove)
            self._exit = stack.pop_all()
        return self

    def __exit__(self, *exception: Any) -> None:
        self._exit.close()

    def to_the_end(
        self,
        ids: Tensor,
        stream: Tensor | None = None,
        start: int = 0,
        edit: _Edit | None = None,
    ) -> Tensor:
        """The residual stream after the final norm: [rows, tokens, width].

        Args:
            ids: padded tokens, [rows, tokens].
            stream: what enters block ``start``, [rows, tokens, width]; None to begin with tokens.
            start: the first block that is run.
            edit: what is overwritten.
        """
        self._run(ids, stream, start, None, edit)
        assert self._normed is not None
        if not bool(torch.isfinite(self._normed).all()):
            raise not_finite(self.anatomy)
        return self._normed

    def entering(self, layer: int, ids: Tensor, stream: Tensor | None, start: int) -> Tensor:
        """The residual stream as it enters a layer, from that which enters an earlier one."""
        self._run(ids, stream, start, layer, None)
        assert self._entered is not None
        return self._entered

    @torch.no_grad()
    def restartable(self, prompt: Prompt) -> list[bool]:
        """At which layers a pass may begin: it ends as a whole one does, nothing overwritten."""
        ids = padded([prompt], self.anatomy.device)
        whole = self.to_the_end(ids)
        allowed = _SAME if whole.dtype == torch.float32 else _SAME_IN_HALF
        allowed *= float(whole.abs().max())
        made = [True]
        for layer in range(1, self.anatomy.layers):
            try:
                again = self.to_the_end(ids, self.entering(layer, ids, None, 0), layer)
                made.append(float((again - whole).abs().max()) <= allowed)
            except (
                CaptureFailed,
                RuntimeError,
                TypeError,
                ValueError,
                LookupError,
                AttributeError,
            ):
                # a block that was passed over should have done something else, too
                made.append(False)
        return made

    def _run(
        self, ids: Tensor, stream: Tensor | None, start: int, stop: int | None, edit: _Edit | None
    ) -> None:
        self._start, self._stop, self._stream, self._edit = start, stop, stream, edit
        self._rows, self._entered, self._normed = len(ids), None, None
        with ExitStack() as stack:
            for layer in range(start):
                stack.enter_context(self._passed_over(layer))
            self.anatomy.rotary.forget()
            with suppress(Enough):
                self.anatomy.model(input_ids=ids, use_cache=False)
        self._stream = None

    @contextmanager
    def _passed_over(self, layer: int) -> Iterator[None]:
        items = self._items[layer]

        def hand_on(*args: Any, **kwargs: Any) -> Any:
            stream = args[0] if args else kwargs["hidden_states"]
            return (stream, *[None] * (items - 1)) if items else stream

        with replacing_forward(self.anatomy.blocks[layer], hand_on):
            yield

    def _enter(self, layer: int) -> Callable[..., Any]:
        def hook(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            if layer == self._stop:
                # a copy: what follows might add to the stream where it lies
                self._entered = (args[0] if args else kwargs["hidden_states"]).clone()
                raise Enough
            if layer != self._start or self._stream is None:
                return None
            stream = self._stream.to((args[0] if args else kwargs["hidden_states"]).device)
            if args:
                return (stream, *args[1:]), kwargs
            return args, {**kwargs, "hidden_states": stream}

        return hook

    def _leave(self, layer: int) -> Callable[..., None]:
        def hook(_: nn.Module, __: Any, output: Any) -> None:
            self._items[layer] = len(output) if isinstance(output, tuple) else 0

        return hook

    def _change(self, layer: int) -> Callable[..., Any]:
        def hook(_: nn.Module, args: tuple[Any, ...]) -> Any:
            edit = self._edit
            if edit is None or edit.layer != layer:
                return None
            return (edit.put(args[0], self._rows, self.anatomy.heads), *args[1:])

        return hook

    def _end(self, _: nn.Module, __: Any, output: Tensor) -> None:
        self._normed = output
        raise Enough
