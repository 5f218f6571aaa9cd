"""Rows and entries that are computed on demand equal the whole of eager attention."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from tests.verify.test_capture import Keep, prompts_of
from verify import attention, support
from verify.anatomy import Anatomy, UnsupportedArchitecture
from verify.architectures import ARCHITECTURES, REFUSED, Architecture, tiny_model
from verify.capture import CaptureFailed, LayerView, Reader, run_pass
from verify.listening import eager
from verify.probing import probe

METHOD = ("gptj", "codegen", "gpt_neo")
"""Outside the interface, with a method of queries, keys and values to stand in for."""
BIASED = {"bloom": "alibi", "mpt": "position_bias", "falcon_rw": "alibi"}
CACHE = ("falcon", "falcon_40b", "xglm", *BIASED)
"""Outside the interface, heard through a stand-in for their cache; some with linear biases."""
INTERFACE = [a for a in ARCHITECTURES if a.name not in (*REFUSED, *METHOD, *CACHE)]
CHOSEN = [
    a
    for a in ARCHITECTURES
    if a.name in ("gpt2", "gpt_bigcode", "mistral", "gemma2", "gpt_oss", "phi", *METHOD, *CACHE)
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
    assert (None in scales) == (architecture.name in ("gemma2", "gpt_oss", "vaultgemma"))


def test_a_cap_so_high_that_usual_scores_hardly_feel_it_is_noticed() -> None:
    (gemma,) = (a for a in ARCHITECTURES if a.name == "gemma2")
    settings = {**gemma.settings, "attn_logit_softcapping": 200.0}
    model = tiny_model(Architecture("gemma2", gemma.config, settings))
    assert all(layer.plain_scale is None for layer in Anatomy(model).parts.layers)


@pytest.mark.parametrize("name", ["mistral", "llama", "gpt_bigcode"])
def test_kernels_get_keys_of_every_head_and_no_grouped_queries(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a mask, or in float32, PyTorch has no kernel for grouped queries on a GPU but one that
    makes the weights of all heads."""
    calls: list[tuple[tuple[torch.Tensor, ...], dict[str, Any]]] = []
    kernel = attention.scaled_dot_product_attention

    def overheard(*args: Any, **kwargs: Any) -> torch.Tensor:
        calls.append((args, kwargs))
        made: torch.Tensor = kernel(*args, **kwargs)
        return made

    monkeypatch.setattr(attention, "_kernel_gives_sums", lambda: False)
    monkeypatch.setattr(attention, "scaled_dot_product_attention", overheard)
    compare(named(name))
    assert calls
    for (query, key, value, *_), options in calls:
        assert query.shape[1] == key.shape[1] == value.shape[1] == 4
        assert not options.get("enable_gqa")


def test_a_key_outside_the_window_has_no_weight_whatever_its_score() -> None:
    """Scores of keys that are not seen have no bound; of those that are, none exceeds its sum."""
    model = tiny_model(named("mistral"))
    with torch.no_grad():
        for layer in model.base_model.layers:
            layer.self_attn.q_proj.weight.mul_(200)
    asked = Entries(0, range(4, 21))
    run_pass(Anatomy(model), prompts_of((21,)), [asked], batch_size=1)
    assert len(asked.kept) == 3
    for weights in asked.kept:
        assert torch.equal(weights, torch.zeros_like(weights))


class Entries(Reader):
    """Attention from some queries of a prompt to one key, by layer."""

    def __init__(self, key: int, queries: range) -> None:
        self.key, self.queries = key, queries
        self.kept: list[torch.Tensor] = []

    def read(self, view: LayerView) -> None:
        count = len(self.queries)
        self.kept.append(view.entries([0] * count, self.queries, [self.key] * count))


def named(name: str) -> Architecture:
    return next(a for a in ARCHITECTURES if a.name == name)


