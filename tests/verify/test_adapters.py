"""Models with adapters of peft, which the development group installs, are measured as they are.

Independent truth: the plain model with each adapter's matrix added to its weight here, by hand.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel

import verify
from tests.verify.catalog_parts import OBSERVED, catalog, needed
from tests.verify.test_capture import Keep, prompts_of
from tests.verify.test_odd_models import model_of
from verify import reference, support
from verify.anatomy import Anatomy, UnsupportedArchitecture
from verify.capture import run_pass
from verify.foreign_layers import foreign_layers
from verify.loading import ModelError, find, load, wrap

peft = pytest.importorskip("peft", reason="the development group has peft: make setup")

FOLDER = Path(reference.__file__).parent
TYPES = ("induction", "name-mover")
ALL = {
    "llama": ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
    "gpt2": ["c_attn", "c_proj", "c_fc"],
}
ATTENTION = ["q_proj", "k_proj", "v_proj", "o_proj"]
CAUSAL = {"task_type": "CAUSAL_LM"}
LOW_RANK = {"r": 4, "lora_alpha": 8, **CAUSAL}


def plain(name: str) -> PreTrainedModel:
    made: PreTrainedModel = AutoModelForCausalLM.from_pretrained(FOLDER / name, dtype=torch.float32)
    return made


def tokenizer(name: str = "llama") -> Any:
    return AutoTokenizer.from_pretrained(FOLDER / name)


def adapted(model: PreTrainedModel, config: Any, size: float = 0.05) -> Any:
    """The model with an adapter that changes it: what would be trained has grown at random."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = peft.get_peft_model(model, config)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in made.parameters():
            if parameter.requires_grad:
                parameter.add_(size * torch.randn(parameter.shape, generator=generator))
    return made.eval()


def of_all_layers(name: str, **more: Any) -> Any:
    settings = {"target_modules": ALL[name], "fan_in_fan_out": name == "gpt2", **LOW_RANK, **more}
    return adapted(plain(name), peft.LoraConfig(**settings))


def by_hand(name: str, model: Any) -> PreTrainedModel:
    """The plain model whose weights have lora_alpha / r times B A added."""
    made = plain(name)
    tensors = {key: value.detach() for key, value in model.get_base_model().named_parameters()}
    for key, down in tensors.items():
        layer, found, _ = key.partition(".lora_A.")
        if found:
            change = 8 / 4 * tensors[f"{layer}.lora_B.default.weight"] @ down
            with torch.no_grad():
                made.get_submodule(layer).weight += change.T if name == "gpt2" else change
    return made


def assert_same_numbers(ours: verify.Results, truth: verify.Results) -> None:
    assert ours.heads == truth.heads
    assert truth.evidence
    for key, record in truth.evidence.items():
        mine = ours.evidence[key].scores
        assert record.scores is not None
        assert mine is not None
        for grid in ("mean", "control"):
            np.testing.assert_allclose(
                np.array(getattr(mine, grid), dtype=float),
                np.array(getattr(record.scores, grid), dtype=float),
                atol=1e-5,
            )


@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_scores_are_those_of_weights_merged_by_hand(name: str) -> None:
    model = of_all_layers(name)
    merged = by_hand(name, model)
    ours, truth = (
        verify.run(made, tokenizer(name), TYPES, strengths=OBSERVED, catalog=catalog())
        for made in (model, merged)
    )
    assert_same_numbers(ours, truth)
    assert ours["induction"].found
    # adapters changed what is measured, and the record says that they did
    before = verify.run(
        plain(name), tokenizer(name), "induction", strengths="pattern", catalog=catalog()
    )
    key = ("induction", "prefix-matching")
    assert ours.evidence[key].scores != before.evidence[key].scores
    (layers,) = ours.model.foreign_layers
    assert layers.endswith("x peft.Linear around torch.Linear" if name == "llama" else "Conv1D")
    assert ours.evidence[key].run.versions["peft"] == peft.__version__
    assert not before.model.foreign_layers
    assert "peft" not in before.evidence[key].run.versions


