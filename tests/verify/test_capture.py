"""What the engine sees is what plain eager attention computes."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread

import numpy as np
import pytest
import torch
from transformers import PreTrainedModel

from tests.verify.tiny_models import ARCHITECTURES, VOCABULARY, tiny
from verify.anatomy import Anatomy, UnsupportedArchitecture
from verify.capture import CaptureFailed, FinalView, LayerView, Reader, run_pass
from verify.prompts import Prompt


class Keep(Reader):
    """Keeps everything, which real readers must not do."""

    def __init__(self) -> None:
        self.weights: dict[tuple[int, int], torch.Tensor] = {}
        self.z: dict[tuple[int, int], torch.Tensor] = {}
        self.residual: dict[tuple[int, int], torch.Tensor] = {}
        self.final: dict[int, torch.Tensor] = {}
        self.normed: dict[int, torch.Tensor] = {}

    def read(self, view: LayerView) -> None:
        for index, prompt in enumerate(view.prompts):
            length, key = len(prompt.ids), (view.numbers[index], view.layer)
            self.weights[key] = view.all_rows(index)
            self.z[key] = view.z[index, :length].clone()
            self.residual[key] = view.residual[index, :length].clone()

    def finish(self, view: FinalView) -> None:
        for index, prompt in enumerate(view.prompts):
            self.final[view.numbers[index]] = view.residual[index, : len(prompt.ids)].clone()
            self.normed[view.numbers[index]] = view.normed[index, : len(prompt.ids)].clone()


def prompts_of(lengths: tuple[int, ...]) -> list[Prompt]:
    generator = np.random.default_rng(1)
    return [
        Prompt(ids=tuple(generator.integers(VOCABULARY, size=n).tolist()), queries={})
        for n in lengths
    ]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_attention_and_residual_equal_plain_eager(architecture: str) -> None:
    model = tiny(architecture)
    prompts = prompts_of((12, 20, 7))
    keep = Keep()
    run_pass(Anatomy(model), prompts, [keep], batch_size=2)
    model.set_attn_implementation("eager")
    for index, prompt in enumerate(prompts):
        with torch.no_grad():
            plain = model(
                input_ids=torch.tensor([prompt.ids]),
                output_attentions=True,
                output_hidden_states=True,
                use_cache=False,
            )
        for layer, weights in enumerate(plain.attentions):
            torch.testing.assert_close(keep.weights[index, layer], weights[0], atol=1e-5, rtol=0)
            torch.testing.assert_close(
                keep.residual[index, layer], plain.hidden_states[layer][0], atol=1e-5, rtol=1e-5
            )
        logits = model.get_output_embeddings()(keep.normed[index])
        torch.testing.assert_close(logits, plain.logits[0], atol=1e-4, rtol=1e-5)


class _Weights(Reader):
    """Whole patterns by prompt and layer, and nothing of the end."""

    def __init__(self) -> None:
        self.kept: dict[tuple[int, int], torch.Tensor] = {}

    def read(self, view: LayerView) -> None:
        for index, number in enumerate(view.numbers):
            self.kept[number, view.layer] = view.all_rows(index)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_pass_ends_with_the_last_layer_that_is_read(architecture: str) -> None:
    """What lies behind the last attention runs only for readers of the end; no number changes."""
    model = tiny(architecture)
    anatomy = Anatomy(model)
    prompts = prompts_of((12, 20, 7))
    ends: list[str] = []
    handle = anatomy.final_norm.register_forward_hook(lambda *_: ends.append("norm"))
    short, whole = _Weights(), Keep()
    run_pass(anatomy, prompts, [short], batch_size=2)
    assert ends == []
    run_pass(anatomy, prompts, [short, whole], batch_size=2)
    assert ends == ["norm", "norm"]
    handle.remove()
    again = _Weights()
    run_pass(anatomy, prompts, [again], batch_size=2)
    for key, weights in whole.weights.items():
        torch.testing.assert_close(again.kept[key], weights, atol=0, rtol=0)
    model.set_attn_implementation("eager")  # the model is left as it was
    with torch.no_grad():
        plain = model(input_ids=torch.tensor([prompts[1].ids]), output_attentions=True)
    torch.testing.assert_close(
        again.kept[1, anatomy.layers - 1], plain.attentions[-1][0], atol=1e-5, rtol=0
    )


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_numbers_do_not_depend_on_the_batch(architecture: str) -> None:
    model = tiny(architecture)
    prompts = prompts_of((30, 9, 17, 30, 5, 22))
    kept = []
    for batch_size in (1, 16):
        keep = Keep()
        run_pass(Anatomy(model), prompts, [keep], batch_size=batch_size)
        kept.append(keep)
    for key, alone in kept[0].weights.items():
        torch.testing.assert_close(kept[1].weights[key], alone, atol=1e-5, rtol=0)
    for index, alone in kept[0].final.items():
        torch.testing.assert_close(kept[1].final[index], alone, atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_heads_add_up_to_the_output_of_the_attention_block(architecture: str) -> None:
    model = tiny(architecture)
    anatomy = Anatomy(model)
    prompts = prompts_of((15,))
    keep = Keep()
    outputs: list[torch.Tensor] = []
    projections = [anatomy.output_projection(layer) for layer in range(anatomy.layers)]
    hooks = [
        projection.register_forward_hook(lambda _m, _i, out: outputs.append(out))
        for projection in projections
    ]
    run_pass(anatomy, prompts, [keep], batch_size=1)
    for hook in hooks:
        hook.remove()
    for layer, output in enumerate(outputs):
        summed = torch.einsum("thf,hfd->td", keep.z[0, layer], anatomy.output_weight(layer))
        bias = projections[layer].bias
        whole = summed if bias is None else summed + bias
        torch.testing.assert_close(whole, output[0], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_values_are_what_the_heads_move(architecture: str) -> None:
    """z equals attention times (norm(x) W_V + b), computed from the anatomy's W_V."""
    model = tiny(architecture)
    anatomy = Anatomy(model)
    prompts = prompts_of((11,))
    keep = Keep()
    run_pass(anatomy, prompts, [keep], batch_size=1)
    for layer in range(anatomy.layers):
        read = anatomy.attention_norm(layer)(keep.residual[0, layer])
        values = torch.einsum("td,hdf->htf", read, anatomy.value_weight(layer))
        z = torch.einsum("hqk,hkf->qhf", keep.weights[0, layer], values)
        difference = keep.z[0, layer] - z
        # what is left is the value bias, the same at every position
        torch.testing.assert_close(
            difference, difference[:1].expand_as(difference), atol=1e-5, rtol=0
        )


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_readout_of_the_final_residual_is_the_logit_difference(architecture: str) -> None:
    model = tiny(architecture)
    anatomy = Anatomy(model)
    prompts = prompts_of((10,))
    keep = Keep()
    run_pass(anatomy, prompts, [keep], batch_size=1)
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([prompts[0].ids]), use_cache=False).logits[0, -1]
        rows = anatomy.unembedding.weight
        direction = rows[3] - rows[8]
        attributed = keep.final[0][-1] @ anatomy.readout(direction)
        attributed = attributed / anatomy.final_scale(keep.final[0][-1])
        norm_bias = getattr(anatomy.final_norm, "bias", None)
        constant = 0.0 if norm_bias is None else float(norm_bias @ direction)
    assert float(attributed) + constant == pytest.approx(float(logits[3] - logits[8]), abs=1e-4)


