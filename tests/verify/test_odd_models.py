"""What could make the engine silently wrong: odd configurations, modes and hooks of others."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from transformers import LlavaConfig, LlavaForConditionalGeneration, PreTrainedModel
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.models.llama.modeling_llama import LlamaAttention

from tests.verify.catalog_parts import words
from tests.verify.test_capture import Keep, prompts_of
from verify import support
from verify.anatomy import Anatomy, UnsupportedArchitecture
from verify.architectures import ARCHITECTURES, Architecture, tiny_model
from verify.architectures.composite import IMAGES
from verify.architectures.configurations import LLAMA_LIKE
from verify.capture import run_pass
from verify.words import Words


def model_of(name: str, **more: Any) -> PreTrainedModel:
    made = next(a for a in ARCHITECTURES if a.name == name)
    return tiny_model(Architecture(name, made.config, {**made.settings, **more}))


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("llama", {"num_key_value_heads": 1, "head_dim": 16}),
        ("llama", {"head_dim": 6}),
        ("llama", {"attention_bias": True, "mlp_bias": True}),
        ("llama", {"tie_word_embeddings": True}),
        ("gemma", {"tie_word_embeddings": False}),
        ("gemma2", {"num_key_value_heads": 1, "head_dim": 24}),
        ("gpt2", {"tie_word_embeddings": False}),
        ("gpt2", {"scale_attn_by_inverse_layer_idx": True}),
        ("gpt2", {"reorder_and_upcast_attn": True}),
        ("gpt2", {"scale_attn_weights": False}),
        ("gptj", {"rotary_dim": 8}),
        ("olmo2", {"attention_bias": True}),
        ("phi", {"partial_rotary_factor": 0.25}),
        ("stablelm", {"qk_layernorm": True}),
        ("mistral", {"sliding_window": 1}),
        ("gpt_oss", {"sliding_window": 1}),
    ],
    ids=str,
)
def test_odd_configurations_are_read_exactly(name: str, more: dict[str, Any]) -> None:
    found = support.check(model_of(name, **more))
    assert found.exact, found


def dynamic(kind: str) -> PreTrainedModel:
    """Llama whose rotary positions change beyond 16 tokens."""
    settings: dict[str, Any] = {"rope_type": kind, "rope_theta": 10000.0, "factor": 4.0}
    if kind == "dynamic":
        return model_of("llama", max_position_embeddings=16, rope_parameters=settings)
    settings |= {
        "original_max_position_embeddings": 16,
        "short_factor": [1.0] * 4,
        "long_factor": [1.0, 2.0, 3.0, 4.0],
    }
    return model_of("llama", rope_parameters=settings)


@pytest.mark.parametrize("size", [1, 16])
@pytest.mark.parametrize("kind", ["dynamic", "longrope"])
def test_positions_that_depend_on_the_longest_prompt(kind: str, size: int) -> None:
    """Each prompt gives what it gives alone to a model that has read nothing before."""
    model, prompts = dynamic(kind), prompts_of((9, 60, 30, 16, 17, 30))
    fresh = copy.deepcopy(model)
    keep = Keep()
    run_pass(Anatomy(model), prompts, [keep], batch_size=size)
    for number, prompt in enumerate(prompts):
        alone = copy.deepcopy(fresh)
        alone.set_attn_implementation("eager")
        with torch.no_grad():
            out = alone(
                input_ids=torch.tensor([prompt.ids]), output_attentions=True, use_cache=False
            )
        for layer, weights in enumerate(out.attentions):
            torch.testing.assert_close(keep.weights[number, layer], weights[0], atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", ["llama", "bloom"])
def test_what_the_configuration_returns_makes_no_difference(name: str) -> None:
    model = model_of(name)
    model.config.output_hidden_states = True
    assert support.check(model).exact
    if name == "llama":
        model.set_attn_implementation("eager")
    model.config.output_attentions = True
    assert support.check(model).exact
    assert model.config.output_attentions


@pytest.mark.parametrize("whole", [True, False])
def test_every_module_is_left_in_the_mode_that_it_was_in(whole: bool) -> None:
    model = model_of("gpt2", resid_pdrop=0.5, attn_pdrop=0.5).train(whole)
    model.base_model.h[1].train(not whole)
    before = [module.training for module in model.modules()]
    anatomy, kept = Anatomy(model), []
    for _ in range(2):
        keep = Keep()
        run_pass(anatomy, prompts_of((9, 5)), [keep], batch_size=2)
        anatomy.first_mlp(torch.tensor([3, 4]))
        kept.append(keep)
    assert [module.training for module in model.modules()] == before
    for key, weights in kept[0].weights.items():
        assert torch.equal(weights, kept[1].weights[key])


@pytest.mark.parametrize("name", ["llama", "bloom"])
def test_gradient_checkpointing_and_dropout_change_nothing(name: str) -> None:
    plain, trained = model_of(name), model_of(name)
    trained.gradient_checkpointing_enable()
    trained.train()
    kept = []
    for model in (plain, trained):
        keep = Keep()
        run_pass(Anatomy(model), prompts_of((9, 5)), [keep], batch_size=2)
        kept.append(keep)
    for key, weights in kept[0].weights.items():
        assert torch.equal(weights, kept[1].weights[key])


class Adapted(nn.Linear):
    """A linear layer with an adapter of low rank inside, of which its weight tells nothing."""

    def __init__(self, plain: nn.Linear) -> None:
        super().__init__(plain.in_features, plain.out_features, bias=plain.bias is not None)
        self.load_state_dict(plain.state_dict())
        generator = torch.Generator().manual_seed(2)
        self.low = nn.Parameter(torch.randn(2, plain.in_features, generator=generator))
        self.up = nn.Parameter(torch.randn(plain.out_features, 2, generator=generator))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x) + x @ self.low.T @ self.up.T


@pytest.mark.parametrize("part", ["v_proj", "o_proj", "lm_head"])
@pytest.mark.parametrize("how", ["adapter", "hook"])
def test_a_layer_that_computes_something_else_than_its_weight_is_refused(
    part: str, how: str
) -> None:
    model = model_of("llama")
    owner: Any = model if part == "lm_head" else model.base_model.layers[1].self_attn
    if how == "adapter":
        setattr(owner, part, Adapted(getattr(owner, part)))
    else:
        getattr(owner, part).register_forward_hook(lambda _, __, output: output * 2)
    with pytest.raises(UnsupportedArchitecture, match="something else than its weight does"):
        Anatomy(model)


@pytest.mark.parametrize("part", ["q_proj", "k_proj"])
def test_an_adapter_of_queries_or_keys_is_read_as_it_is(part: str) -> None:
    model = model_of("llama")
    attention: Any = model.base_model.layers[1].self_attn
    setattr(attention, part, Adapted(getattr(attention, part)))
    assert support.check(model).exact


@pytest.mark.parametrize("where", ["block", "o_proj", "norm"])
def test_hooks_that_change_the_stream_are_refused(where: str) -> None:
    model = model_of("llama")
    layers = model.base_model.layers
    if where == "block":
        layers[1].register_forward_hook(lambda _, __, output: output + 1.0)
    elif where == "o_proj":
        layers[1].self_attn.o_proj.register_forward_pre_hook(lambda _, args: (2 * args[0],))
    else:
        model.base_model.norm.register_forward_hook(lambda _, __, output: output * 2)
    with pytest.raises(UnsupportedArchitecture):
        Anatomy(model)


def test_a_start_token_that_the_model_does_not_know_is_left_out() -> None:
    known = words()
    (start,) = known.start
    assert Words(known.tokenizer, {}, {}, start + 1).start == (start,)
    assert Words(known.tokenizer, {}, {}, start).start == ()


def test_compiled_models_are_refused_by_name() -> None:
    whole: Any = torch.compile(model_of("llama"), backend="eager")
    inside = model_of("llama")
    inside.compile(backend="eager")
    for model in (whole, inside):
        with pytest.raises(UnsupportedArchitecture, match="is compiled"):
            Anatomy(model)


def test_double_precision_is_refused_by_name() -> None:
    with pytest.raises(UnsupportedArchitecture, match="double precision"):
        Anatomy(model_of("bloom").double())


@pytest.mark.parametrize("name", ["llama", "gptj", "bloom", "falcon", "mpt", "xglm"])
def test_what_accelerate_puts_in_front_of_modules_stays_there(name: str) -> None:
    """As ``device_map`` leaves a model: each module's ``forward`` is a function of accelerate."""
    from accelerate.hooks import AlignDevicesHook, add_hook_to_module  # type: ignore[import-untyped]

    model = model_of(name)
    for module in model.modules():
        add_hook_to_module(module, AlignDevicesHook("cpu", io_same_device=True))
    before = {module: vars(module)["forward"] for module in model.modules()}
    assert support.check(model).exact
    assert {module: vars(module).get("forward") for module in model.modules()} == before


