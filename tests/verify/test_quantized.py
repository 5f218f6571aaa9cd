"""A quantized model is measured as what its layers compute, whatever they store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel

import verify
from verify import reference, support
from verify.anatomy import Anatomy, UnsupportedArchitecture
from verify.fingerprints import state_sha256

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
    packed = verify.run(model(kind), tokenizer, types=TYPES)
    plain = verify.run(model(written_out(kind)), tokenizer, types=TYPES)
    assert packed.heads == plain.heads
    assert packed["induction"].found
    for key, record in plain.evidence.items():
        ours = packed.evidence[key].scores
        assert record.scores is not None
        assert ours is not None
        np.testing.assert_allclose(np.array(ours.mean), np.array(record.scores.mean), atol=1e-4)


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