def test_the_model_is_left_as_it_was() -> None:
    model = tiny("llama").train()
    before = model.config._attn_implementation
    run_pass(Anatomy(model), prompts_of((8,)), [Keep()], batch_size=1)
    assert model.config._attn_implementation == before
    assert model.training
    assert not any(block._forward_pre_hooks for block in model.model.layers)


def test_a_layer_that_does_not_show_its_attention_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = tiny("llama")
    anatomy = Anatomy(model)

    def silent(hidden_states: torch.Tensor, **_: object) -> tuple[torch.Tensor, None]:
        return torch.zeros_like(hidden_states), None

    monkeypatch.setattr(model.model.layers[1].self_attn, "forward", silent)
    with pytest.raises(CaptureFailed, match=r"layers \[1\] did not show their attention"):
        run_pass(anatomy, prompts_of((8,)), [Keep()], batch_size=1)
    with pytest.raises(UnsupportedArchitecture, match="2 of its 3 layers have attention"):
        Anatomy(model)


def test_logits_that_nobody_reads_are_not_made() -> None:
    """Readers of the end make the logits that they want from what the final norm gives out."""
    model = tiny("llama")
    anatomy, keep, made = Anatomy(model), Keep(), []
    handle = anatomy.unembedding.register_forward_hook(lambda *_: made.append("logits"))
    run_pass(anatomy, prompts_of((9, 5)), [keep], batch_size=2)
    handle.remove()
    assert made == []
    assert sorted(keep.normed) == [0, 1]


def unprompted(model: PreTrainedModel, anatomy: Anatomy, value: float) -> list[Prompt]:
    """Prompts that do not hold token 0, which padding consists of, and which is no number."""
    with torch.no_grad():
        model.get_input_embeddings().weight[0] = value  # type: ignore[index]
    return [Prompt(ids=tuple(max(1, i) for i in p.ids), queries={}) for p in prompts_of((9, 5, 9))]


