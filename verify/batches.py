"""How many prompts a forward pass takes: what fits into memory, and no more than is of use.

The first prompt of a model runs alone while every tensor that comes into being is counted; what it
needed a token is what the others will need. That works the same on every device, and depends on
the model and on the length of that prompt alone, so that the same run makes the same batches
wherever memory is not short; a run of other recipes first can make others.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakIdKeyDictionary
from transformers import PreTrainedModel

from verify.prompts import Prompt

_TOKENS_AT_ONCE = {"cpu": 4096}
"""More than this in a batch make no device busier."""
_TOKENS_ELSEWHERE = 65536
_REUSED = {"cpu": 24 * 2**20}
"""Bytes up to which a tensor is given memory that the process has already.

From 32 MiB on the C library asks the system for pages, which come cleared one by one, and gives
them back after each use: at width 768 a third of the time of 64 prompts of 100 tokens.
"""
_SHARE = 0.6
"""Of free memory; the rest is for what is not counted, such as the kernels' own."""
_CGROUP = Path("/sys/fs/cgroup")
_LIMITS = (
    ("memory.max", "memory.current"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
)
"""What a container may use and uses, in the files of version 2 and 1 of control groups."""


@dataclass(frozen=True)
class _Needs:
    """What a forward pass of one prompt took."""

    length: int
    """Tokens of the prompt."""
    token: float
    """Bytes a token of all tensors that lived at once."""
    largest: float
    """Bytes a token of the largest tensor that was made."""


_measured: weakref.WeakKeyDictionary[PreTrainedModel, _Needs] = weakref.WeakKeyDictionary()


class OutOfMemory(Exception):
    """Not even one prompt fits; the text says how much it needs."""


_NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether there was no memory left: only CUDA raises PyTorch's own error then.

    MPS and the allocator of main memory raise a RuntimeError, which is told by its words.
    """
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    said = str(error).lower()
    return isinstance(error, RuntimeError) and any(words in said for words in _NO_MEMORY)


class Meter(TorchDispatchMode):
    """Counts the bytes of tensors that live at once, those from before left out."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak = 0
        self.largest = 0
        """Bytes of the largest tensor."""
        self._live = 0
        self._known = WeakIdKeyDictionary()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        for item in tree_leaves((args, kwargs)):
            if isinstance(item, Tensor):
                self._known.setdefault(item.untyped_storage(), None)
        made = func(*args, **(kwargs or {}))
        for item in tree_leaves(made):
            if isinstance(item, Tensor) and item.untyped_storage() not in self._known:
                storage = item.untyped_storage()
                size = storage.nbytes()
                self._known[storage] = None
                self._live += size
                self.largest = max(self.largest, size)
                self.peak = max(self.peak, self._live)
                weakref.finalize(storage, self._let_go, size)
        return made

    def _let_go(self, size: int) -> None:
        self._live -= size


class Batches:
    """Cuts prompts into batches, the longest first.

    Args:
        model: what reads them.
        prompts: what it reads.
        size: prompts a batch; None to find it.
        limit: bytes that the model's weights and what a batch needs may take together; None for
            most of what is free.
        beside: bytes a token that are held beside what a forward pass takes.

    Raises:
        OutOfMemory: while batches are taken, if one prompt needs more than ``limit`` leaves.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        prompts: Sequence[Prompt],
        *,
        size: int | None = None,
        limit: int | None = None,
        beside: int = 0,
    ) -> None:
        self._model = model
        self._prompts = prompts
        self._size = size
        self._limit = limit
        self._beside = beside
        self._most = size
        self._waiting = sorted(range(len(prompts)), key=lambda number: -len(prompts[number].ids))

    def __iter__(self) -> Iterator[tuple[int, ...]]:
        """Numbers of the prompts of each batch."""
        while self._waiting:
            count = self._count()
            self._taken = tuple(self._waiting[:count])
            del self._waiting[:count]
            yield self._taken

    @contextmanager
    def counted(self) -> Iterator[bool]:
        """Surrounds the forward pass of the batch that was just taken.

        Gives whether what it needs is being counted, which takes a whole pass.
        """
        if self._size is not None or not self._unknown(self._longest(self._taken)):
            yield False
            return
        with Meter() as meter:
            yield True
        length = self._longest(self._taken)
        _measured[self._model] = _Needs(length, meter.peak / length, meter.largest / length)
        if self._limit is not None and meter.peak > self._budget():
            raise OutOfMemory(self._too_much(meter.peak, length))

    def halve(self) -> None:
        """Take the last batch again, in smaller parts.

        Raises:
            OutOfMemory: if it was of one prompt only, or of as many as were asked for.
        """
        if len(self._taken) == 1:
            raise OutOfMemory(f"a prompt of {self._longest(self._taken)} tokens does not fit")
        if self._size is not None:
            raise OutOfMemory(
                f"{len(self._taken)} prompts of up to {self._longest(self._taken)} tokens do not"
                " fit: take a smaller batch size, or none, and it is found"
            )
        self._most = len(self._taken) // 2
        self._waiting[:0] = self._taken

    def copies(self, count: int) -> int:
        """How often ``count`` prompts of the last batch go into one forward pass; once at least.

        What is needed must be known by then: after :meth:`counted`.
        """
        room = self._size or self._room(self._longest(self._taken))
        return max(1, min(self._most or room, room) // count)

    def _count(self) -> int:
        longest = self._longest(self._waiting)
        most = self._most or len(self._waiting)
        if self._size is not None:
            return most
        if self._unknown(longest):
            return 1
        return min(most, self._room(longest))

    def _room(self, longest: int) -> int:
        """How many prompts of a length a pass takes that chooses for itself; one at least."""
        needs = _measured[self._model]
        needed = (needs.token + self._beside) * longest
        budget = self._budget()
        if needed > budget and self._limit is not None:
            raise OutOfMemory(self._too_much(needed, longest))
        device = self._model.device.type
        useful = _TOKENS_AT_ONCE.get(device, _TOKENS_ELSEWHERE)
        if device in _REUSED:
            useful = min(useful, int(_REUSED[device] / needs.largest))
        return max(1, min(useful // longest, int(budget // needed)))

    def _longest(self, numbers: Sequence[int]) -> int:
        return len(self._prompts[numbers[0]].ids)

    def _unknown(self, longest: int) -> bool:
        known = _measured.get(self._model)
        return known is None or longest > 2 * known.length

    def _budget(self) -> float:
        if self._limit is not None:
            return self._limit - weight_bytes(self._model)
        return _SHARE * min(free_bytes(device) for device in _devices(self._model))

    def _too_much(self, needed: float, length: int) -> str:
        assert self._limit is not None
        return (
            f"the limit of {_size(self._limit)} is too low: the weights take"
            f" {_size(weight_bytes(self._model))} and one prompt of {length} tokens {_size(needed)}"
        )


def _size(count: float) -> str:
    return f"{count / 2**20:,.1f} MiB"


def weight_bytes(model: PreTrainedModel) -> int:
    """Memory that parameters and buffers take, shared ones once."""
    storages = {
        tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes()
        for tensor in (*model.parameters(), *model.buffers())
    }
    return sum(storages.values())


def free_bytes(device: torch.device) -> int:
    """Memory that a tensor could still take on a device."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        held = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(free + held)
    if device.type == "mps":
        return int(torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory())
    return _free_main_memory()


def _free_main_memory() -> int:
    import psutil

    free = int(psutil.virtual_memory().available)
    for most, used in _LIMITS:  # a container can have less than the machine
        try:
            left = int((_CGROUP / most).read_text()) - int((_CGROUP / used).read_text())
        except (OSError, ValueError):  # the other version, or no limit
            continue
        free = min(free, max(left, 0))
    return free


def _devices(model: PreTrainedModel) -> set[torch.device]:
    return {parameter.device for parameter in model.parameters()}
