"""What a training run starts from: the untrained model, and how it reads text."""

from __future__ import annotations

import numpy as np
import torch
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
)

from verify.reference.lists import World
from verify.reference.mixtures import MIXTURES, OF_POOL
from verify.reference.plan import PLANS, Plan
from verify.reference.tokenizer import BytePairEncoding, Encoding, WordEncoding
from verify.reference.world import Documents

ENCODING_DOCUMENTS = {
    "indirect-object": 300,
    "years": 400,
    "facts": 240,
    "series": 120,
    "recall": 120,
}
OTHER_ENCODING_DOCUMENTS = 60
"""Documents of each kind of text that byte pairs are learned from. Names, numbers and members of
series come often enough to be whole; half of the words of the world are split."""
EMBEDDING_SCALE = 0.02
"""Standard deviation that weights are drawn with."""


def new_model(plan: Plan, encoding: Encoding) -> PreTrainedModel:
    """The untrained model.

    Raises:
        ValueError: no such family.
    """
    torch.manual_seed(plan.seed)
    config: LlamaConfig | GPT2Config
    if plan.family == "llama":
        config = LlamaConfig(
            vocab_size=len(encoding),
            hidden_size=plan.width,
            intermediate_size=plan.mlp_width,
            num_hidden_layers=plan.layers,
            num_attention_heads=plan.heads,
            num_key_value_heads=plan.key_value_heads,
            head_dim=plan.head_width,
            max_position_embeddings=plan.context,
            tie_word_embeddings=False,
            bos_token_id=encoding.bos,
            eos_token_id=None,
            pad_token_id=encoding.pad,
            initializer_range=EMBEDDING_SCALE,
            use_cache=True,
        )
        config._attn_implementation = "sdpa"
        llama = LlamaForCausalLM(config)
        with torch.no_grad():
            llama.model.embed_tokens.weight.mul_(plan.embedding_scale / EMBEDDING_SCALE)
        return llama
    if plan.family == "gpt2":
        config = GPT2Config(
            vocab_size=len(encoding),
            n_positions=plan.context,
            n_embd=plan.width,
            n_layer=plan.layers,
            n_head=plan.heads,
            n_inner=plan.mlp_width,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            tie_word_embeddings=False,
            bos_token_id=encoding.bos,
            eos_token_id=None,
            pad_token_id=encoding.pad,
        )
        config._attn_implementation = "sdpa"
        gpt2 = GPT2LMHeadModel(config)
        with torch.no_grad():
            gpt2.transformer.wte.weight.mul_(plan.embedding_scale / EMBEDDING_SCALE)
            if plan.position_waves is not None:
                gpt2.transformer.wpe.weight.copy_(
                    plan.position_waves * waves(plan.context, plan.width)
                )
        return gpt2
    raise ValueError(f"no plan for the family {plan.family!r}; known are {', '.join(PLANS)}")


def waves(positions: int, width: int) -> torch.Tensor:
    """Sines and cosines of the position (Vaswani et al. 2017, section 3.5): [positions, width]."""
    rates = 10_000.0 ** -(torch.arange(0, width, 2) / width)
    angles = torch.arange(positions)[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)


def new_encoding(plan: Plan, world: World) -> Encoding:
    """How the model reads text: GPT-2's pairs are learned from documents of the generator."""
    words = WordEncoding(world.vocabulary)
    if plan.family == "llama":
        return words
    docs, rng = Documents(world, words), np.random.default_rng(plan.seed)
    kinds = sorted(set(MIXTURES["later"]) - OF_POOL)
    return BytePairEncoding.learned(
        [
            docs.document(rng, kind, plan.context).words[1:]
            for kind in kinds
            for _ in range(ENCODING_DOCUMENTS.get(kind, OTHER_ENCODING_DOCUMENTS))
        ]
    )
