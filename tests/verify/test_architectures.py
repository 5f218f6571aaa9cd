"""Every architecture of the table is measured exactly, or refused by name with the reason."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from transformers import PreTrainedModel
from typer.testing import CliRunner

from catalog.commands.main import app
from tests.verify.test_capture import Keep, prompts_of
from verify import support
from verify.anatomy import Anatomy, UnsupportedArchitecture
from verify.architectures import ARCHITECTURES, REFUSED, Architecture, tiny_model
from verify.capture import run_pass
from verify.listening import has_interface

BY_NAME = {architecture.name: architecture for architecture in ARCHITECTURES}
MEASURED = [a for a in ARCHITECTURES if a.name not in REFUSED]
HOOKED = {"gptj", "codegen", "gpt_neo", "bloom", "mpt", "falcon", "falcon_40b", "falcon_rw", "xglm"}
each = pytest.mark.parametrize("architecture", MEASURED, ids=lambda a: a.name)


def test_the_table_is_long_enough_and_names_are_unique() -> None:
    assert len(MEASURED) >= 40
    assert len(BY_NAME) == len(ARCHITECTURES)


@each
def test_attention_sums_and_logits_equal_the_models_own(architecture: Architecture) -> None:
    found = support.check(tiny_model(architecture))
    assert found.reason is None
    assert found.read == ("hooks" if architecture.name in HOOKED else "interface")
    assert found.attention is not None
    assert found.attention <= 1e-5
    assert found.heads is not None
    assert found.heads <= 1e-5
    assert found.logits is not None
    assert found.logits <= 1e-4


@each
def test_values_are_what_the_heads_move(architecture: Architecture) -> None:
    """z equals attention times (norm(x) W_V + b) with the matrices that were found by value."""
    anatomy = Anatomy(tiny_model(architecture))
    keep = Keep()
    run_pass(anatomy, prompts_of((9,)), [keep], batch_size=1)
    for layer in range(anatomy.layers):
        read = anatomy.attention_norm(layer)(keep.residual[0, layer])
        bias = getattr(anatomy.parts.layers[layer].values, "bias", None)
        values = torch.einsum("td,hdf->htf", read, anatomy.value_weight(layer))
        if bias is not None:
            values = values + bias[anatomy.parts.layers[layer].columns][:, None]
        clip = getattr(anatomy.model.config, "clip_qkv", None)
        if clip is not None:
            values = values.clamp(-clip, clip)
        z = torch.einsum("hqk,hkf->qhf", keep.weights[0, layer], values)
        torch.testing.assert_close(keep.z[0, layer], z, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_measured_is_refused_with_the_reason(name: str) -> None:
    with pytest.raises(UnsupportedArchitecture, match=r"is not supported: .{15}"):
        Anatomy(tiny_model(BY_NAME[name]))


@pytest.mark.parametrize("name", ["gpt2", "llama", "gemma2", "falcon", "bloom", "gpt_neox"])
def test_planted_weights_of_zero_do_not_confuse_the_parts(name: str) -> None:
    """Marks, not weights, tell the columns apart."""
    model = tiny_model(BY_NAME[name])
    wanted = Anatomy(model).parts
    with torch.no_grad():
        for block in Anatomy(model).blocks:
            for parameter in block.parameters():
                if parameter.ndim == 2:
                    parameter.zero_()
    found = Anatomy(model).parts
    for before, after in zip(wanted.layers, found.layers, strict=True):
        assert after.values is before.values
        assert after.output is before.output
        assert after.read_norm is before.read_norm
        assert torch.equal(after.columns, before.columns)
        assert after.multiplier == before.multiplier
    assert found.kv_heads == wanted.kv_heads


def test_what_the_configuration_says_is_found_by_value() -> None:
    def parts(name: str) -> Anatomy:
        return Anatomy(tiny_model(BY_NAME[name]))

    granite, gemma = parts("granite").parts, parts("gemma2").parts
    assert [layer.multiplier for layer in granite.layers] == [0.4] * 3
    assert granite.embedding_scale == 3.0
    assert granite.logit_scale == 1 / 2.5
    assert gemma.logit_cap == 4.0
    assert all(layer.post_norm is not None for layer in gemma.layers)
    assert parts("cohere").parts.logit_scale == 0.2
    assert parts("bloom").parts.embedding_scale is None
    shapes = {name: parts(name).kv_heads for name in ("gpt_bigcode", "falcon", "falcon_40b")}
    assert shapes == {"gpt_bigcode": 1, "falcon": 1, "falcon_40b": 2}


@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_tokens_that_are_embedded_alike_do_not_hide_the_scale(name: str) -> None:
    """A vocabulary in which hardly a token has an embedding of its own."""
    model = tiny_model(BY_NAME[name])
    table = model.get_input_embeddings().weight
    assert isinstance(table, torch.Tensor)
    kept = table[[7, 20]].clone()
    with torch.no_grad():
        table[:] = table[0].clone()
    with pytest.raises(UnsupportedArchitecture, match="embeds all tokens alike"):
        Anatomy(model)
    with torch.no_grad():
        table[[7, 20]] = kept
    assert Anatomy(model).parts.embedding_scale == 1.0


@pytest.mark.parametrize("name", ["gpt2", "gpt_neox_serial", "qwen3", "opt"])
def test_the_first_mlp_is_that_of_the_block(name: str) -> None:
    model = tiny_model(BY_NAME[name])
    anatomy = Anatomy(model)
    tokens = torch.tensor([3, 8, 60])
    with torch.no_grad():
        embedded = model.get_input_embeddings()(tokens)
        block = anatomy.blocks[0]
        if name == "gpt2":
            expected = block.mlp(block.ln_2(embedded))
        elif name == "opt":
            hidden = torch.relu(block.fc1(block.final_layer_norm(embedded)))
            expected = block.fc2(hidden)
        else:
            expected = block.mlp(block.post_attention_layernorm(embedded))
    torch.testing.assert_close(anatomy.embedded(tokens), embedded)
    torch.testing.assert_close(anatomy.first_mlp(tokens), expected, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(
        anatomy.effective_embedding(tokens), embedded + expected, atol=1e-6, rtol=1e-5
    )


def test_a_model_outside_the_interface_keeps_no_weights_and_is_left_as_it_was() -> None:
    model: PreTrainedModel = tiny_model(BY_NAME["falcon"])
    assert not has_interface(model)
    before = model.config._attn_implementation
    anatomy = Anatomy(model)
    run_pass(anatomy, prompts_of((8,)), [Keep()], batch_size=1)
    assert model.config._attn_implementation == before
    assert not any(module._forward_hooks for module in model.modules())
    assert not any(module._forward_pre_hooks for module in model.modules())


def test_half_precision_finds_the_same_parts() -> None:
    for name in ("llama", "gemma2", "granite"):
        whole = Anatomy(tiny_model(BY_NAME[name])).parts
        half = Anatomy(tiny_model(BY_NAME[name]).to(torch.bfloat16)).parts
        for a, b in zip(whole.layers, half.layers, strict=True):
            assert torch.equal(a.columns, b.columns)
            assert a.multiplier == pytest.approx(b.multiplier, rel=0.02)
        assert np.isclose(half.logit_scale, whole.logit_scale, rtol=0.02)


def test_the_command_prints_the_table() -> None:
    done = CliRunner().invoke(app, ["models", "support", "--format", "json"])
    assert done.exit_code == 0
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert set(rows) == set(BY_NAME)
    assert {name for name, row in rows.items() if row["read"] == "refused"} == set(REFUSED)
    assert "low rank" in rows["deepseek_v3"]["reason"]
    shown = CliRunner().invoke(app, ["models", "support"]).stdout
    assert "BloomForCausalLM" in shown
    assert "attention is not causal" in shown
