"""Architectures that the engine refuses, so that the reason can be tested and shown."""

from __future__ import annotations

from verify.architectures.configurations import (
    EXPERTS,
    GPT2_LIKE,
    LAYERS,
    OPT_LIKE,
    PLAIN,
    ROUTED_EXPERTS,
    WIDTH,
    Architecture,
    llama_like,
)

NOT_MEASURED: tuple[Architecture, ...] = (
    llama_like(
        "deepseek_v3",
        "DeepseekV3Config",
        "latent attention",
        q_lora_rank=8,
        kv_lora_rank=8,
        qk_nope_head_dim=8,
        qk_rope_head_dim=8,
        v_head_dim=8,
        num_key_value_heads=4,
        **ROUTED_EXPERTS,
    ),
    llama_like(
        "qwen3_next",
        "Qwen3NextConfig",
        "gated attention, linear attention",
        head_dim=8,
        linear_num_value_heads=4,
        linear_num_key_heads=2,
        linear_key_head_dim=8,
        linear_value_head_dim=8,
        layer_types=["linear_attention", "linear_attention", "full_attention"],
        shared_expert_intermediate_size=24,
        **EXPERTS,
    ),
    llama_like(
        "lfm2",
        "Lfm2Config",
        "convolutions",
        layer_types=["conv", "full_attention", "conv"],
        block_auto_adjust_ff_dim=False,
    ),
    Architecture(
        "opt_350m",
        "OPTConfig",
        {**OPT_LIKE, "do_layer_norm_before": False},
        "the stream itself is normed",
    ),
    Architecture("openai-gpt", "OpenAIGPTConfig", GPT2_LIKE, "the stream itself is normed"),
    Architecture("bert", "BertConfig", {**PLAIN, "is_decoder": False}, "looks both ways"),
    Architecture(
        "mamba",
        "MambaConfig",
        {"hidden_size": WIDTH, "state_size": 4, "num_hidden_layers": LAYERS},
        "no attention",
    ),
)
