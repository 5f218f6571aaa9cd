"""Tiny models of the architectures that the engine is tested on, untrained.

Each is the smallest model that still has what makes its architecture special: groups of heads that
share keys and values, one key-value head for all, linear biases for positions, a window, a cap on
scores or logits, sink logits, parallel blocks, norms after attention, mixtures of experts.
"""

from __future__ import annotations

import torch
import transformers
from transformers import AutoModelForCausalLM, PreTrainedModel

from verify.architectures.composite import BESIDE_IMAGES
from verify.architectures.configurations import VOCABULARY, Architecture
from verify.architectures.llama_like import NAMED_AS_LLAMA
from verify.architectures.older import OTHERS
from verify.architectures.refused import NOT_MEASURED

__all__ = ["ARCHITECTURES", "REFUSED", "Architecture", "tiny_model"]

ARCHITECTURES = (*OTHERS, *NAMED_AS_LLAMA, *BESIDE_IMAGES, *NOT_MEASURED)
REFUSED = tuple(architecture.name for architecture in NOT_MEASURED)


def tiny_model(architecture: Architecture) -> PreTrainedModel:
    """The model, with weights large enough for its heads to differ and with norms of its own.

    Raises:
        LookupError: if the installed transformers does not have the architecture.
    """
    config_class = getattr(transformers, architecture.config, None)
    if config_class is None:
        raise LookupError(f"transformers {transformers.__version__} has no {architecture.config}")
    settings = architecture.settings
    if "text_config" not in settings:  # where the vocabulary of such a model is
        settings = {"vocab_size": VOCABULARY, **settings}
    config = config_class(**settings)
    model: PreTrainedModel = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.ndim == 1 and "bias" not in name:
                parameter.add_(0.3 * noise)
            else:
                parameter.copy_(0.25 * noise)
    model.eval()
    return model
