"""Whether layers whose weights are read compute what those weights say.

An adapter inside a layer, or a hook of somebody else's, can make it something else.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from verify.probing.parts import LayerParts, UnsupportedArchitecture
from verify.weights import is_plain, matrix


def check_matrices(
    layers: Sequence[LayerParts],
    unembedding: nn.Linear,
    random: torch.Generator,
    tolerance: float,
) -> None:
    """Compare each with its weight on random inputs.

    Raises:
        UnsupportedArchitecture: naming the layer that computes something else.
    """
    for number, layer in enumerate(layers):
        for what, module in (("values", layer.values), ("output", layer.output)):
            if not _is_its_weight(module, random, tolerance):
                raise UnsupportedArchitecture(
                    f"in layer {number} the projection of {what} computes something else than its"
                    " weight does (by an adapter or a hook)"
                )
    if not _is_its_weight(unembedding, random, tolerance):
        raise UnsupportedArchitecture(
            "its unembedding computes something else than its weight does (by an adapter or a hook)"
        )


def _is_its_weight(module: nn.Module, random: torch.Generator, tolerance: float) -> bool:
    weight = getattr(module, "weight", None)
    if not isinstance(weight, Tensor) or not is_plain(weight):
        return True  # it is asked itself what its matrix is
    inputs = weight.shape[0] if isinstance(module, Conv1D) else weight.shape[1]
    x = torch.randn(2, inputs, generator=random).to(weight)
    nothing = module(torch.zeros_like(x))
    expected = x @ matrix(module, inputs, weight.dtype)
    if not bool(expected.isfinite().all()):
        return True  # weights that are no numbers are refused by their own names (model_files)
    difference = (module(x) - nothing - expected).float().norm()
    return bool(difference <= tolerance * (expected.float().norm() + nothing.float().norm()))
