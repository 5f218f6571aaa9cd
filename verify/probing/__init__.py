"""Finds the parts of a model by value, in one marked forward pass.

Names differ between architectures, and a name that fits can still mean something else. So nothing
is looked up by name: a few short random prompts run through the model while the output of every
linear layer inside an attention module is replaced by random numbers, a mark that occurs nowhere
else. Then the value columns are those whose marks the heads move, the output projection is the
layer that reads what the heads give out, the norms are what stands between, and every claim is
checked by recomputing it. Marks make this exact for any weights, be they zero, planted or
quantized. It costs one forward pass of 48 tokens, so nothing is cached: each model is checked.

What is found is in :mod:`~verify.probing.parts`; the pass itself in :mod:`~verify.probing.probe`,
which leaves blocks to :mod:`~verify.probing.layer` and what is before and after them to
:mod:`~verify.probing.ends`.
"""

from __future__ import annotations

import torch
from transformers import PreTrainedModel

from verify.batches import is_out_of_memory
from verify.modes import reading
from verify.norms import NotANorm
from verify.probing.parts import LayerParts, Parts, UnsupportedArchitecture
from verify.probing.probe import Probe

_WITHOUT_ADAPTER = (
    " (with its adapter; merge that into the model, with peft's merge_and_unload(), or measure the"
    " model without it, with disable_adapter())"
)

__all__ = ["LayerParts", "Parts", "UnsupportedArchitecture", "find_parts"]


@torch.no_grad()
def find_parts(model: PreTrainedModel, *, adapted: bool = False) -> Parts:
    """Find and check the parts of a causal language model.

    Args:
        model: the model.
        adapted: whether it has adapters, of which what is refused then tells.

    Raises:
        UnsupportedArchitecture: naming the architecture and what about it cannot be measured; or
            a weight that is not in memory, a model in double precision or one that does not run.
    """
    name = type(model).__name__
    if any(weight.dtype == torch.float64 for weight in model.parameters()):
        raise UnsupportedArchitecture(
            f"{name} has weights of double precision, and scores are computed in single; give"
            " model.float()"
        )
    away = next((key for key, weight in model.named_parameters() if weight.is_meta), None)
    if away is not None:
        raise UnsupportedArchitecture(
            f"{name} cannot be measured here: {away} is offloaded, and the heads' matrices must be"
            " at hand; load the model with fewer bits a weight, or over more devices"
        )
    try:
        with reading(model):
            return Probe(model).run()
    except (UnsupportedArchitecture, NotANorm) as error:
        hint = _WITHOUT_ADAPTER if adapted else ""
        raise UnsupportedArchitecture(
            f"architecture {name} is not supported: {str(error).rstrip('.')}{hint}"
        ) from None
    except Exception as error:  # what was never seen can go wrong in any way that there is
        if is_out_of_memory(error):
            raise
        said = str(error).strip().partition("\n")[0]
        if not _runs(model):
            raise UnsupportedArchitecture(
                f"{name} cannot be measured, because it does not run{_mixed(model)}:"
                f" {said or repr(error)}"
            ) from error
        raise UnsupportedArchitecture(
            f"architecture {name} is not supported: its parts were not understood"
            f" ({type(error).__name__}: {said})"
        ) from error


def _runs(model: PreTrainedModel) -> bool:
    """Whether it reads two tokens when nobody listens."""
    try:
        with reading(model):
            model(input_ids=torch.zeros(1, 2, dtype=torch.long, device=model.device))
    except Exception:  # noqa: BLE001  a model can fail in any way that there is
        return False
    return True


def _mixed(model: PreTrainedModel) -> str:
    """Of which types its weights are, if of several."""
    types = {
        str(tensor.dtype).removeprefix("torch.")
        for tensor in model.parameters()
        if tensor.is_floating_point()
    }
    if len(types) == 1:
        return ""
    return f" (its weights are {' and '.join(sorted(types))}; give all of them one type)"
