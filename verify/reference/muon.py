"""Muon: momentum whose step is orthogonalized, for the matrices between embedding and logits.

Source: Jordan et al. 2024 (Muon), the coefficients of its Newton-Schulz iteration included; the
scale that makes a step as large as AdamW's: Liu et al. 2025. torch's own works in bfloat16, which
processors without instructions for it emulate at a fraction of the speed of single precision.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5
MOMENTUM = 0.95
SCALE = 0.2


def orthogonalized(matrices: torch.Tensor) -> torch.Tensor:
    """The nearest semi-orthogonal matrices, roughly: singular values between 0.7 and 1.2.

    Args:
        matrices: [..., rows, columns].
    """
    a, b, c = COEFFICIENTS
    wide = matrices.shape[-2] <= matrices.shape[-1]
    x = matrices if wide else matrices.mT
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(ITERATIONS):
        square = x @ x.mT
        x = a * x + (b * square + c * square @ square) @ x
    result: torch.Tensor = x if wide else x.mT
    return result


class Muon(torch.optim.Optimizer):
    """One learning rate; matrices that hold several side by side are taken apart.

    Args:
        parameters: pairs of a matrix and, for each of those that it holds along its columns, the
            share of the learning rate that it is trained with.
        learning_rate: as for AdamW.
    """

    def __init__(
        self, parameters: Iterable[tuple[torch.nn.Parameter, Sequence[float]]], learning_rate: float
    ) -> None:
        groups = [{"params": [matrix], "shares": list(shares)} for matrix, shares in parameters]
        super().__init__(groups, {"lr": learning_rate, "shares": [1.0]})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]  # noqa: ARG002
        """One step, on the matrices that have a gradient."""
        for group in self.param_groups:
            (weight,) = group["params"]
            if weight.grad is None:
                continue
            state = self.state[weight]
            if "momentum" not in state:
                state["momentum"] = torch.zeros_like(weight)
            state["momentum"].lerp_(weight.grad, 1 - MOMENTUM)
            update = weight.grad.lerp(state["momentum"], MOMENTUM)  # Nesterov's
            shares = group["shares"]
            parts = torch.stack(update.chunk(len(shares), dim=-1))
            longer = max(parts.shape[-2:])
            steps = zip(shares, orthogonalized(parts), strict=True)
            step = torch.cat([share * part for share, part in steps], dim=-1)
            weight.add_(step, alpha=-group["lr"] * SCALE * longer**0.5)
