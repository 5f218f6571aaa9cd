"""Tiny models of the architectures that the engine is tested on, untrained.

Each is the smallest model that still has what makes its architecture special: groups of heads that
share keys and values, one key-value head for all, linear biases for positions, a window, a cap on
scores or logits, sink logits, parallel blocks, norms after attention, mixtures of experts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
import transformers
from transformers import AutoModelForCausalLM, PreTrainedModel

VOCABULARY, WIDTH, HEADS, LAYERS = 61, 32, 4, 3
_LLAMA_LIKE: Mapping[str, Any] = {
    "hidden_size": WIDTH,
    "intermediate_size": 48,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
}
_PLAIN = {key: value for key, value in _LLAMA_LIKE.items() if key != "num_key_value_heads"}
_GPT2_LIKE: Mapping[str, Any] = {
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


def _llama(name: str, config: str, traits: str = "grouped-query", **more: Any) -> Architecture:
    return Architecture(name, config, {**_LLAMA_LIKE, **more}, traits)


_EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 24}

ARCHITECTURES: tuple[Architecture, ...] = (
    Architecture("gpt2", "GPT2Config", _GPT2_LIKE, "learned positions"),
    Architecture(
        "gpt_bigcode", "GPTBigCodeConfig", {**_GPT2_LIKE, "multi_query": True}, "multi-query"
    ),
    Architecture("gptj", "GPTJConfig", {**_GPT2_LIKE, "rotary_dim": 4}, "parallel block"),
    Architecture("codegen", "CodeGenConfig", {**_GPT2_LIKE, "rotary_dim": 4}, "parallel block"),
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
    Architecture("gpt_neox", "GPTNeoXConfig", _PLAIN, "parallel block"),
    Architecture(
        "gpt_neox_serial",
        "GPTNeoXConfig",
        {**_PLAIN, "use_parallel_residual": False},
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
        "falcon", "FalconConfig", {**_PLAIN, "multi_query": True}, "multi-query, parallel block"
    ),
    Architecture(
        "falcon_40b",
        "FalconConfig",
        {**_PLAIN, "new_decoder_architecture": True, "num_kv_heads": 2},
        "grouped-query, two norms",
    ),
    Architecture(
        "falcon_rw",
        "FalconConfig",
        {**_PLAIN, "multi_query": False, "alibi": True, "parallel_attn": False, "bias": True},
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
        {
            "hidden_size": WIDTH,
            "ffn_dim": 48,
            "num_hidden_layers": LAYERS,
            "num_attention_heads": HEADS,
            "max_position_embeddings": 64,
            "word_embed_proj_dim": WIDTH,
        },
        "learned positions",
    ),
    Architecture("biogpt", "BioGptConfig", _PLAIN, "learned positions"),
    _llama("llama", "LlamaConfig"),
    _llama("mistral", "MistralConfig", "grouped-query, sliding window", sliding_window=4),
    _llama("ministral", "MinistralConfig", "grouped-query, window", head_dim=8, sliding_window=4),
    _llama(
        "mixtral",
        "MixtralConfig",
        "grouped-query, experts",
        num_local_experts=4,
        num_experts_per_tok=2,
    ),
    _llama("qwen2", "Qwen2Config", "grouped-query, value biases"),
    _llama(
        "qwen2_moe",
        "Qwen2MoeConfig",
        "experts, one of them shared",
        shared_expert_intermediate_size=24,
        **_EXPERTS,
    ),
    _llama("qwen3", "Qwen3Config", "grouped-query, normed queries and keys", head_dim=8),
    _llama("qwen3_moe", "Qwen3MoeConfig", "grouped-query, experts", head_dim=8, **_EXPERTS),
    _llama(
        "gemma", "GemmaConfig", "multi-query, scaled embedding", head_dim=8, num_key_value_heads=1
    ),
    _llama(
        "gemma2",
        "Gemma2Config",
        "soft caps, norms after attention, window",
        head_dim=8,
        sliding_window=4,
        attn_logit_softcapping=2.0,
        final_logit_softcapping=4.0,
    ),
    _llama(
        "gemma3",
        "Gemma3TextConfig",
        "norms after attention, window",
        head_dim=8,
        sliding_window=4,
        layer_types=["sliding_attention", "sliding_attention", "full_attention"],
    ),
    _llama("phi", "PhiConfig", "parallel block, unembedding bias"),
    _llama("phi3", "Phi3Config", "fused queries, keys and values"),
    _llama("phimoe", "PhimoeConfig", "experts", num_local_experts=4, num_experts_per_tok=2),
    _llama("stablelm", "StableLmConfig", "grouped-query"),
    _llama("stablelm_parallel", "StableLmConfig", "parallel block", use_parallel_residual=True),
    _llama("starcoder2", "Starcoder2Config", "grouped-query, biases", sliding_window=4),
    _llama(
        "granite",
        "GraniteConfig",
        "multipliers everywhere",
        embedding_multiplier=3.0,
        residual_multiplier=0.4,
        attention_multiplier=0.3,
        logits_scaling=2.5,
    ),
    _llama(
        "granitemoe",
        "GraniteMoeConfig",
        "multipliers, experts",
        num_local_experts=4,
        num_experts_per_tok=2,
        residual_multiplier=0.4,
    ),
    _llama("cohere", "CohereConfig", "parallel block, logit scale", logit_scale=0.2),
    _llama(
        "cohere2",
        "Cohere2Config",
        "parallel block, logit scale, window",
        logit_scale=0.2,
        sliding_window=4,
    ),
    _llama("olmo", "OlmoConfig", "norms without gains, clipped values", clip_qkv=8.0),
    _llama("olmo2", "Olmo2Config", "norms after attention only"),
    _llama("olmo3", "Olmo3Config", "norms after attention only, window", sliding_window=4),
    _llama("olmoe", "OlmoeConfig", "experts", num_experts=4, num_experts_per_tok=2),
    _llama("glm", "GlmConfig", "half of each head rotary", head_dim=8),
    _llama("glm4", "Glm4Config", "norms before and after attention", head_dim=8),
    _llama("nemotron", "NemotronConfig", "norm gains less one", head_dim=8),
    _llama("smollm3", "SmolLM3Config", "some layers without positions"),
    _llama(
        "gpt_oss",
        "GptOssConfig",
        "sink logits, experts, window",
        head_dim=8,
        sliding_window=4,
        num_local_experts=4,
        num_experts_per_tok=2,
    ),
    _llama("helium", "HeliumConfig", "grouped-query", head_dim=8),
    _llama("persimmon", "PersimmonConfig", "squared activations"),
    _llama("ernie4_5", "Ernie4_5Config", "grouped-query", head_dim=8),
    _llama("exaone4", "Exaone4Config", "norms after attention only, window", sliding_window=4),
    _llama("apertus", "ApertusConfig", "normed queries and keys"),
    _llama("arcee", "ArceeConfig", "squared activations", head_dim=8),
    _llama("hunyuan_v1_dense", "HunYuanDenseV1Config", "normed queries and keys", head_dim=8),
    _llama("seed_oss", "SeedOssConfig", "grouped-query", head_dim=8),
    _llama(
        "dots1",
        "Dots1Config",
        "experts",
        head_dim=8,
        n_routed_experts=4,
        n_shared_experts=1,
        num_experts_per_tok=2,
        moe_intermediate_size=24,
        n_group=1,
        topk_group=1,
        first_k_dense_replace=1,
    ),
    # refused, with the reason
    _llama(
        "deepseek_v3",
        "DeepseekV3Config",
        "latent attention",
        q_lora_rank=8,
        kv_lora_rank=8,
        qk_nope_head_dim=8,
        qk_rope_head_dim=8,
        v_head_dim=8,
        num_key_value_heads=4,
        n_routed_experts=4,
        num_experts_per_tok=2,
        moe_intermediate_size=24,
        n_group=1,
        topk_group=1,
        first_k_dense_replace=1,
    ),
    _llama(
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
        **_EXPERTS,
    ),
    _llama(
        "lfm2",
        "Lfm2Config",
        "convolutions",
        layer_types=["conv", "full_attention", "conv"],
        block_auto_adjust_ff_dim=False,
    ),
    Architecture(
        "opt_350m",
        "OPTConfig",
        {
            "hidden_size": WIDTH,
            "ffn_dim": 48,
            "num_hidden_layers": LAYERS,
            "num_attention_heads": HEADS,
            "max_position_embeddings": 64,
            "word_embed_proj_dim": WIDTH,
            "do_layer_norm_before": False,
        },
        "the stream itself is normed",
    ),
    Architecture("openai-gpt", "OpenAIGPTConfig", _GPT2_LIKE, "the stream itself is normed"),
    Architecture("bert", "BertConfig", {**_PLAIN, "is_decoder": False}, "looks both ways"),
    Architecture(
        "mamba",
        "MambaConfig",
        {"hidden_size": WIDTH, "state_size": 4, "num_hidden_layers": LAYERS},
        "no attention",
    ),
)
REFUSED = ("deepseek_v3", "qwen3_next", "lfm2", "opt_350m", "openai-gpt", "bert", "mamba")


def tiny_model(architecture: Architecture) -> PreTrainedModel:
    """The model, with weights large enough for its heads to differ and with norms of its own.

    Raises:
        LookupError: if the installed transformers does not have the architecture.
    """
    config_class = getattr(transformers, architecture.config, None)
    if config_class is None:
        raise LookupError(f"transformers {transformers.__version__} has no {architecture.config}")
    config = config_class(vocab_size=VOCABULARY, **architecture.settings)
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
