"""Names the parts of a model, whatever its architecture calls them.

Weights-only measures and direct logit attribution need to know which matrix is which. This is the
one place that knows; an architecture that is not listed here is refused by name, never guessed.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel


class UnsupportedArchitecture(Exception):
    """The verifier cannot name the parts of this model."""


@dataclass(frozen=True)
class Family:
    """Attribute paths of one architecture, from the model or from a decoder block."""

    blocks: str
    final_norm: str
    attention: str
    attention_norm: str
    mlp: str
    mlp_norm: str
    output: str
    values: str
    layout: str
    """Where the value columns stand: ``separate``, ``qkv-thirds`` or ``qkv-by-head``."""


_LLAMA = Family(
    blocks="model.layers",
    final_norm="model.norm",
    attention="self_attn",
    attention_norm="input_layernorm",
    mlp="mlp",
    mlp_norm="post_attention_layernorm",
    output="o_proj",
    values="v_proj",
    layout="separate",
)
FAMILIES: dict[str, Family] = {
    "GPT2LMHeadModel": Family(
        blocks="transformer.h",
        final_norm="transformer.ln_f",
        attention="attn",
        attention_norm="ln_1",
        mlp="mlp",
        mlp_norm="ln_2",
        output="c_proj",
        values="c_attn",
        layout="qkv-thirds",
    ),
    "GPTNeoXForCausalLM": Family(
        blocks="gpt_neox.layers",
        final_norm="gpt_neox.final_layer_norm",
        attention="attention",
        attention_norm="input_layernorm",
        mlp="mlp",
        mlp_norm="post_attention_layernorm",
        output="dense",
        values="query_key_value",
        layout="qkv-by-head",
    ),
    "LlamaForCausalLM": _LLAMA,
    "MistralForCausalLM": _LLAMA,
    "Qwen2ForCausalLM": _LLAMA,
    "Qwen3ForCausalLM": _LLAMA,
}


class Anatomy:
    """The parts of one loaded model.

    Args:
        model: a causal language model of one of :data:`FAMILIES`.

    Raises:
        UnsupportedArchitecture: naming the architecture and those that are known.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        name = type(model).__name__
        if name not in FAMILIES:
            raise UnsupportedArchitecture(
                f"architecture {name} is not supported yet (supported: {', '.join(FAMILIES)})"
            )
        self.model = model
        self.architecture = name
        self._family = family = FAMILIES[name]
        self.blocks = list(_module_list(model, family.blocks))
        self.final_norm = model.get_submodule(family.final_norm)
        config = model.config
        self.layers = len(self.blocks)
        self.heads = int(config.num_attention_heads)
        self.kv_heads = int(getattr(config, "num_key_value_heads", None) or self.heads)
        self.width = int(config.hidden_size)
        self.context = int(config.max_position_embeddings)
        self.head_width = self.output_weight(0).shape[1]
        embedding = model.get_input_embeddings()
        unembedding = model.get_output_embeddings()
        if not isinstance(embedding, nn.Embedding) or not isinstance(unembedding, nn.Linear):
            raise UnsupportedArchitecture(f"{name} has no plain token embedding or unembedding")
        self.embedding = embedding
        self.unembedding = unembedding

    @property
    def device(self) -> torch.device:
        """Where the model's inputs go."""
        return self.embedding.weight.device

    @property
    def embedding_rows(self) -> int:
        """Token ids that the model knows; often more than the tokenizer has."""
        return self.embedding.num_embeddings

    def attention_norm(self, layer: int) -> nn.Module:
        """The norm through which the heads of a layer read the residual stream."""
        return self.blocks[layer].get_submodule(self._family.attention_norm)

    def output_weight(self, layer: int) -> Tensor:
        """W_O of all heads of a layer: [heads, head width, width]."""
        module = self.blocks[layer].get_submodule(f"{self._family.attention}.{self._family.output}")
        # GPT-2's Conv1D holds [in, out], nn.Linear holds [out, in]
        weight = _in_out(module)
        return weight.reshape(self.heads, -1, weight.shape[1])

    def value_weight(self, layer: int) -> Tensor:
        """W_V for each *query* head of a layer: [heads, width, head width].

        Under grouped-query attention the heads of a group share their matrix.
        """
        module = self.blocks[layer].get_submodule(f"{self._family.attention}.{self._family.values}")
        weight = _in_out(module)
        if self._family.layout == "qkv-thirds":
            weight = weight[:, 2 * self.width :]
        elif self._family.layout == "qkv-by-head":
            by_head = weight.reshape(self.width, self.heads, 3, self.head_width)
            return by_head[:, :, 2].permute(1, 0, 2)
        per_kv_head = weight.reshape(self.width, self.kv_heads, self.head_width).permute(1, 0, 2)
        return per_kv_head.repeat_interleave(self.heads // self.kv_heads, dim=0)

    @torch.no_grad()
    def first_mlp(self, tokens: Tensor) -> Tensor:
        """What the first MLP writes for a token alone: MLP0(norm(E(t))), [tokens, width].

        The first layer's attention and the position embedding are left out.
        """
        block = self.blocks[0]
        embedded = self.embedding(tokens)
        normed = block.get_submodule(self._family.mlp_norm)(embedded)
        written: Tensor = block.get_submodule(self._family.mlp)(normed)
        return written

    @torch.no_grad()
    def effective_embedding(self, tokens: Tensor) -> Tensor:
        """E(t) + MLP0(norm(E(t))): the token as the later layers see it, [tokens, width].

        Source: Wang et al. 2022, section 3.1; Gould et al. 2023, section 3 (effective OV circuit).
        """
        embedded: Tensor = self.embedding(tokens)
        return embedded + self.first_mlp(tokens)

    def through_final_norm(self, direction: Tensor) -> Tensor:
        """The linear part of the final norm, applied to vectors: [..., width] -> [..., width].

        Its scale depends on the input and is left out; for LayerNorm the mean is removed first.
        The bias is a constant that no head writes and is left out too.
        """
        if isinstance(self.final_norm, nn.LayerNorm):
            direction = direction - direction.mean(-1, keepdim=True)
        weight = self.final_norm.weight
        assert isinstance(weight, Tensor)
        return direction * weight

    def readout(self, direction: Tensor) -> Tensor:
        """Transpose of :meth:`through_final_norm`: what a logit direction reads before the norm.

        ``direction`` [..., width] is a difference of unembedding rows. For any residual x with
        norm scale s, ``readout(w) . x / s`` is that logit difference less the norm's bias.
        """
        weight = self.final_norm.weight
        assert isinstance(weight, Tensor)
        read = direction * weight
        if isinstance(self.final_norm, nn.LayerNorm):
            read = read - read.mean(-1, keepdim=True)
        return read

    def final_scale(self, residual: Tensor) -> Tensor:
        """The number the final norm divides by, for residual streams [..., width] -> [...]."""
        residual = residual.float()
        if isinstance(self.final_norm, nn.LayerNorm):
            return (residual.var(-1, unbiased=False) + self.final_norm.eps).sqrt()
        epsilon = float(getattr(self.final_norm, "variance_epsilon", 0.0))
        return (residual.pow(2).mean(-1) + epsilon).sqrt()


def _module_list(model: PreTrainedModel, path: str) -> nn.ModuleList:
    module = model.get_submodule(path)
    assert isinstance(module, nn.ModuleList)
    return module


def _in_out(module: nn.Module) -> Tensor:
    weight = module.weight
    assert isinstance(weight, Tensor)
    return weight.T if isinstance(module, nn.Linear) else weight