@pytest.mark.parametrize("name", ["llama", "bloom"])
def test_a_model_that_accelerate_spreads_gives_the_numbers_of_the_whole(name: str) -> None:
    """Every block goes through hooks of its own, as where devices are several."""
    from accelerate import dispatch_model
    from accelerate.hooks import AlignDevicesHook

    whole, spread = model_of(name), model_of(name)
    (stack,) = (key for key, part in spread.named_modules() if isinstance(part, nn.ModuleList))
    above = (f"{spread.base_model_prefix}.{key}" for key, _ in spread.base_model.named_children())
    parts = {key: "cpu" for key in above if key != stack}
    parts |= {f"{stack}.{at}": "cpu" for at in range(len(spread.get_submodule(stack)))}
    parts["lm_head"] = "cpu"
    spread = dispatch_model(spread, parts, main_device="cpu", force_hooks=True)
    assert any(isinstance(getattr(m, "_hf_hook", None), AlignDevicesHook) for m in spread.modules())
    assert support.check(spread).exact
    kept = []
    for model in (whole, spread):
        keep = Keep()
        run_pass(Anatomy(model), prompts_of((9, 5)), [keep], batch_size=2)
        kept.append(keep)
    for key, weights in kept[0].weights.items():
        assert torch.equal(weights, kept[1].weights[key])


