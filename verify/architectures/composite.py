"""Models that read images, too: their configuration holds one of the part that reads text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from verify.architectures.configurations import LLAMA_LIKE, VOCABULARY, Architecture

IMAGES: Mapping[str, Any] = {
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "image_size": 8,
    "patch_size": 4,
}
"""Sizes of a part that reads images."""

_TEXT: Mapping[str, Any] = {**LLAMA_LIKE, "vocab_size": VOCABULARY}

BESIDE_IMAGES: tuple[Architecture, ...] = (
    Architecture(
        "gemma3_images",
        "Gemma3Config",
        {
            "text_config": {
                **_TEXT,
                "head_dim": 8,
                "sliding_window": 4,
                "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
            },
            "vision_config": {**IMAGES, "model_type": "siglip_vision_model"},
            "mm_tokens_per_image": 4,
        },
        "the text part of a model that reads images, window",
    ),
    Architecture(
        "fuyu",
        "FuyuConfig",
        {**LLAMA_LIKE, "text_config": {**_TEXT, "model_type": "persimmon"}},
        "the text part of a model that reads images",
    ),
)
