"""Whether layers compute what their weights say, or what any matrix would.

An adapter inside a layer, or a hook of somebody else's, can make it something else than its weight.
Layers that are quantized or adapted by a library are asked what their matrix is, so they must be
linear.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from verify.probing.parts import LayerParts, UnsupportedArchitecture
from verify.weights import is_plain, matrix, says_its_matrix, tensors

_ROUNDED = 3e-2
"""Largest share by which a quantized layer may miss being linear. Those that round what they read
to eight bits miss it by about one hundredth; four bits are too few to speak of a matrix."""


def check_matrices(
    layers: Sequence[LayerParts],
    unembedding: nn.Linear,
    dtype: torch.dtype,
    random: torch.Generator,
    tolerance: float,
) -> None:
    """Compare each with its weight, or with itself, on random inputs.

    Args:
        layers: whose projections of values and output are looked at.
        unembedding: the same for it.
        dtype: of the numbers that layers hand one another.
        random: makes the inputs.
        tolerance: largest share by which numbers may differ.

    Raises:
        UnsupportedArchitecture: naming the layer that computes something else.
    """
    for number, layer in enumerate(layers):
        for what, module, inputs in (
            ("values", layer.values, unembedding.in_features),
            ("output", layer.output, layer.columns.numel()),
        ):
            if says_its_matrix(module):
                if not _is_its_weight(module, random, tolerance):
                    raise UnsupportedArchitecture(
                        f"in layer {number} the projection of {what} computes something else than"
                        " its weight does (by an adapter or a hook)"
                    )
            elif not _is_a_matrix(module, inputs, dtype, random, tolerance):
                raise UnsupportedArchitecture(
                    f"in layer {number} the projection of {what} is not linear in what it reads"
                    " (by its adapter, or by rounding to very few bits)"
                )
    if not _is_its_weight(unembedding, random, tolerance):
        raise UnsupportedArchitecture(
            "its unembedding computes something else than its weight does (by an adapter or a hook)"
        )


def _is_its_weight(module: nn.Linear | Conv1D, random: torch.Generator, tolerance: float) -> bool:
    weight: Tensor = module.weight
    inputs = weight.shape[0] if isinstance(module, Conv1D) else weight.shape[1]
    x = torch.randn(2, inputs, generator=random).to(weight)
    nothing = module(torch.zeros_like(x))
    expected = x @ matrix(module, inputs, weight.dtype)
    if not bool(expected.isfinite().all()):
        return True  # weights that are no numbers are refused by their own names (model_files)
    difference = (module(x) - nothing - expected).float().norm()
    return bool(difference <= tolerance * (expected.float().norm() + nothing.float().norm()))


def _is_a_matrix(
    module: nn.Module,
    inputs: int,
    dtype: torch.dtype,
    random: torch.Generator,
    tolerance: float,
) -> bool:
    """Whether what it makes of a sum is the sum of what it makes of the parts."""
    if not all(is_plain(tensor) for tensor in tensors(module)):
        tolerance = max(tolerance, _ROUNDED)
    parts = torch.randn(2, inputs, generator=random)
    whole = 2 * parts[0] - parts[1] / 2
    x = torch.stack([torch.zeros(inputs), *parts, whole])
    zero, one, other, both = module(x.to(next(tensors(module)).device, dtype)).float()
    expected = 2 * (one - zero) - (other - zero) / 2
    if not bool(expected.isfinite().all()):
        return True  # as above
    difference = (both - zero - expected).norm()
    return bool(difference <= tolerance * (expected.norm() + zero.norm()))