@pytest.mark.parametrize("where", ["disk", "cpu"])
def test_weights_that_are_elsewhere_are_refused_by_name(where: str, tmp_path: Path) -> None:
    from accelerate import cpu_offload, disk_offload

    model = model_of("llama")
    if where == "disk":
        disk_offload(model, str(tmp_path), execution_device=torch.device("cpu"))
    else:
        cpu_offload(model, execution_device=torch.device("cpu"))
    with pytest.raises(UnsupportedArchitecture, match=r"\.weight is offloaded, and the heads'"):
        Anatomy(model)


@pytest.mark.parametrize("part", ["model.layers.1", "lm_head"])
def test_a_model_of_which_a_part_was_converted_is_refused_by_name(part: str) -> None:
    model = model_of("llama")
    model.get_submodule(part).to(torch.bfloat16)
    with pytest.raises(
        UnsupportedArchitecture, match=r"does not run \(its weights are bfloat16 and float32; give"
    ):
        Anatomy(model)


def test_a_norm_of_half_precision_in_a_float32_model_is_read_exactly() -> None:
    model = model_of("llama")
    for name, module in model.named_modules():
        if name.endswith("norm"):
            module.to(torch.bfloat16)
    assert support.check(model).exact


def test_autocast_around_a_run_does_not_change_its_precision() -> None:
    model, kept = model_of("llama"), []
    for on in (False, True):
        keep = Keep()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=on):
            run_pass(Anatomy(model), prompts_of((9, 5)), [keep], batch_size=2)
        kept.append(keep)
    for key, weights in kept[0].weights.items():
        assert torch.equal(weights, kept[1].weights[key])


@pytest.mark.parametrize("name", ["llama", "bloom", "falcon_rw", "xglm", "gpt_neo"])
def test_one_long_prompt_among_short_ones(name: str) -> None:
    context = {"bloom": "seq_length"}.get(name, "max_position_embeddings")
    model, prompts = model_of(name, **{context: 700}), prompts_of((3, 700, 1, 40))
    kept = []
    for size in (1, 16):
        keep = Keep()
        run_pass(Anatomy(model), prompts, [keep], batch_size=size)
        kept.append(keep)
    for key, weights in kept[0].weights.items():
        torch.testing.assert_close(kept[1].weights[key], weights, atol=1e-5, rtol=0)
        assert float(weights.sum(-1).sub(1).abs().max()) < 1e-5


class Mine(LlamaAttention):
    """As in a file of somebody's own, which has no attention function."""


