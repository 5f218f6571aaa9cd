"""A quantized model is measured as what its layers compute, whatever they store.

First with layers that are made here, then with those of torchao and bitsandbytes, which the
development group installs on Linux. Independent truth: a plain model of the numbers that the
library itself makes of its weights.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel

import verify
from tests.verify.catalog_parts import OBSERVED, catalog, needed
from verify import reference, support
from verify.anatomy import Anatomy, UnsupportedArchitecture
from verify.fingerprints import state_sha256
from verify.loading import find, load, wrap
from verify.weights import matrix

FOLDER = Path(reference.__file__).parent / "llama"
TYPES = ("induction", "name-mover", "successor")


class Bytes(nn.Linear):
    """Whole numbers and a scale a row."""

    def __init__(self, plain: nn.Linear) -> None:
        super().__init__(plain.in_features, plain.out_features, bias=False)
        scale = plain.weight.detach().abs().amax(1, keepdim=True) / 127
        self.weight = nn.Parameter(
            (plain.weight.detach() / scale).round().to(torch.int8), requires_grad=False
        )
        self.scale = nn.Parameter(scale, requires_grad=False)

    @property
    def whole(self) -> Tensor:
        """The matrix that it stands for."""
        return self.weight.float() * self.scale

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.linear(x, self.whole)


class ShortFloats(Bytes):
    """Floats of eight bits, which without their scales are another matrix."""

    def __init__(self, plain: nn.Linear) -> None:
        super().__init__(plain)
        scale = plain.weight.detach().abs().amax(1, keepdim=True) / 300
        self.weight = nn.Parameter(
            (plain.weight.detach() / scale).to(torch.float8_e4m3fn), requires_grad=False
        )
        self.scale = nn.Parameter(scale, requires_grad=False)


def model(change: Callable[[nn.Linear], nn.Linear]) -> PreTrainedModel:
    """The reference model with other layers in place of all but the unembedding."""
    made: PreTrainedModel = AutoModelForCausalLM.from_pretrained(FOLDER, dtype=torch.float32)
    for layer in made.base_model.layers:
        for part in (layer.self_attn, layer.mlp):
            for name, child in part.named_children():
                if isinstance(child, nn.Linear):
                    setattr(part, name, change(child))
    return made


def written_out(kind: type[Bytes]) -> Callable[[nn.Linear], nn.Linear]:
    def change(plain: nn.Linear) -> nn.Linear:
        plain.weight = nn.Parameter(kind(plain).whole)
        return plain

    return change


@pytest.mark.parametrize("kind", [Bytes, ShortFloats])
def test_scores_are_those_of_the_numbers_written_out(kind: type[Bytes]) -> None:
    tokenizer = AutoTokenizer.from_pretrained(FOLDER)
    packed, plain = (
        verify.run(made, tokenizer, TYPES, strengths=OBSERVED, catalog=catalog())
        for made in (model(kind), model(written_out(kind)))
    )
    assert packed.heads == plain.heads
    assert packed["induction"].found
    for key, record in plain.evidence.items():
        ours = packed.evidence[key].scores
        assert record.scores is not None
        assert ours is not None
        np.testing.assert_allclose(np.array(ours.mean), np.array(record.scores.mean), atol=1e-4)


@pytest.mark.parametrize("kind", [Bytes, ShortFloats])
def test_what_is_lost_without_each_head_is_that_of_the_numbers_too(kind: type[Bytes]) -> None:
    tokenizer = AutoTokenizer.from_pretrained(FOLDER)
    scores = []
    for made in (model(kind), model(written_out(kind))):
        record = needed(wrap(made, tokenizer))
        assert record.scores is not None
        scores.append(np.array(record.scores.mean))
    assert np.abs(scores[1]).max() > 0.01
    np.testing.assert_allclose(*scores, atol=1e-4)


@pytest.mark.parametrize("kind", [Bytes, ShortFloats])
def test_what_heads_write_adds_up(kind: type[Bytes]) -> None:
    assert support.check(model(kind)).exact


def test_a_quantized_unembedding_is_refused_by_name() -> None:
    made = model(lambda plain: plain)
    made.set_output_embeddings(Bytes(made.get_output_embeddings()))  # type: ignore[arg-type]
    with pytest.raises(UnsupportedArchitecture, match="unembedding is quantized"):
        Anatomy(made)


def test_other_scales_are_another_model() -> None:
    """Eight-bit numbers alone do not identify it."""
    one, other = model(ShortFloats), model(ShortFloats)
    assert state_sha256(one) == state_sha256(other)
    with torch.no_grad():
        other.base_model.layers[0].mlp.down_proj.scale.mul_(2)
    assert state_sha256(one) != state_sha256(other)


FOUR_BITS: dict[str, Any] = {
    "load_in_4bit": True,
    # blocks of 64 inputs: the 32 of this projection are less than one
    "llm_int8_skip_modules": ["lm_head", "down_proj"],
}


def of_library(name: str) -> PreTrainedModel:
    """The reference model, quantized by a library as people do it."""
    library, _, kind = name.partition(" ")
    pytest.importorskip(library, reason="the development group has it on Linux: make setup")
    if library == "torchao":
        from torchao import quantization
        from transformers import TorchAoConfig

        config: Any = TorchAoConfig(getattr(quantization, kind)())
    else:
        from transformers import BitsAndBytesConfig

        config = BitsAndBytesConfig(
            **{
                "8": {"load_in_8bit": True},
                "fp4": FOUR_BITS,
                "nf4": {
                    "bnb_4bit_quant_type": "nf4",
                    "bnb_4bit_use_double_quant": True,
                    "bnb_4bit_compute_dtype": torch.bfloat16,
                    **FOUR_BITS,
                },
            }[kind]
        )
    made: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
        FOLDER, dtype=torch.float32, quantization_config=config
    )
    return made


def numbers(layer: nn.Linear) -> Tensor | None:
    """The matrix [out, in] that the library says it has stored; None for a plain layer.

    For weights of four bits only before they are first used.
    """
    weight: Any = layer.weight
    if type(layer).__name__ == "Linear4bit":
        from bitsandbytes.functional import dequantize_4bit

        return dequantize_4bit(weight.data, weight.quant_state).float()
    if type(layer).__name__ == "Linear8bitLt":
        return weight.data.float() * weight.SCB[:, None] / 127
    return weight.dequantize().float() if hasattr(weight, "dequantize") else None


def plain_twin(quantized: PreTrainedModel) -> PreTrainedModel:
    """A plain model of the same numbers."""
    made: PreTrainedModel = AutoModelForCausalLM.from_pretrained(FOLDER, dtype=torch.float32)
    changed = 0
    for name, layer in quantized.named_modules():
        whole = numbers(layer) if isinstance(layer, nn.Linear) and name != "lm_head" else None
        if whole is not None:
            made.get_submodule(name).weight = nn.Parameter(whole)
            changed += 1
    assert changed >= 24
    return made


LIBRARIES = {
    # weights alone are rounded: the same numbers
    "torchao Int8WeightOnlyConfig": 1e-5,
    # what layers read is rounded too, to 8 bits a token
    "torchao Int8DynamicActivationInt8WeightConfig": 1e-2,
    "bitsandbytes 8": 1e-2,
    # computed in bfloat16 where the processor can
    "bitsandbytes fp4": 1e-2,
    "bitsandbytes nf4": 1e-2,
}
"""Largest difference of scores, which are shares: of attention, of logits and of tokens."""


@pytest.mark.parametrize("name", LIBRARIES)
def test_scores_are_those_of_the_numbers_that_a_library_stores(name: str) -> None:
    tokenizer = AutoTokenizer.from_pretrained(FOLDER)
    truth = plain_twin(of_library(name))
    made = of_library(name)
    packed, plain = (
        verify.run(model, tokenizer, "induction", strengths=OBSERVED, catalog=catalog())
        for model in (made, truth)
    )
    assert packed.heads == plain.heads
    assert packed["induction"].found
    for key, record in plain.evidence.items():
        ours = packed.evidence[key]
        assert record.scores is not None
        assert ours.scores is not None
        np.testing.assert_allclose(
            np.array(ours.scores.mean), np.array(record.scores.mean), atol=LIBRARIES[name]
        )
        library = name.partition(" ")[0]
        assert library in ours.run.versions
        (layers,) = ours.model.foreign_layers
        assert library in layers
        assert not record.model.foreign_layers


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_library_s_model_is_identified_and_left_as_it_was(name: str) -> None:
    """bitsandbytes packs weights when they are first used, and unpacks them to save them."""
    tokenizer = AutoTokenizer.from_pretrained(FOLDER)
    model = of_library(name).eval()
    ids = torch.arange(30, 60)[None]
    with torch.no_grad():
        before = model(ids).logits
        hashes = {wrap(model, tokenizer).weights_sha256 for _ in range(3)}
        hashes.add(wrap(of_library(name), tokenizer).weights_sha256)
        assert torch.equal(model(ids).logits, before)
    assert len(hashes) == 1
    plain: PreTrainedModel = AutoModelForCausalLM.from_pretrained(FOLDER, dtype=torch.float32)
    assert wrap(plain, tokenizer).weights_sha256 not in hashes


@pytest.mark.parametrize("name", LIBRARIES)
def test_matrices_are_those_that_a_library_says(name: str) -> None:
    said = plain_twin(of_library(name))
    model = of_library(name)
    for layer, other in zip(model.base_model.layers, said.base_model.layers, strict=True):
        for part in ("v_proj", "o_proj"):
            whole = getattr(other.self_attn, part).weight.T
            ours = matrix(getattr(layer.self_attn, part), 128, torch.float32)
            # half precision has 8 to 11 bits; a bfloat16 of scale and one of product are in it
            assert float((ours - whole).norm() / whole.norm()) < 5e-3


@pytest.mark.parametrize("name", ["bitsandbytes 8", "bitsandbytes nf4"])
def test_an_adapter_on_quantized_layers(name: str) -> None:
    peft = pytest.importorskip("peft", reason="the development group has peft: make setup")
    truth = plain_twin(of_library(name))
    prepared = peft.prepare_model_for_kbit_training(of_library(name))
    config = peft.LoraConfig(
        r=4, lora_alpha=8, target_modules=["q_proj", "v_proj", "o_proj"], task_type="CAUSAL_LM"
    )
    model = peft.get_peft_model(prepared, config)
    tensors = dict(model.get_base_model().named_parameters())
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for key, down in tensors.items():
            layer, found, _ = key.partition(".lora_A.")
            if found:
                up = tensors[f"{layer}.lora_B.default.weight"]
                up.copy_(0.05 * torch.randn(up.shape, generator=generator))
                truth.get_submodule(layer).weight += 8 / 4 * up @ down
    tokenizer = AutoTokenizer.from_pretrained(FOLDER)
    ours, plain = (
        verify.run(m, tokenizer, "induction", strengths=OBSERVED, catalog=catalog())
        for m in (model, truth)
    )
    assert ours.heads == plain.heads
    assert any(
        "peft" in layers and "bitsandbytes" in layers for layers in ours.model.foreign_layers
    )
    for key, record in plain.evidence.items():
        mine = ours.evidence[key].scores
        assert record.scores is not None
        assert mine is not None
        np.testing.assert_allclose(np.array(mine.mean), np.array(record.scores.mean), atol=1e-2)


@pytest.mark.parametrize("name", ["torchao Int8WeightOnlyConfig", "bitsandbytes 8"])
def test_a_saved_quantized_model_is_loaded_as_one(name: str, tmp_path: Path) -> None:
    made = of_library(name)
    made.save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(FOLDER).save_pretrained(tmp_path)
    loaded = load(find(str(tmp_path), catalog(), revision=None, described_as=None))
    assert loaded.foreign_layers == wrap(made, loaded.tokenizer).foreign_layers
    ids = torch.arange(30, 60)[None]
    with torch.no_grad():
        assert torch.equal(loaded.model(ids).logits, made(ids).logits)


def test_a_model_whose_library_cannot_run_it_is_refused_in_a_sentence() -> None:
    class Broken(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            raise ValueError("shape '[128, 0]' is invalid\nand more")

    made = model(lambda plain: Broken(plain.in_features, plain.out_features))
    with pytest.raises(
        UnsupportedArchitecture, match=r"because it does not run: shape .* is invalid$"
    ):
        Anatomy(made)