@pytest.mark.parametrize("architecture", ["gpt2", "llama"])
def test_padding_that_is_no_number_changes_none(architecture: str) -> None:
    model = tiny(architecture)
    anatomy = Anatomy(model)
    prompts, kept = unprompted(model, anatomy, float("inf")), []
    for size in (1, 3):
        keep = Keep()
        run_pass(anatomy, prompts, [keep], batch_size=size)
        kept.append(keep)
    for key, weights in kept[0].weights.items():
        torch.testing.assert_close(kept[1].weights[key], weights, atol=1e-5, rtol=0)
    for number, stream in kept[0].final.items():
        torch.testing.assert_close(kept[1].final[number], stream, atol=1e-4, rtol=1e-5)
    with pytest.raises(CaptureFailed, match="are no numbers"):
        run_pass(anatomy, [*prompts, Prompt((3, 0, 4), {})], [Keep()], batch_size=4)


@pytest.mark.parametrize("layer", [0, 1, 2])
def test_attention_that_is_no_number_is_an_error(layer: int) -> None:
    """The kernel for the CPU gives zeros out then, which no later stream tells from others."""
    model = tiny("llama")
    anatomy = Anatomy(model)
    with torch.no_grad():
        attention = model.model.layers[layer].self_attn
        attention.q_proj.weight.fill_(float("inf"))
        attention.o_proj.weight.zero_()
    with pytest.raises(CaptureFailed, match="are no numbers"):
        run_pass(anatomy, prompts_of((9, 5)), [_Weights()], batch_size=2)


@pytest.mark.parametrize("part", ["q_proj", "k_proj"])
@pytest.mark.parametrize("layer", [0, 1, 2])
def test_queries_and_keys_that_overflow_are_an_error(layer: int, part: str) -> None:
    """Where nobody reads the attention of the layer, too."""
    model = tiny("llama").half()
    anatomy = Anatomy(model)
    with torch.no_grad():
        getattr(model.model.layers[layer].self_attn, part).weight.fill_(6e4)
    with pytest.raises(CaptureFailed, match="not finite"):
        run_pass(anatomy, prompts_of((9, 5)), [Reader()], batch_size=2)


def test_nothing_is_left_behind_by_a_pass_that_cannot_begin(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = tiny("llama").train()
    anatomy = Anatomy(model)

    def refuse(*_: object) -> None:
        raise ValueError("no such implementation")

    monkeypatch.setattr(type(model), "set_attn_implementation", refuse)
    with pytest.raises(ValueError, match="no such implementation"):
        run_pass(anatomy, prompts_of((9,)), [Keep()], batch_size=1)
    assert not any(m._forward_pre_hooks or m._forward_hooks for m in model.modules())
    assert all(module.training for module in model.modules())


class _Meanwhile(_Weights):
    """Starts something in another thread in the midst of the first layer."""

    def __init__(self, work: Callable[[], None]) -> None:
        super().__init__()
        self.thread = Thread(target=work)

    def read(self, view: LayerView) -> None:
        if not self.thread.ident:
            self.thread.start()
            self.thread.join(timeout=0.3)
        super().read(view)


@pytest.mark.parametrize("architecture", ["gpt2", "llama"])
def test_two_threads_read_one_model_one_after_the_other(architecture: str) -> None:
    model = tiny(architecture)
    anatomy, prompts = Anatomy(model), prompts_of((9, 5))
    alone = [_Weights(), _Weights()]
    for weights, prompt in zip(alone, prompts, strict=True):
        run_pass(anatomy, [prompt], [weights], batch_size=1)
    other = _Weights()
    first = _Meanwhile(lambda: run_pass(Anatomy(model), prompts[1:], [other], batch_size=1))
    run_pass(anatomy, prompts[:1], [first], batch_size=1)
    first.thread.join()
    for ours, theirs in zip((first, other), alone, strict=True):
        assert ours.kept.keys() == theirs.kept.keys()
        assert all(torch.equal(ours.kept[key], theirs.kept[key]) for key in theirs.kept)


def test_who_runs_a_model_while_it_is_read_is_told_so() -> None:
    model, said = tiny("llama"), []

    def run() -> None:
        try:
            model(input_ids=torch.tensor([[3, 4]]))
        except RuntimeError as error:
            said.append(str(error))

    first = _Meanwhile(run)
    run_pass(Anatomy(model), prompts_of((9,)), [first], batch_size=1)
    assert len(said) == 1
    assert "being read" in said[0]
