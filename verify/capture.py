"""One forward pass, many readers: the engine's view into every layer's attention.

Every layer hands its attention weights to the readers while it runs (``verify.listening``) and lets
go of them: no layers x heads x tokens x tokens array is ever kept.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from verify.anatomy import Anatomy
from verify.prompts import Prompt


class CaptureFailed(Exception):
    """The model did not show what it was asked for; no number may be made from the run."""


@dataclass(frozen=True)
class LayerView:
    """One layer's attention for one batch, valid only inside :meth:`Reader.read`."""

    layer: int
    first: int
    """Index of the batch's first prompt in the whole list."""
    prompts: Sequence[Prompt]
    weights: Tensor
    """[batch, heads, queries, keys], rows sum to 1 (to less with sink logits)."""
    z: Tensor
    """Each head's output before the output projection: [batch, tokens, heads, head width]."""
    residual: Tensor
    """The residual stream as it enters the layer: [batch, tokens, width]."""


@dataclass(frozen=True)
class FinalView:
    """The end of the stack for one batch, valid only inside :meth:`Reader.finish`."""

    first: int
    prompts: Sequence[Prompt]
    residual: Tensor
    """The residual stream before the final norm: [batch, tokens, width]."""
    normed: Tensor
    """The same after the final norm."""


class Reader(Protocol):
    """Reduces attention to scores while the layers run."""

    def read(self, view: LayerView) -> None:
        """Take what is needed from one layer."""

    def finish(self, view: FinalView) -> None:
        """Take what is needed from the end of the stack."""


@torch.no_grad()
def run_pass(
    anatomy: Anatomy,
    prompts: Sequence[Prompt],
    readers: Sequence[Reader],
    *,
    batch_size: int,
    advance: Callable[[int], None] = lambda _: None,
) -> None:
    """Run the model once over ``prompts`` and let every reader take its part.

    Prompts are padded on the right: under causal attention no real position sees the padding, so
    scores do not depend on what else is in the batch. Readers look at real positions only.

    Args:
        anatomy: the model.
        prompts: what it reads.
        readers: what is taken from each layer.
        batch_size: prompts a forward pass.
        advance: called with the number of prompts done after each batch.

    Raises:
        CaptureFailed: if some layer never showed its attention.
    """
    model = anatomy.model
    seen: set[int] = set()
    entering: dict[int, Tensor] = {}
    final: dict[str, Tensor] = {}
    batch: list[Prompt] = []
    first = 0

    def listener(module: nn.Module, weights: Tensor, z: Tensor, _: Tensor | None) -> None:
        layer = anatomy.layer_of(module)
        seen.add(layer)
        view = LayerView(layer, first, batch, weights, z, entering[layer])
        for reader in readers:
            reader.read(view)

    def keep_entering(layer: int) -> Callable[..., None]:
        def hook(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            entering.clear()  # one layer at a time: the previous layer's stream is not needed
            entering[layer] = args[0] if args else kwargs["hidden_states"]

        return hook

    def keep_final(_: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
        final["residual"], final["normed"] = args[0], output

    hooks = [
        block.register_forward_pre_hook(keep_entering(layer), with_kwargs=True)
        for layer, block in enumerate(anatomy.blocks)
    ]
    hooks.append(anatomy.final_norm.register_forward_hook(keep_final))
    few_logits: dict[str, Any] = {}
    if "logits_to_keep" in inspect.signature(model.forward).parameters:
        few_logits["logits_to_keep"] = 1
    was_training = model.training
    model.eval()
    try:
        with anatomy.listening(listener):
            for first in range(0, len(prompts), batch_size):
                batch = list(prompts[first : first + batch_size])
                seen.clear()
                # logits are read from the final norm where a reader wants them
                model(input_ids=_pad(batch, anatomy.device), use_cache=False, **few_logits)
                if seen != set(range(anatomy.layers)):
                    missing = sorted(set(range(anatomy.layers)) - seen)
                    raise CaptureFailed(
                        f"{anatomy.architecture}: layers {missing} did not show their attention"
                    )
                if not bool(torch.isfinite(final["normed"]).all()):
                    raise CaptureFailed(
                        f"{anatomy.architecture}: the residual stream is not finite"
                        " (in half precision it may overflow: try --dtype float32)"
                    )
                view = FinalView(first, batch, final["residual"], final["normed"])
                for reader in readers:
                    reader.finish(view)
                advance(len(batch))
    finally:
        for handle in hooks:
            handle.remove()
        model.train(was_training)


def _pad(batch: Sequence[Prompt], device: torch.device) -> Tensor:
    width = max(len(prompt.ids) for prompt in batch)
    rows = [list(prompt.ids) + [0] * (width - len(prompt.ids)) for prompt in batch]
    return torch.tensor(rows, dtype=torch.long, device=device)