@pytest.mark.parametrize("architecture", INTERFACE, ids=lambda a: a.name)
def test_the_interface_is_used_where_there_is_one(architecture: Architecture) -> None:
    parts = Anatomy(tiny_model(architecture)).parts
    assert parts.interface
    assert all(layer.scores is None for layer in parts.layers)


@pytest.mark.parametrize("name", METHOD)
def test_a_method_of_queries_and_keys_is_found(name: str) -> None:
    parts = Anatomy(tiny_model(named(name))).parts
    assert not parts.interface
    assert all(layer.plain_scale is not None for layer in parts.layers)
    assert all(layer.scores is None for layer in parts.layers)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", CACHE)
def test_scores_of_a_module_that_hands_keys_to_a_cache_are_found(
    name: str, dtype: torch.dtype
) -> None:
    parts = Anatomy(tiny_model(named(name)).to(dtype)).parts
    assert not parts.interface
    for layer in parts.layers:
        assert layer.scores is not None
        assert layer.scores.bias == BIASED.get(name)
        # XGLM scales its queries before; Falcon scales its biases, too
        assert layer.scores.scale == (1.0 if name == "xglm" else 8**-0.5)
        assert layer.scores.factor == (8**-0.5 if name == "falcon_rw" else 1.0)
        assert layer.plain_scale == layer.scores.scale


@pytest.mark.parametrize("name", [*METHOD, *CACHE])
def test_the_model_that_is_read_is_the_one_that_was_loaded(name: str) -> None:
    """Falcon's own eager attention adds linear biases twice; its usual attention once."""
    model, prompts = tiny_model(named(name)), prompts_of((20, 1, 11))
    anatomy, keep = Anatomy(model), Keep()
    run_pass(anatomy, prompts, [keep], batch_size=3)
    for number, prompt in enumerate(prompts):
        with torch.no_grad():
            usual = model(input_ids=torch.tensor([prompt.ids]), use_cache=False).logits[0]
        ours = keep.normed[number] @ anatomy.unembedding.weight.T
        if anatomy.unembedding.bias is not None:
            ours = ours + anatomy.unembedding.bias
        torch.testing.assert_close(ours, usual, atol=1e-4, rtol=1e-5)


def test_a_model_that_is_another_one_when_it_shows_its_weights_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from verify.listening import interface

    monkeypatch.setattr(interface, "_without_biases", lambda *_: None)
    with pytest.raises(UnsupportedArchitecture, match=r"eager attention.* gives other logits"):
        Anatomy(tiny_model(named("falcon_rw")))


@pytest.mark.parametrize("heads", [3, 6])
@pytest.mark.parametrize("name", ["bloom", "mpt"])
def test_biases_of_a_number_of_heads_that_is_no_power_of_two(name: str, heads: int) -> None:
    made = named(name)
    sizes = {"bloom": ("hidden_size", "n_head"), "mpt": ("d_model", "n_heads")}[name]
    settings = {**made.settings, sizes[0]: 8 * heads, sizes[1]: heads}
    compare(Architecture(name, made.config, settings))


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("mpt", {"attn_config": {"clip_qkv": 0.5, "softmax_scale": 0.2}}),
        ("falcon", {"bias": True, "parallel_attn": False}),
        ("falcon", {"multi_query": False, "alibi": True}),
        ("falcon", {"alibi": True}),
        ("falcon_40b", {"alibi": True}),
        ("falcon_40b", {"num_kv_heads": 4}),
        ("bloom", {"apply_residual_connection_post_layernorm": False}),
    ],
    ids=str,
)
def test_variants_of_what_is_heard_through_a_cache(name: str, more: dict[str, Any]) -> None:
    made = named(name)
    variant = Architecture(name, made.config, {**made.settings, **more})
    layers = Anatomy(tiny_model(variant)).parts.layers
    assert all(layer.scores is not None for layer in layers)
    compare(variant)


