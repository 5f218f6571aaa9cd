"""How wrong a model in training is about the tokens that are asked for."""

from __future__ import annotations

import torch
from transformers import PreTrainedModel


def predictions(
    model: PreTrainedModel, tokens: torch.Tensor, asked: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Cross-entropy in nats, and whether the guess was right, of the tokens that are asked for.

    Args:
        model: the model.
        tokens: [documents, tokens].
        asked: [documents, tokens - 1]; whether the token after each is asked for. The logits of
            others are not computed.
    """
    hidden = model.base_model(input_ids=tokens, use_cache=False).last_hidden_state
    logits = model.get_output_embeddings()(hidden[:, :-1][asked])
    wanted = tokens[:, 1:][asked]
    losses = torch.nn.functional.cross_entropy(logits, wanted, reduction="none")
    return losses, logits.detach().argmax(-1) == wanted


def mean_loss(losses: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Mean of the losses by weight; 0 if there are none."""
    return (losses * weights).sum() / weights.sum().clamp(min=1e-6)