@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_what_is_lost_without_each_head_is_that_of_merged_weights(name: str) -> None:
    model = of_all_layers(name)
    scores = []
    for made in (model, by_hand(name, model)):
        record = needed(wrap(made, tokenizer(name)))
        assert record.scores is not None
        scores.append(np.array(record.scores.mean))
    assert np.abs(scores[1]).max() > 0.01
    np.testing.assert_allclose(*scores, atol=1e-5)


def test_wrapper_and_base_model_are_one_model_and_the_merged_is_another() -> None:
    model = of_all_layers("llama")
    wrapped, base = wrap(model, tokenizer()), wrap(model.get_base_model(), tokenizer())
    assert wrapped.model is base.model
    assert wrapped.weights_sha256 == base.weights_sha256
    merged = model.merge_and_unload()
    assert not foreign_layers(merged)
    assert wrap(merged, tokenizer()).weights_sha256 != base.weights_sha256


def test_what_no_tensor_says_is_in_the_hash() -> None:
    model = of_all_layers("llama")

    def sha256() -> str:
        return wrap(model, tokenizer()).weights_sha256

    usual = sha256()
    assert sha256() == usual
    assert wrap(of_all_layers("llama"), tokenizer()).weights_sha256 == usual
    with model.disable_adapter():
        assert sha256() != usual
    assert sha256() == usual
    for module in model.modules():
        if isinstance(getattr(module, "scaling", None), dict):
            module.scaling["default"] *= 2
    assert sha256() != usual


def test_a_disabled_adapter_is_not_measured() -> None:
    model = of_all_layers("llama")
    with model.disable_adapter():
        ours = verify.run(model, tokenizer(), "induction", strengths=OBSERVED, catalog=catalog())
    truth = verify.run(
        plain("llama"), tokenizer(), "induction", strengths=OBSERVED, catalog=catalog()
    )
    assert_same_numbers(ours, truth)


@pytest.mark.parametrize(
    ("name", "targets"),
    [
        ("llama", ATTENTION),
        ("gemma2", ATTENTION),
        ("mixtral", ATTENTION),
        ("gpt_neox", ["query_key_value", "dense"]),
        ("bloom", ["query_key_value", "dense"]),
        ("falcon", ["query_key_value", "dense"]),
        ("gptj", ["q_proj", "v_proj", "out_proj"]),
        ("gpt_neo", ["q_proj", "v_proj", "out_proj"]),
        ("mpt", ["Wqkv", "out_proj"]),
    ],
)
def test_adapters_are_read_exactly_in_every_way_of_listening(name: str, targets: list[str]) -> None:
    config = peft.LoraConfig(target_modules=targets, lora_bias=name == "gpt_neox", **LOW_RANK)
    found = support.check(adapted(model_of(name), config))
    assert found.exact, found


KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "dora": ("LoraConfig", {"use_dora": True, **LOW_RANK}),
    "rslora": ("LoraConfig", {"use_rslora": True, **LOW_RANK}),
    "ia3": ("IA3Config", {"feedforward_modules": [], **CAUSAL}),
    "loha": ("LoHaConfig", {"r": 4, **CAUSAL}),
    "lokr": ("LoKrConfig", {"r": 4, **CAUSAL}),
    "oft": ("OFTConfig", {"oft_block_size": 8, **CAUSAL}),
    "adalora": ("AdaLoraConfig", {"total_step": 10, "init_r": 4, "target_r": 2, **CAUSAL}),
    "whole layers": ("LoraConfig", {"modules_to_save": ["o_proj"], **LOW_RANK}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_adapter_that_stays_linear_is_read_exactly(kind: str) -> None:
    name, settings = KINDS[kind]
    targets = ["q_proj", "v_proj"] if "modules_to_save" in settings else ATTENTION
    model = adapted(plain("llama"), getattr(peft, name)(target_modules=targets, **settings))
    found = support.check(model)
    assert found.exact, found
    ids = torch.arange(30, 40)[None]
    with torch.no_grad():  # the adapter does something
        assert not torch.allclose(model(ids).logits, plain("llama")(ids).logits, atol=1e-2)


def test_several_active_adapters_and_those_of_transformers_itself() -> None:
    config = peft.LoraConfig(target_modules=ATTENTION, **LOW_RANK)
    model = adapted(plain("llama"), config)
    model.add_adapter("other", config)
    model.base_model.set_adapter(["default", "other"])
    assert support.check(model).exact
    added = plain("llama")
    added.add_adapter(config)
    assert support.check(added).exact


def test_dropout_of_an_adapter_changes_nothing_and_is_left_on() -> None:
    kept = []
    for training in (False, True):
        model = of_all_layers("llama", lora_dropout=0.5).train(training)
        before = [module.training for module in model.modules()]
        keep = Keep()
        anatomy = Anatomy(model)
        run_pass(anatomy, prompts_of((9, 5)), [keep], batch_size=2)
        kept.append([*keep.weights.values(), anatomy.output_weight(2), anatomy.value_weight(2)])
        assert [module.training for module in model.modules()] == before
    for plain_run, in_training in zip(*kept, strict=True):
        assert torch.equal(plain_run, in_training)


@pytest.mark.parametrize(
    "kind", ["PrefixTuningConfig", "PromptTuningConfig", "PromptEncoderConfig"]
)
@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_tokens_that_are_in_no_prompt_are_refused_by_name(kind: str, name: str) -> None:
    model = peft.get_peft_model(plain(name), getattr(peft, kind)(num_virtual_tokens=4, **CAUSAL))
    with pytest.raises(
        UnsupportedArchitecture, match=r"its P\w+ adapter changes .* without it, .*get_base_model"
    ):
        wrap(model, tokenizer(name))
    wrap(model.get_base_model(), tokenizer(name))


@pytest.mark.parametrize(
    "settings",
    [
        {"target_modules": ["lm_head"]},
        {"target_modules": ["embed_tokens"]},
        {"target_modules": ["q_proj"], "modules_to_save": ["lm_head"]},
    ],
    ids=str,
)
def test_adapters_of_embeddings_are_refused_and_the_merged_model_is_measured(
    settings: dict[str, Any],
) -> None:
    model = adapted(plain("llama"), peft.LoraConfig(**settings, **LOW_RANK))
    for part in (model, model.get_base_model()):
        with pytest.raises(UnsupportedArchitecture, match=r"merge that .* merge_and_unload\(\)"):
            Anatomy(part)
    assert support.check(model.merge_and_unload()).exact


def test_an_adapter_that_adds_attention_of_its_own_is_refused() -> None:
    config = peft.AdaptionPromptConfig(adapter_len=4, adapter_layers=2, **CAUSAL)
    model = adapted(plain("llama"), config)
    with pytest.raises(UnsupportedArchitecture, match=r"in layer 2 .* disable_adapter\(\)"):
        wrap(model, tokenizer())


def test_a_layer_that_is_not_linear_is_refused() -> None:
    class Gated(nn.Module):
        """An adapter whose low part is bent."""

        def __init__(self, plain: nn.Linear) -> None:
            super().__init__()
            self.base_layer = plain
            self.low = nn.Linear(plain.in_features, plain.out_features, bias=False)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.base_layer(x) + nn.functional.silu(self.low(x))

    for part, what in (("v_proj", "values"), ("o_proj", "output")):
        model = model_of("llama")
        attention = model.base_model.layers[1].self_attn
        setattr(attention, part, Gated(getattr(attention, part)))
        with pytest.raises(
            UnsupportedArchitecture, match=f"layer 1 the projection of {what} is not linear"
        ):
            Anatomy(model)


def test_a_folder_with_an_adapter_says_what_to_do(tmp_path: Path) -> None:
    of_all_layers("llama").save_pretrained(tmp_path)
    with pytest.raises(ModelError, match=r"holds an adapter: .* verify\.run.* merge_and_unload"):
        load(find(str(tmp_path), catalog(), revision=None, described_as=None))


def test_other_wrappers_are_refused_by_name() -> None:
    with pytest.raises(UnsupportedArchitecture, match=r"DataParallel is no model .*\.module"):
        wrap(nn.DataParallel(plain("llama")), tokenizer())  # type: ignore[arg-type]
