"""Rows and entries that are computed on demand equal the whole of eager attention."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.verify.test_capture import prompts_of
from verify import attention
from verify.anatomy import Anatomy
from verify.architectures import ARCHITECTURES, REFUSED, Architecture, tiny_model
from verify.capture import LayerView, Reader, run_pass
from verify.listening import eager

METHOD = ("gptj", "codegen", "gpt_neo")
"""Outside the interface, with a method of queries, keys and values to stand in for."""
INTERFACE = [
    a
    for a in ARCHITECTURES
    if a.name not in REFUSED
    and a.name not in (*METHOD, "bloom", "mpt", "xglm")
    and not a.name.startswith("falcon")
]
CHOSEN = [
    a
    for a in ARCHITECTURES
    if a.name in ("gpt2", "gpt_bigcode", "mistral", "gemma2", "gpt_oss", "phi", *METHOD)
]
LENGTHS = (21, 9, 21, 14)


class Some(Reader):
    """A few rows and a few entries of every prompt."""

    def __init__(self) -> None:
        generator = np.random.default_rng(0)
        self.queries = [np.sort(generator.choice(n, 5, replace=False)) for n in LENGTHS]
        self.keys = [generator.integers(0, q + 1) for q in self.queries]
        self.rows: dict[tuple[int, int], torch.Tensor] = {}
        self.blocks: dict[tuple[int, int], torch.Tensor] = {}
        self.entries: dict[tuple[int, int], torch.Tensor] = {}

    def read(self, view: LayerView) -> None:
        for index, number in enumerate(view.numbers):
            self.rows[number, view.layer] = view.rows(index, self.queries[number])
            parts = list(view.row_blocks(index, self.queries[number]))
            assert torch.cat([part for part, _ in parts]).tolist() == list(self.queries[number])
            self.blocks[number, view.layer] = torch.cat([rows for _, rows in parts], dim=1)
        asked = np.concatenate([np.full(5, index) for index in range(len(view.numbers))])
        queries = np.concatenate([self.queries[number] for number in view.numbers])
        keys = np.concatenate([self.keys[number] for number in view.numbers])
        for index, part in enumerate(view.entries(asked, queries, keys).split(5)):
            self.entries[view.numbers[index], view.layer] = part


def compare(architecture: Architecture) -> None:
    model = tiny_model(architecture)
    some, prompts = Some(), prompts_of(LENGTHS)
    run_pass(Anatomy(model), prompts, [some], batch_size=3)
    for number, prompt in enumerate(prompts):
        with torch.no_grad(), eager(model):
            plain = model(
                input_ids=torch.tensor([prompt.ids]), output_attentions=True, use_cache=False
            )
        queries, keys = some.queries[number], some.keys[number]
        for layer, weights in enumerate(plain.attentions):
            rows = weights[0][:, queries]
            got = some.rows[number, layer]
            assert got.dtype == torch.float32
            torch.testing.assert_close(got, rows, atol=1e-5, rtol=0)
            torch.testing.assert_close(some.blocks[number, layer], rows, atol=1e-5, rtol=0)
            entries = weights[0][:, queries, keys].T
            torch.testing.assert_close(some.entries[number, layer], entries, atol=1e-5, rtol=0)


@pytest.mark.parametrize("architecture", CHOSEN, ids=lambda a: a.name)
def test_rows_and_entries_equal_eager_attention(architecture: Architecture) -> None:
    compare(architecture)


@pytest.mark.parametrize("architecture", CHOSEN, ids=lambda a: a.name)
def test_rows_come_out_the_same_in_parts(
    architecture: Architecture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attention, "BLOCK_BYTES", 4 * 4 * 21 * 3)  # three rows of one prompt
    compare(architecture)


@pytest.mark.parametrize("architecture", CHOSEN, ids=lambda a: a.name)
def test_entries_without_the_kernels_sums(
    architecture: Architecture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What devices other than the CPU do."""
    monkeypatch.setattr(attention, "_kernel_gives_sums", lambda: False)
    compare(architecture)


@pytest.mark.parametrize("architecture", INTERFACE, ids=lambda a: a.name)
def test_only_capped_scores_and_sinks_are_left_to_the_architecture(
    architecture: Architecture,
) -> None:
    scales = {layer.plain_scale for layer in Anatomy(tiny_model(architecture)).parts.layers}
    assert (None in scales) == (architecture.name in ("gemma2", "gpt_oss"))


def test_a_cap_so_high_that_usual_scores_hardly_feel_it_is_noticed() -> None:
    (gemma,) = (a for a in ARCHITECTURES if a.name == "gemma2")
    settings = {**gemma.settings, "attn_logit_softcapping": 200.0}
    model = tiny_model(Architecture("gemma2", gemma.config, settings))
    assert all(layer.plain_scale is None for layer in Anatomy(model).parts.layers)


@pytest.mark.parametrize("architecture", ARCHITECTURES, ids=lambda a: a.name)
def test_a_method_of_queries_and_keys_is_found_where_there_is_one(
    architecture: Architecture,
) -> None:
    if architecture.name in METHOD:
        parts = Anatomy(tiny_model(architecture)).parts
        assert not parts.interface
        assert all(layer.plain_scale is not None for layer in parts.layers)
    elif architecture.name.startswith("falcon") or architecture.name in ("bloom", "mpt", "xglm"):
        parts = Anatomy(tiny_model(architecture)).parts
        assert all(layer.plain_scale is None for layer in parts.layers)


@pytest.mark.parametrize("name", ["llama", "gptj", "gpt_neo"])
def test_no_pattern_of_a_whole_batch_is_made(name: str) -> None:
    """The largest tensor of a pass is far from [batch, heads, tokens, tokens]."""
    from torch.utils._python_dispatch import TorchDispatchMode

    largest = 0

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            nonlocal largest
            made = func(*args, **(kwargs or {}))
            for item in made if isinstance(made, tuple) else (made,):
                if isinstance(item, torch.Tensor):
                    largest = max(largest, item.numel())
            return made

    class Last(Reader):
        def read(self, view: LayerView) -> None:
            for index, prompt in enumerate(view.prompts):
                view.rows(index, [len(prompt.ids) - 1])

    (made,) = (a for a in ARCHITECTURES if a.name == name)
    context = "n_positions" if name == "gptj" else "max_position_embeddings"
    anatomy = Anatomy(tiny_model(Architecture(name, made.config, {**made.settings, context: 600})))
    prompts = prompts_of((512,) * 4)
    with Watch():
        run_pass(anatomy, prompts, [Last()], batch_size=4)
    # no more than the widest layer of the model, or masks, which transformers makes for a batch
    masks = 0 if name == "llama" else 4 * 512 * 512
    assert 0 < largest <= max(4 * 512 * 128, masks) < 4 * anatomy.heads * 512 * 512
