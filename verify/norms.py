"""What a norm does to a direction, found by its values and not by its class.

LayerNorm, RMSNorm and their relatives (gains stored as they are, or less one; gains that a class
holds fixed at one) all compute ``(x - m) / s * gain + bias`` with m the mean or nothing. Which of
them a module is decides how what a head writes reaches the logits, so it is measured: the formula
is compared with the module on inputs of several sizes, the nearest combination is taken, and a
module that none comes near to is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

_EPSILONS = (1e-5, 1e-6, 1e-8, 1e-12, 0.0)


class NotANorm(Exception):
    """The module computes neither LayerNorm nor RMSNorm."""


@dataclass(frozen=True)
class Norm:
    """The parts of ``(x - m) / s * gain + bias``; gain and bias are [width]."""

    gain: Tensor
    bias: Tensor | None
    centred: bool
    """Whether the mean over the width is removed first (LayerNorm)."""
    epsilon: float

    def scale(self, x: Tensor) -> Tensor:
        """The number s that inputs [..., width] are divided by: [...], float32."""
        x = x.float()
        if self.centred:
            return (x.var(-1, unbiased=False) + self.epsilon).sqrt()
        return (x.pow(2).mean(-1) + self.epsilon).sqrt()

    def linear(self, direction: Tensor) -> Tensor:
        """The linear part without scale and bias, applied to vectors [..., width]."""
        if self.centred:
            direction = direction - direction.mean(-1, keepdim=True)
        return direction * self.gain

    def transposed(self, direction: Tensor) -> Tensor:
        """Transpose of :meth:`linear`: what a later direction reads before the norm."""
        read = direction * self.gain
        if self.centred:
            read = read - read.mean(-1, keepdim=True)
        return read

    def apply(self, x: Tensor) -> Tensor:
        """The whole norm, [..., width] -> [..., width]."""
        normed = self.linear(x.float()) / self.scale(x)[..., None]
        return normed if self.bias is None else normed + self.bias


@torch.no_grad()
def norm_of(module: nn.Module, width: int, like: Tensor) -> Norm:
    """Find the parts of a norm.

    Args:
        module: the norm.
        width: of the residual stream.
        like: a tensor whose device and dtype the norm's inputs have.

    Raises:
        NotANorm: if no combination of gain, bias, mean and epsilon computes what the module does.
    """
    random = torch.Generator().manual_seed(0)
    drawn = torch.randn(3, width, generator=random) + 0.5
    # large, usual and so small that the epsilon shows
    probe = (drawn * torch.tensor([[8.0], [1.0], [2e-3]])).to(like)
    wanted = module(probe)
    if not isinstance(wanted, Tensor) or wanted.shape != probe.shape:
        raise NotANorm(f"{type(module).__name__} does not keep the shape of its input")
    tolerance = 1e-4 if like.dtype == torch.float32 else 3e-2
    # channel by channel: one with a huge gain says nothing about what is exact in the others
    largest = wanted.float().abs().amax(0).clamp(min=1e-12)
    best: tuple[float, Norm] | None = None
    for candidate in _candidates(module, width, like):
        apart = (candidate.apply(probe) - wanted.float()).abs().amax(0)
        error = float((apart / largest).square().mean().sqrt())
        near = bool((apart <= tolerance * largest.clamp(min=1.0)).all())
        if near and (best is None or error < best[0]):
            best = error, candidate
    if best is None:
        raise NotANorm(f"{type(module).__name__} is neither a LayerNorm nor an RMSNorm")
    return best[1]


def _candidates(module: nn.Module, width: int, like: Tensor) -> Iterator[Norm]:
    weight = getattr(module, "weight", None)
    ones = torch.ones(width, device=like.device, dtype=like.dtype)
    gains = [ones]
    if isinstance(weight, Tensor) and weight.shape == (width,):
        # a sum that the module itself takes in float32
        gains = [weight.detach(), 1.0 + weight.detach().float(), ones]
    bias = getattr(module, "bias", None)
    known = (getattr(module, name, None) for name in ("eps", "variance_epsilon", "epsilon"))
    epsilons = [float(value) for value in known if isinstance(value, int | float)]
    for gain in gains:
        for centred in (True, False):
            for epsilon in dict.fromkeys((*epsilons, *_EPSILONS)):
                yield Norm(
                    gain, bias.detach() if isinstance(bias, Tensor) else None, centred, epsilon
                )
