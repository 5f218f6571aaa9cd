"""A model is read in evaluation mode and in its own precision, and left as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import nn


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