def test_an_attention_class_of_somebodys_own_is_read() -> None:
    model = model_of("llama")
    for layer in model.base_model.layers:
        layer.self_attn.__class__ = Mine
    assert not hasattr(sys.modules[__name__], "eager_attention_forward")
    assert support.check(model).exact


def without_use_cache(model: PreTrainedModel) -> str:
    own = type(model).forward

    class Strict(type(model)):  # type: ignore[misc]
        def forward(self, input_ids: torch.Tensor) -> Any:
            return own(self, input_ids=input_ids)

    model.__class__ = Strict
    return "TypeError"


def smaller_vocabulary(model: PreTrainedModel) -> str:
    own = type(model).forward

    class Cut(type(model)):  # type: ignore[misc]
        def forward(self, **inputs: Any) -> Any:
            out = own(self, **inputs)
            out.logits = out.logits[..., :-1]
            return out

    model.__class__ = Cut
    return "RuntimeError"


def no_eager_attention(model: PreTrainedModel) -> str:
    class Alone(nn.Module):
        forward = None

    Alone.forward = strange_forward  # type: ignore[assignment]
    for layer in model.base_model.layers:
        layer.self_attn.__class__ = type("Alone", (nn.Module,), {"forward": strange_forward})
    return "LookupError"


def strange_forward(self: Any, hidden_states: torch.Tensor, **kwargs: Any) -> Any:
    """Llama's attention without positions, with a function of the registry and none besides."""
    shape = (*hidden_states.shape[:-1], -1, self.head_dim)
    query, key, value = (
        part(hidden_states).view(shape).transpose(1, 2)
        for part in (self.q_proj, self.k_proj, self.v_proj)
    )
    attend = ALL_ATTENTION_FUNCTIONS[self.config._attn_implementation]
    z, weights = attend(self, query, key, value, None, scaling=self.scaling)
    return self.o_proj(z.reshape(*hidden_states.shape[:-1], -1)), weights


@pytest.mark.parametrize("spoil", [without_use_cache, smaller_vocabulary, no_eager_attention])
def test_what_goes_wrong_in_a_strange_model_is_a_refusal_with_the_reason(
    spoil: Callable[[PreTrainedModel], str],
) -> None:
    model = model_of("llama")
    what = spoil(model)
    with pytest.raises(UnsupportedArchitecture, match=rf"not understood \({what}: .") as caught:
        Anatomy(model)
    assert "\n" not in str(caught.value)
    assert support.check(model).reason == str(caught.value)


def test_the_table_of_support_goes_on_after_a_row_that_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = (Architecture("none", "LlamaConfig", {"no": []}), *ARCHITECTURES[:1])
    made = support.tiny_model

    def tiny(architecture: Architecture) -> PreTrainedModel:
        if architecture.name == "none":
            raise TypeError("no such setting")
        return made(architecture)

    monkeypatch.setattr(support, "ARCHITECTURES", rows)
    monkeypatch.setattr(support, "tiny_model", tiny)
    (_, first), (_, second) = support.table()
    assert first.read == "refused"
    assert "no such setting" in str(first.reason)
    assert second.exact


def beside_images() -> PreTrainedModel:
    """Which transformers does not give as a causal language model: its text part is one."""
    vision = {**IMAGES, "model_type": "clip_vision_model", "projection_dim": 16}
    text = {**LLAMA_LIKE, "model_type": "llama", "vocab_size": 61}
    config = LlavaConfig(text_config=text, vision_config=vision, image_token_id=60)
    return LlavaForConditionalGeneration(config).eval()


def test_a_model_that_reads_images_is_measured_by_its_text_part() -> None:
    model = beside_images()
    assert support.check(model).exact
    anatomy = Anatomy(model)
    assert (anatomy.heads, anatomy.context) == (4, 64)


def test_parts_that_read_something_else_keep_their_attention_function() -> None:
    model = model_of("gemma3_images")
    assert type(model).__name__ == "Gemma3ForConditionalGeneration"
    model.set_attn_implementation({"text_config": "eager"})
    configs = model.config, model.config.text_config, model.config.vision_config
    before = [config._attn_implementation for config in configs]
    assert set(before) == {"sdpa", "eager"}
    assert support.check(model).exact
    assert [config._attn_implementation for config in configs] == before
