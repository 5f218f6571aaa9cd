"""A model is read in evaluation mode, whatever mode its modules are in, and left as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Let no module drop anything out; afterwards each is in the mode that it was in.

    Parts of a model can be in another mode than the whole, so each module is set back by itself.
    """
    before = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        model.train(before[0][1])
        for module, training in before:
            if module.training != training:
                module.training = training
