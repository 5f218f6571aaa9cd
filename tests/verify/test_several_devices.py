"""A model that lies on several devices, pretended ones, gives the numbers of one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

import verify
from tests.verify.pretended_devices import PretendedDevices, spread
from tests.verify.test_capture import prompts_of
from tests.verify.tiny_models import tiny
from verify import batches, reference
from verify.anatomy import Anatomy
from verify.capture import FinalView, LayerView, Reader, run_pass

PLACES = {
    "model.embed_tokens": "cuda:0",
    "model.rotary_emb": "cuda:0",
    "model.layers.0": "cuda:0",
    "model.layers.1": "cuda:1",
    "model.layers.2": "cuda:0",
    "model.layers.3": "cuda:1",
    "model.norm": "cuda:0",
    "lm_head": "cuda:1",
}
"""Of the reference model; neither two blocks in a row nor norm and unembedding lie together."""
TYPES = ("copy-suppression", "positional", "previous-token", "letter-mover")


@pytest.fixture
def devices(monkeypatch: pytest.MonkeyPatch) -> PretendedDevices:
    monkeypatch.setattr(batches, "free_bytes", lambda _: 2**30)
    return PretendedDevices()


class Where(Reader):
    """On which device everything lies that a reader can take."""

    def __init__(self) -> None:
        self.layers: list[set[torch.device]] = []
        self.end: set[torch.device] = set()

    def read(self, view: LayerView) -> None:
        taken = (view.z, view.residual, view.rows(0, [3]), view.entries([0], [3], [1]))
        self.layers.append({view.device, *(tensor.device for tensor in taken)})

    def finish(self, view: FinalView) -> None:
        self.end = {view.residual.device, view.normed.device}


def test_what_a_reader_is_given_lies_on_the_layers_own_device(devices: PretendedDevices) -> None:
    model, where = tiny("llama"), Where()
    spread(model, {name: d for name, d in PLACES.items() if "3" not in name}, devices)
    with devices:
        run_pass(Anatomy(model), prompts_of((9, 5)), [where], batch_size=2)
    assert where.layers == [{torch.device(PLACES[f"model.layers.{n}"])} for n in range(3)]
    assert where.end == {torch.device("cuda:0")}


def test_every_kind_of_reader_gives_the_numbers_of_one_device(devices: PretendedDevices) -> None:
    folder = Path(reference.__file__).parent / "llama"
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)

    def measured(model: Any) -> verify.Results:
        return verify.run(model, tokenizer, types=TYPES, progress=False)

    one, split = (AutoModelForCausalLM.from_pretrained(folder) for _ in range(2))
    spread(split, PLACES, devices)
    with devices:
        assert {p.device for p in split.parameters()} == {torch.device(d) for d in PLACES.values()}
        ours = measured(split)
    theirs = measured(one)
    assert ours.evidence.keys() == theirs.evidence.keys()
    assert {record.head_type for record in ours.evidence.values()} == set(TYPES)
    for key, record in ours.evidence.items():
        other = theirs.evidence[key]
        assert (record.verdict, record.found) == (other.verdict, other.found), key
        assert (record.scores is None) == (other.scores is None)
        if record.scores is not None and other.scores is not None:
            mean, expected = (np.array(s.mean, dtype=float) for s in (record.scores, other.scores))
            np.testing.assert_allclose(mean, expected, atol=1e-4, rtol=1e-4, err_msg=str(key))
