"""What a probe finds: the parts of each layer, and of the model."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from verify.listening import Scores
from verify.norms import Norm


class UnsupportedArchitecture(Exception):
    """The model cannot be measured whole; the text says which part and why."""


@dataclass(frozen=True)
class LayerParts:
    """The parts of one layer."""

    block: nn.Module
    attention: nn.Module
    read_norm: nn.Module | None
    """Through which the heads read the residual stream; None if they read it as it is."""
    values: nn.Module
    columns: Tensor
    """Which outputs of ``values`` are the values of each query head: [heads, head width]."""
    output: nn.Module
    post_norm: Norm | None
    """Through which the output projection writes, in architectures that norm after attention."""
    multiplier: float
    """By which the attention's output is multiplied before it joins the residual stream."""
    plain_scale: float | None
    """What scores are multiplied by where attention is plain softmax over keys; None where it is
    not (or not known to be), so that the architecture's own function has to compute it."""
    scores: Scores | None
    """How scores come about in a module that is heard through a cache; None in any other."""
    mlp: nn.Module | None
    """What else writes to the residual stream in this block."""
    mlp_multiplier: float


@dataclass(frozen=True)
class Parts:
    """The parts of a model."""

    layers: tuple[LayerParts, ...]
    interface: bool
    """Whether attention is read through transformers' interface, or else through hooks."""
    heads: int
    kv_heads: int
    head_width: int
    width: int
    final_norm: nn.Module
    final: Norm
    logit_scale: float
    logit_cap: float | None
    """c where logits are c tanh(logit / c) (Gemma 2); attributions are of the logit before it."""
    clipped: float | None
    """c where values are cut to -c .. c (OLMo, MPT): what they are is then not linear."""
    embedding_scale: float | None
    """What the residual stream starts with, in embeddings; None where it is no multiple."""
