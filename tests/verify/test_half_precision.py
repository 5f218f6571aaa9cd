"""Half precision rounds coarsely: norms, factors and attention are read through it."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from transformers import Gemma2Config, GemmaConfig, GptOssConfig, GraniteConfig
from transformers.models.gemma2.modeling_gemma2 import Gemma2Attention, Gemma2RMSNorm
from transformers.models.gpt_oss.modeling_gpt_oss import GptOssAttention
from transformers.models.llama.modeling_llama import LlamaRMSNorm

from verify.attention import Call, OwnAttention
from verify.norms import norm_of
from verify.probing.seen import known_number

WIDTH = 64


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("largest", [1.0, 40.0, 150.0, 400.0])
@pytest.mark.parametrize("family", ["one plus weight", "weight"])
def test_one_huge_channel_does_not_hide_how_gains_are_stored(
    dtype: torch.dtype, largest: float, family: str
) -> None:
    module: nn.Module = Gemma2RMSNorm(WIDTH) if family == "one plus weight" else LlamaRMSNorm(WIDTH)
    weight = 0.3 * torch.randn(WIDTH, generator=torch.Generator().manual_seed(0)) + 0.1
    weight[0] = largest
    module.load_state_dict({"weight": weight})
    module = module.to(dtype)
    stored = module.weight.detach().float()  # type: ignore[operator, union-attr]
    found = norm_of(module, WIDTH, torch.zeros(1, dtype=dtype))
    expected = 1 + stored if family == "one plus weight" else stored
    torch.testing.assert_close(found.gain.float(), expected)
    assert not found.centred


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_layer_norms_keep_their_mean_and_bias(dtype: torch.dtype) -> None:
    module = nn.LayerNorm(WIDTH)
    with torch.no_grad():
        module.weight.normal_().mul_(3)
        module.bias.normal_().mul_(20)
    found = norm_of(module.to(dtype), WIDTH, torch.zeros(1, dtype=dtype))
    assert found.centred
    assert torch.equal(found.gain, module.weight)


def test_measured_factors_stand_for_factors_only() -> None:
    gemma = GemmaConfig(hidden_size=2560, initializer_range=0.02)
    # the embedding scale of this width in bfloat16, one percent from 1 / 0.02
    assert known_number(gemma, 50.5, 0.03 * 50.5) == 50.5
    granite = GraniteConfig(embedding_multiplier=12.0, logits_scaling=8.0, residual_multiplier=0.22)
    assert known_number(granite, 12.001, 0.01) == 12.0
    assert known_number(granite, 0.12499, 1e-4) == 0.125
    assert known_number(granite, 0.2201, 1e-3) == 0.22
    assert known_number(granite, 0.9999, 1e-3) == 1.0


SIZES = {
    "hidden_size": 32,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "num_hidden_layers": 1,
}


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", ["gemma2", "gpt_oss"])
def test_rows_of_capped_or_sinking_attention_are_exact(name: str, dtype: torch.dtype) -> None:
    """Soft caps and sink logits by their formulas, in float32, on the rounded queries and keys."""
    random = torch.Generator().manual_seed(0)
    if name == "gemma2":
        config = Gemma2Config(**SIZES, attn_logit_softcapping=5.0)
        module: nn.Module = Gemma2Attention(config, 0)
    else:
        module = GptOssAttention(GptOssConfig(**SIZES), 0)
        with torch.no_grad():
            module.sinks.normal_(generator=random)  # type: ignore[operator, union-attr]
    module = module.to(dtype).eval()
    query = (3 * torch.randn(2, 4, 11, 8, generator=random)).to(dtype)
    key, value = (torch.randn(2, 2, 11, 8, generator=random).to(dtype) for _ in range(2))
    options = {"scaling": 0.5, "dropout": 0.0}
    if name == "gemma2":
        options["softcap"] = 5.0
    call = Call(module, query, key, value, None, options)
    scores = query.float() @ key.float().repeat_interleave(2, dim=1).mT * 0.5
    if name == "gemma2":
        scores = 5.0 * torch.tanh(scores / 5.0)
    hidden = torch.ones(11, 11, dtype=torch.bool).triu(1)
    scores = scores.masked_fill(hidden, float("-inf"))
    if name == "gpt_oss":
        sinks = module.sinks.float()[None, :, None, None].expand(2, 4, 11, 1)  # type: ignore[operator, union-attr]
        scores = torch.cat([scores, sinks], dim=-1)
    expected = scores.softmax(-1)[..., :11]
    read = OwnAttention(call)
    assert read.z.dtype == dtype  # what the layer gives out stays what the model computes
    rows = torch.tensor([0, 4, 10])
    with torch.no_grad():
        made = read.rows(1, rows, 11)
        torch.testing.assert_close(made, expected[1][:, rows], atol=1e-5, rtol=0)
        index, at = torch.tensor([0, 1, 1]), torch.tensor([3, 4, 10])
        entries = read.entries(index, at, torch.tensor([2, 4, 0]))
        torch.testing.assert_close(
            entries, expected[index, :, at, torch.tensor([2, 4, 0])], atol=1e-5, rtol=0
        )
