"""How a model is read, whatever mode, process and threads it is in; all is left as it was."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import nn

_AUTOCAST = ("cpu", "cuda", "mps", "xpu")
_guard = threading.Lock()
_locks: weakref.WeakKeyDictionary[nn.Module, threading.RLock] = weakref.WeakKeyDictionary()


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Let no module drop anything out, or round to another precision than its own (autocast).

    Parts of a model can be in another mode than the whole, so each module is set back by itself.
    """
    before = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with ExitStack() as stack:
            for kind in {tensor.device.type for tensor in model.parameters()}:
                if torch.amp.is_autocast_available(kind):
                    stack.enter_context(torch.autocast(kind, enabled=False))
            yield
    finally:
        model.train(before[0][1])
        for module, training in before:
            if module.training != training:
                module.training = training


@contextmanager
def settled() -> Iterator[None]:
    """Compute as numbers say that they were computed, whatever the process is set to.

    What is made without a type or device is float32 in main memory, nothing is cast to half
    precision by itself, and products of float32 matrices are not made in a smaller type. The last
    holds for the whole process, other threads too, for as long as this lasts.
    """
    with ExitStack() as stack:
        _full_precision(stack)
        dtype = torch.get_default_dtype()
        if dtype != torch.float32:
            torch.set_default_dtype(torch.float32)
            stack.callback(torch.set_default_dtype, dtype)
        if torch.empty(0).device.type != "cpu":  # a mode of its own, which costs a little
            stack.enter_context(torch.device("cpu"))
        for kind in _AUTOCAST:
            if torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        yield


def _full_precision(stack: ExitStack) -> None:
    try:
        before = torch.get_float32_matmul_precision()
    except RuntimeError:  # it was set by the newer way, for some kinds of device
        backends: Any = torch.backends  # of which not all parts are typed
        for matmul in (backends.cuda.matmul, backends.mkldnn.matmul):
            stack.callback(setattr, matmul, "fp32_precision", matmul.fp32_precision)
    else:
        if before == "highest":
            return
        stack.callback(torch.set_float32_matmul_precision, before)
    torch.set_float32_matmul_precision("highest")


@contextmanager
def reading(model: nn.Module) -> Iterator[None]:
    """Be the only thread that reads a model here, as :func:`evaluating` and :func:`settled` say.

    Hooks and the attention function that listen belong to the model: those of two threads would
    mix up what each of them reads. A thread that finds a model being read waits.
    """
    with _guard:
        lock = _locks.setdefault(model, threading.RLock())
    with lock, settled(), evaluating(model):
        yield