def test_what_does_not_attend_as_it_was_heard_to_is_no_number() -> None:
    model = tiny_model(named("mpt"))
    anatomy = Anatomy(model)
    with pytest.raises(CaptureFailed, match="biases for 64 tokens, of 70"):
        run_pass(anatomy, prompts_of((70,)), [Last()], batch_size=1)
    assert "forward" not in vars(anatomy.parts.layers[0].attention)
    assert not any(module._forward_pre_hooks for module in model.modules())


class Biggest(TorchDispatchMode):
    """The largest tensor of a pass, masks (the same for all heads) left out."""

    def __init__(self, tokens: int) -> None:
        super().__init__()
        self.square = (tokens, tokens)
        self.largest = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        made = func(*args, **(kwargs or {}))
        for item in made if isinstance(made, tuple) else (made,):
            if isinstance(item, torch.Tensor) and not self.is_mask(item):
                self.largest = max(self.largest, item.numel())
        return made

    def is_mask(self, item: torch.Tensor) -> bool:
        if item.shape[-2:] != self.square:
            return False
        return item.shape[-3] == 1 if item.ndim > 2 else item.dtype == torch.bool


class Last(Reader):
    def read(self, view: LayerView) -> None:
        for index, prompt in enumerate(view.prompts):
            view.rows(index, [len(prompt.ids) - 1])


WIDEST = {
    "llama": 61,
    "gptj": 128,
    "gpt_neo": 128,
    "bloom": 128,
    "mpt": 128,
    "falcon": 128,
    "falcon_40b": 128,
    "xglm": 61,
}
"""Numbers a token of the widest layer: the MLP's 48 or 128, or the vocabulary's 61."""


@pytest.mark.parametrize("name", WIDEST)
def test_no_pattern_of_a_whole_batch_is_made(name: str) -> None:
    """The largest tensor of a pass is far from [batch, heads, tokens, tokens]."""
    made = named(name)
    context = {"gptj": "n_positions", "mpt": "max_seq_len"}.get(name, "max_position_embeddings")
    context = "seq_length" if name == "bloom" else context
    anatomy = Anatomy(tiny_model(Architecture(name, made.config, {**made.settings, context: 512})))
    prompts = prompts_of((512,) * 4)
    with Biggest(512) as biggest:
        run_pass(anatomy, prompts, [Last()], batch_size=4)
    assert 0 < biggest.largest <= 4 * 512 * WIDEST[name]
    # which is less than one head's pattern for one prompt
    assert 4 * 512 * WIDEST[name] <= 512 * 512


UNDERSTOOD_NOT = ("gptj", "falcon", "falcon_rw", "bloom")


@pytest.fixture
def strange(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no module be understood that is outside the interface, as of an unknown architecture."""
    monkeypatch.setattr(probe, "has_method", lambda _: False)
    monkeypatch.setattr(probe, "find_scores", lambda *_: nullcontext())


@pytest.mark.usefixtures("strange")
@pytest.mark.parametrize("name", UNDERSTOOD_NOT)
def test_modules_that_are_not_understood_are_read_as_exactly(name: str) -> None:
    model = tiny_model(named(name))
    layers = Anatomy(model).parts.layers
    assert all(layer.plain_scale is None and layer.scores is None for layer in layers)
    assert support.check(model).exact
    compare(named(name))


@pytest.mark.usefixtures("strange")
@pytest.mark.parametrize("name", UNDERSTOOD_NOT)
def test_batches_of_modules_that_are_not_understood(name: str) -> None:
    model, prompts = tiny_model(named(name)), prompts_of((21, 4, 1, 13))
    kept = []
    for size in (1, 4):
        keep = Keep()
        run_pass(Anatomy(model), prompts, [keep], batch_size=size)
        kept.append(keep)
    for key, weights in kept[0].weights.items():
        torch.testing.assert_close(kept[1].weights[key], weights, atol=1e-5, rtol=0)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
