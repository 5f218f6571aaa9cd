"""Architectures that name and compute things in a way of their own, mostly from before Llama."""

from __future__ import annotations

from verify.architectures.configurations import (
    GPT2_LIKE,
    HEADS,
    LAYERS,
    OPT_LIKE,
    PLAIN,
    WIDTH,
    Architecture,
)

OTHERS: tuple[Architecture, ...] = (
    Architecture("gpt2", "GPT2Config", GPT2_LIKE, "learned positions"),
    Architecture(
        "gpt_bigcode", "GPTBigCodeConfig", {**GPT2_LIKE, "multi_query": True}, "multi-query"
    ),
    Architecture("gptj", "GPTJConfig", {**GPT2_LIKE, "rotary_dim": 4}, "parallel block"),
    Architecture("codegen", "CodeGenConfig", {**GPT2_LIKE, "rotary_dim": 4}, "parallel block"),
    Architecture(
        "gpt_neo",
        "GPTNeoConfig",
        {
            "hidden_size": WIDTH,
            "num_layers": 4,
            "num_heads": HEADS,
            "attention_types": [[["global", "local"], 2]],
            "window_size": 4,
            "max_position_embeddings": 64,
        },
        "every other layer a window, unscaled scores",
    ),
    Architecture("gpt_neox", "GPTNeoXConfig", PLAIN, "parallel block"),
    Architecture(
        "gpt_neox_serial",
        "GPTNeoXConfig",
        {**PLAIN, "use_parallel_residual": False},
        "rotary positions",
    ),
    Architecture(
        "bloom", "BloomConfig", {"hidden_size": WIDTH, "n_layer": LAYERS, "n_head": HEADS}, "ALiBi"
    ),
    Architecture(
        "mpt",
        "MptConfig",
        {"d_model": WIDTH, "n_layers": LAYERS, "n_heads": HEADS, "max_seq_len": 64},
        "ALiBi",
    ),
    Architecture(
        "falcon", "FalconConfig", {**PLAIN, "multi_query": True}, "multi-query, parallel block"
    ),
    Architecture(
        "falcon_40b",
        "FalconConfig",
        {**PLAIN, "new_decoder_architecture": True, "num_kv_heads": 2},
        "grouped-query, two norms",
    ),
    Architecture(
        "falcon_rw",
        "FalconConfig",
        {**PLAIN, "multi_query": False, "alibi": True, "parallel_attn": False, "bias": True},
        "ALiBi",
    ),
    Architecture(
        "xglm",
        "XGLMConfig",
        {
            "d_model": WIDTH,
            "num_layers": LAYERS,
            "attention_heads": HEADS,
            "ffn_dim": 48,
            "max_position_embeddings": 64,
        },
        "sinusoidal positions",
    ),
    Architecture(
        "opt",
        "OPTConfig",
        OPT_LIKE,
        "learned positions",
    ),
    Architecture("biogpt", "BioGptConfig", PLAIN, "learned positions"),
)
