"""Which optimizer trains which weights of a reference model, and at what rate."""

from __future__ import annotations

import torch
from transformers import PreTrainedModel

from verify.reference.muon import Muon
from verify.reference.plan import Plan

VALUES_AND_OUTPUTS = ("v_proj.weight", "o_proj.weight")
"""How the names of the weights end that may have a rate of their own."""


def optimizers_of(model: PreTrainedModel, plan: Plan) -> list[tuple[torch.optim.Optimizer, float]]:
    """AdamW; where the plan has a rate for it, Muon for matrices of the layers.

    Args:
        model: the model; each of its weights goes to one optimizer.
        plan: the rates, as the change of a weight in one step is scaled at its highest.

    Returns:
        Each optimizer with its highest rate; where values and outputs are parts of matrices that
        Muon trains, they move at a share of it.
    """
    matrices: list[tuple[torch.nn.Parameter, tuple[float, ...]]] = []
    copying: list[torch.nn.Parameter] = []
    others: list[torch.nn.Parameter] = []
    for name, weight in model.named_parameters():
        inside = weight.ndim == 2 and (".layers." in name or ".h." in name)
        chosen = plan.matrices is None or name.endswith(plan.matrices)
        if plan.matrix_rate is not None and inside and chosen:
            slow = 1.0 if plan.copying_rate is None else plan.copying_rate / plan.matrix_rate
            mixed, output = ".c_attn." in name, name.endswith("attn.c_proj.weight")
            matrices.append((weight, (1.0, 1.0, slow) if mixed else (slow if output else 1.0,)))
        elif plan.copying_rate is not None and name.endswith(VALUES_AND_OUTPUTS):
            copying.append(weight)
        else:
            others.append(weight)

    def adam(weights: list[torch.nn.Parameter], rate: float, decay: float) -> torch.optim.AdamW:
        return torch.optim.AdamW(weights, lr=rate, betas=plan.betas, weight_decay=decay, fused=True)

    made: list[tuple[torch.optim.Optimizer, float]] = []
    if plan.matrix_rate is not None:
        made.append((Muon(matrices, plan.matrix_rate), plan.matrix_rate))
    made.append((adam(others, plan.learning_rate, plan.weight_decay), plan.learning_rate))
    if copying and plan.copying_rate is not None:
        made.append((adam(copying, plan.copying_rate, plan.copying_decay), plan.copying_rate))
    return made


def values_of(model: PreTrainedModel) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Where queries, keys and values are one matrix: the part of the values, and a copy of it."""
    parts = [
        weight.detach()[..., 2 * (weight.shape[-1] // 3) :]
        for name, weight in model.named_parameters()
        if ".c_attn." in name
    ]
    return [(part, part.clone()) for part in parts]
