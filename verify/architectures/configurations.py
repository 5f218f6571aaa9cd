"""What a tiny configuration is, and the settings that many share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

VOCABULARY, WIDTH, HEADS, LAYERS = 61, 32, 4, 3
LLAMA_LIKE: Mapping[str, Any] = {
    "hidden_size": WIDTH,
    "intermediate_size": 48,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
}
PLAIN = {key: value for key, value in LLAMA_LIKE.items() if key != "num_key_value_heads"}
GPT2_LIKE: Mapping[str, Any] = {
    "n_positions": 64,
    "n_embd": WIDTH,
    "n_layer": LAYERS,
    "n_head": HEADS,
}


@dataclass(frozen=True)
class Architecture:
    """A tiny configuration of one architecture."""

    name: str
    config: str
    """Class of the configuration in transformers."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    traits: str = ""
    """What is special about it."""


def llama_like(name: str, config: str, traits: str = "grouped-query", **more: Any) -> Architecture:
    """A configuration that names its sizes as Llama does."""
    return Architecture(name, config, {**LLAMA_LIKE, **more}, traits)


OPT_LIKE: Mapping[str, Any] = {
    "hidden_size": WIDTH,
    "ffn_dim": 48,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "max_position_embeddings": 64,
    "word_embed_proj_dim": WIDTH,
}
EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 24}
ROUTED_EXPERTS = {
    "n_routed_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 24,
    "n_group": 1,
    "topk_group": 1,
    "first_k_dense_replace": 1,
}
"""The same in the names of DeepSeek, with a first layer that has none."""
