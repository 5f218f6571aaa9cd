"""What is read of the vocabulary is read in parts: memory does not grow with the prompts."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from tests.planted import induction_model
from tests.verify.catalog_parts import catalog, recipe
from tests.verify.tiny_models import VOCABULARY, tiny
from verify import sorting
from verify.anatomy import Anatomy
from verify.batches import Meter
from verify.capture import run_pass
from verify.loading import wrap
from verify.material import material_of
from verify.measures import WEIGHTS, ov_circuit
from verify.measures.ov_circuit import OVCircuit
from verify.prompts import Prompt
from verify.words import Words

ROW = 4 * VOCABULARY
"""Bytes of the logits at one position."""


def test_answers_are_read_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny("llama")
    anatomy = Anatomy(model)
    generator = torch.Generator().manual_seed(3)
    ids = torch.randint(1, VOCABULARY, (21, 9), generator=generator)
    for position in (7, 8):  # what the model itself would write, in some
        with torch.no_grad():
            ids[:5, position] = model(input_ids=ids[:5, :position]).logits[:, -1].argmax(-1)
    prompts = [
        Prompt(
            tuple(row),
            {"end": (8,), "before": (6, 7)},
            answers={"correct": 5},
            candidates=(5, 7, 11) if number % 2 else None,
        )
        for number, row in enumerate(ids.tolist())
    ]
    rows: list[int] = []
    original = Anatomy.all_logits

    def counted(self: Anatomy, normed: Tensor) -> Tensor:
        rows.append(len(normed))
        return original(self, normed)

    monkeypatch.setattr(Anatomy, "all_logits", counted)
    monkeypatch.setattr("verify.anatomy.BLOCK_BYTES", 4 * ROW + 1)
    reader = sorting.GreedyReader(anatomy, prompts, "before")
    run_pass(anatomy, prompts, [reader], batch_size=21)
    assert sum(rows) == 21 * 3
    assert max(rows) == 4
    said = reader.said()
    with torch.no_grad():
        logits = model(input_ids=ids).logits
    for number, prompt in enumerate(prompts):
        at_end = logits[number, 8]
        assert said.answer[number] == int(at_end.argmax())
        among = [token for token in prompt.candidates or range(VOCABULARY) if token != 5]
        assert said.strongest_wrong[number] == max(among, key=lambda token: float(at_end[token]))
        greedy = logits[number, 6:8].argmax(-1)
        assert said.wrote[number] == bool((greedy == ids[number, 7:9]).all()) == (number < 5)


def test_the_unembedding_is_not_copied_to_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    anatomy = Anatomy(tiny("llama").to(torch.bfloat16))  # type: ignore[arg-type]
    monkeypatch.setattr(ov_circuit, "VOCABULARY_PART", 16)
    weight = anatomy.unembedding.weight.detach()
    written = torch.randn(3, weight.shape[1], generator=torch.Generator().manual_seed(4))
    wanted = anatomy.through_final_norm(written).float() @ weight.float().T
    with Meter() as meter:
        made = OVCircuit(anatomy).logits(written)
    torch.testing.assert_close(made, wanted, atol=1e-5, rtol=1e-5)
    assert meter.largest < 4 * weight.numel()


def test_tokens_are_ranked_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    planted = induction_model("llama")
    loaded = wrap(planted.model, planted.tokenizer, "planted--induction")
    made = recipe("induction", "copying")
    anatomy = loaded.anatomy
    words = Words(
        planted.tokenizer, catalog().vocabularies, catalog().texts, anatomy.embedding_rows
    )
    tokens = material_of(made.prompts, words, 0, anatomy).tokens
    assert tokens is not None
    whole = WEIGHTS["ov-copying"](made, tokens, anatomy)
    rows: list[int] = []
    original = OVCircuit.logits

    def counted(self: OVCircuit, written: Tensor, *rest: Any) -> Tensor:
        rows.append(len(written))
        return original(self, written, *rest)

    monkeypatch.setattr(OVCircuit, "logits", counted)
    monkeypatch.setattr("verify.anatomy.BLOCK_BYTES", 3 * 4 * anatomy.embedding_rows)
    parts = WEIGHTS["ov-copying"](made, tokens, anatomy)
    assert max(rows) == 3
    assert (parts.score == whole.score).all()
    assert (parts.control == whole.control).all()
