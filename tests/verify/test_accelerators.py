"""On a GPU the numbers are those of the CPU; skipped where there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel

import verify
from catalog.loading import load
from catalog.places import entries_dir
from tests.verify.test_capture import prompts_of
from verify import reference, support
from verify.anatomy import Anatomy
from verify.architectures import ARCHITECTURES, REFUSED, Architecture, tiny_model
from verify.capture import CaptureFailed, LayerView, Reader, run_pass
from verify.loading import find
from verify.loading import load as load_model
from verify.results import Results

ACCELERATOR = (
    "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else None
)
needs_accelerator = pytest.mark.skipif(ACCELERATOR is None, reason="needs a GPU")
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
REFERENCES = ("llama", "gpt2")
CLASSIC = ("induction", "previous-token", "duplicate-token")
MEASURED = [a for a in ARCHITECTURES if a.name not in REFUSED]


def folder(name: str) -> Path:
    return Path(reference.__file__).parent / name


def model_of(name: str, **options: Any) -> PreTrainedModel:
    model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
        folder(name), **({"dtype": torch.float32} | options)
    )
    return model


def measured(name: str, model: PreTrainedModel, types: tuple[str, ...] | None) -> Results:
    tokenizer = AutoTokenizer.from_pretrained(folder(name))
    return verify.run(model, tokenizer, types=types)


def assert_same(ours: Results, theirs: Results, tolerance: float) -> None:
    """The same verdicts, found heads and, up to the tolerance, scores and controls."""
    assert ours.evidence.keys() == theirs.evidence.keys()
    for key, record in ours.evidence.items():
        other = theirs.evidence[key]
        assert (record.verdict, record.found) == (other.verdict, other.found), key
        if record.scores is None or other.scores is None:
            assert record.scores is other.scores, key
            continue
        for what in ("mean", "control"):
            np.testing.assert_allclose(
                np.array(getattr(record.scores, what), dtype=float),
                np.array(getattr(other.scores, what), dtype=float),
                atol=tolerance,
                rtol=tolerance,
                err_msg=f"{key} {what}",
            )


@needs_accelerator
@pytest.mark.parametrize("architecture", MEASURED, ids=lambda a: a.name)
def test_every_architecture_is_read_as_exactly(architecture: Architecture) -> None:
    found = support.check(tiny_model(architecture).to(ACCELERATOR))  # type: ignore[arg-type]
    assert found.reason is None
    assert found.exact, found


@needs_accelerator
@pytest.mark.parametrize("name", REFERENCES)
def test_a_whole_catalog_gives_the_numbers_of_the_cpu(name: str) -> None:
    types = tuple(load(entries_dir()).head_types)
    there = measured(name, model_of(name).to(ACCELERATOR), types)  # type: ignore[arg-type]
    assert_same(there, measured(name, model_of(name), types), 2e-3)
    assert {"induction", "previous-token"} <= {t.head_type for t in there.types if t.found}


@needs_accelerator
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_finds_the_same_classic_heads(dtype: str) -> None:
    half = model_of("llama", dtype=getattr(torch, dtype)).to(ACCELERATOR)  # type: ignore[arg-type]
    assert_same(
        measured("llama", half, CLASSIC), measured("llama", model_of("llama"), CLASSIC), 0.03
    )


@needs_accelerator
def test_weights_are_loaded_to_where_they_belong() -> None:
    source = find("reference", load(entries_dir()), revision=None, described_as=None)
    loaded = load_model(source)
    assert loaded.device == ACCELERATOR
    assert {parameter.device.type for parameter in loaded.model.parameters()} == {ACCELERATOR}


@needs_cuda
def test_a_model_over_two_devices_gives_the_numbers_of_one() -> None:
    """Half of the layers on the GPU and half on the CPU stand in for a second GPU."""
    from accelerate import dispatch_model  # type: ignore[import-untyped]

    places: dict[str, str | int] = {
        "model.embed_tokens": 0,
        "model.rotary_emb": 0,
        "model.layers.0": 0,
        "model.layers.1": "cpu",
        "model.layers.2": 0,
        "model.layers.3": "cpu",
        "model.norm": "cpu",
        "lm_head": 0,
    }
    # where the CPU is the main device, its layers run there, and are not sent to the GPU to run
    model = dispatch_model(model_of("llama"), places, main_device="cpu")
    assert {p.device.type for p in model.parameters()} == {"cuda", "cpu"}
    types = tuple(load(entries_dir()).head_types)
    assert_same(measured("llama", model, types), measured("llama", model_of("llama"), types), 2e-3)


class First(Reader):
    """Keeps the attention of the first prompts, in main memory."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.weights: dict[tuple[int, int], torch.Tensor] = {}
        self.most = 0

    def read(self, view: LayerView) -> None:
        self.most = max(self.most, len(view.numbers))
        for index, number in enumerate(view.numbers):
            if number < self.count:
                self.weights[number, view.layer] = view.all_rows(index).cpu()


@needs_cuda
def test_a_full_gpu_takes_smaller_batches() -> None:
    """The free memory that CUDA tells is more than this process may take: batches are halved."""
    model = tiny_model(next(a for a in ARCHITECTURES if a.name == "llama"))
    prompts = prompts_of((200,) * 320)
    calm, pressed = First(4), First(4)
    run_pass(Anatomy(model), prompts[:4], [calm], batch_size=4)
    anatomy = Anatomy(model.to("cuda"))  # type: ignore[arg-type]
    torch.cuda.empty_cache()
    whole = torch.cuda.get_device_properties(0).total_memory
    try:
        torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + 2**26) / whole)
        run_pass(anatomy, prompts, [pressed])
        assert pressed.most < len(prompts)
        assert calm.weights.keys() == pressed.weights.keys()
        for key, weights in calm.weights.items():
            torch.testing.assert_close(pressed.weights[key], weights, atol=1e-5, rtol=0)
        torch.cuda.empty_cache()
        torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + 2**21) / whole)
        with pytest.raises(CaptureFailed, match="of 4000 tokens does not fit"):
            run_pass(anatomy, prompts_of((4000,)), [First(1)])
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
