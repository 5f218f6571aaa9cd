"""Model folders are hostile until checked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from huggingface_hub.utils import filter_repo_objects
from safetensors.torch import load_file, save_file

from tests.planted import induction_model
from tests.verify.catalog_parts import catalog
from tests.verify.tiny_models import tiny
from verify import loading
from verify.anatomy import Anatomy, UnsupportedArchitecture
from verify.fingerprints import file_sha256
from verify.loading import LoadedModel, ModelError, find, is_split, load
from verify.model_files import memory_bytes
from verify.model_sources import download


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return induction_model("llama").save(tmp_path / "my model")


def load_folder(folder: Path, **options: str) -> LoadedModel:
    return load(find(str(folder), catalog(), revision=None, described_as=None), **options)


def test_a_folder_loads_and_is_identified_by_its_weights(folder: Path) -> None:
    loaded = load_folder(folder)
    assert loaded.id == "local--my-model"
    assert loaded.weights_sha256 == file_sha256(folder / "model.safetensors")
    assert loaded.model.dtype == torch.float32
    again = load_folder(folder)
    assert again.revision == loaded.revision
    assert again.config_sha256 == loaded.config_sha256
    assert again.tokenizer_sha256 == loaded.tokenizer_sha256


def test_a_model_whose_parts_lie_apart_is_told() -> None:
    model = tiny("llama")
    assert not is_split(model)
    model.model.layers[1].to("meta")  # type: ignore[index,operator,union-attr]
    assert is_split(model)


def test_only_safetensors_are_read(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save(weights, folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"has no model\.safetensors .* other weight formats"):
        load_folder(folder)


def test_code_of_a_folder_is_never_run(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {"AutoModelForCausalLM": "evil.Model"}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "evil.py").write_text("raise SystemExit('ran')")
    with pytest.raises(ModelError, match="asks to run code of its own"):
        load_folder(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "is no JSON"),
        (b"\xff\xfe", "is no JSON"),
        (b"[]", "holds no JSON object"),
        (b'{"model_type": "no-such-thing"}', "transformers cannot load it"),
    ],
)
def test_a_broken_configuration_is_one_sentence(folder: Path, content: bytes, message: str) -> None:
    (folder / "config.json").write_bytes(content)
    with pytest.raises(ModelError, match=message) as caught:
        load_folder(folder)
    assert "\n" not in str(caught.value)


def test_missing_weights_are_refused_and_not_made_up(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    del weights["model.layers.1.self_attn.q_proj.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"weights are missing or misshapen, such as .*q_proj"):
        load_folder(folder)


def test_truncated_weights_are_refused(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ModelError, match="transformers cannot load it"):
        load_folder(folder)


def test_an_unsupported_architecture_is_named(tmp_path: Path) -> None:
    from transformers import OPTConfig, OPTForCausalLM

    OPTForCausalLM(
        OPTConfig(
            vocab_size=20,
            hidden_size=16,
            word_embed_proj_dim=16,
            ffn_dim=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            do_layer_norm_before=False,
        )
    ).save_pretrained(tmp_path)
    induction_model("llama").tokenizer.save_pretrained(tmp_path)
    with pytest.raises(
        ModelError, match="OPTForCausalLM is not supported: in layer 0 the residual"
    ):
        load_folder(tmp_path)


def test_a_folder_given_as_an_entry_must_have_its_size(folder: Path) -> None:
    source = find(str(folder), catalog(), revision=None, described_as="gpt2")
    assert source.id == "openai-community--gpt2"
    with pytest.raises(
        ModelError,
        match="architecture GPT2LMHeadModel by its entry, LlamaForCausalLM by its weights",
    ):
        load(source)


def test_names_are_looked_up_with_suggestions(tmp_path: Path) -> None:
    assert find("gpt2-small", catalog(), revision=None, described_as=None).hub_id == (
        "openai-community/gpt2"
    )
    with pytest.raises(ModelError, match="unknown model 'gpt2-smal'; did you mean 'gpt2-small'"):
        find("gpt2-smal", catalog(), revision=None, described_as=None)
    with pytest.raises(ModelError, match="no folder"):
        find(str(tmp_path / "nothing"), catalog(), revision=None, described_as=None)
    hub = find("some-org/some-model", catalog(), revision="main", described_as=None)
    assert (hub.id, hub.revision) == ("some-org--some-model", "main")


def test_a_hub_that_cannot_be_reached_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object, **__: object) -> str:
        raise OSError("no route to host")

    monkeypatch.setattr("verify.model_sources.snapshot_download", unreachable)
    with pytest.raises(ModelError, match=r"cannot get openai-community/gpt2 .*\n.*--model FOLDER"):
        load(find("gpt2", catalog(), revision=None, described_as=None))


@pytest.mark.parametrize("split", [True, False])
def test_of_weights_only_what_is_read_is_fetched(
    split: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A repository that holds its weights twice more, as Mistral's and gpt-oss do."""
    parts = ["part-a.safetensors", "part-b.safetensors"] if split else ["model.safetensors"]
    held = [
        "config.json",
        "tokenizer.json",
        "consolidated.safetensors",
        "original/model.safetensors",
        "original/consolidated.00.safetensors",
        *parts,
        *(["model.safetensors.index.json"] if split else []),
    ]
    folder = tmp_path / "abc123"
    asked = []

    def fetch(_: str, revision: str | None, allow_patterns: list[str]) -> str:
        asked.append(revision)
        for name in filter_repo_objects(held, allow_patterns=allow_patterns):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            index = {"weight_map": {str(i): part for i, part in enumerate(parts)}}
            (folder / name).write_text(json.dumps(index))
        return str(folder)

    monkeypatch.setattr("verify.model_sources.snapshot_download", fetch)
    download(find("some-org/some-model", catalog(), revision="main", described_as=None))
    fetched = {str(p.relative_to(folder)) for p in folder.rglob("*.safetensors")}
    assert fetched == set(parts)
    assert asked == ["main", "abc123"]  # of one commit, whatever is pushed between


def test_weights_hash_of_a_model_in_memory_follows_every_bit() -> None:
    from verify.loading import wrap

    tokenizer = induction_model("llama").tokenizer
    model = tiny("llama")
    before = wrap(model, tokenizer).weights_sha256
    assert wrap(tiny("llama"), tokenizer).weights_sha256 == before
    with torch.no_grad():
        model.model.norm.weight[3] += 1e-6
    assert wrap(model, tokenizer).weights_sha256 != before


def test_a_folder_in_the_layout_of_the_first_gpt2(tmp_path: Path) -> None:
    """No ``transformer.`` prefix, tied unembedding left out, causal masks among the weights."""
    from transformers import GPT2Config, GPT2LMHeadModel

    tokenizer = induction_model("gpt2").tokenizer
    tokenizer.save_pretrained(tmp_path)
    size = len(tokenizer)
    model = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=size,
            n_embd=48,
            n_layer=2,
            n_head=4,
            n_positions=32,
            bos_token_id=0,
            eos_token_id=0,
        )
    )
    model.config.save_pretrained(tmp_path)
    weights = {
        name.removeprefix("transformer."): tensor.clone()
        for name, tensor in model.state_dict().items()
        if name != "lm_head.weight"
    }
    weights["h.0.attn.bias"] = torch.tril(torch.ones(32, 32))[None, None]
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    loaded = load_folder(tmp_path)
    torch.testing.assert_close(loaded.anatomy.unembedding.weight, model.lm_head.weight)
    torch.testing.assert_close(
        loaded.anatomy.value_weight(1)[3],
        model.transformer.h[1].attn.c_attn.weight[:, 96 + 36 : 96 + 48],
    )


def test_an_index_may_only_point_into_its_folder(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder.parent / "elsewhere.safetensors")
    weights = load_file(folder.parent / "elsewhere.safetensors")
    index = {"metadata": {}, "weight_map": dict.fromkeys(weights, "../elsewhere.safetensors")}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    save_file(weights, folder / "model-00001-of-00001.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"points at '\.\./elsewhere\.safetensors'"):
        load_folder(folder)


def test_an_adapter_is_refused(folder: Path) -> None:
    (folder / "adapter_config.json").write_text("{}")
    with pytest.raises(ModelError, match="holds an adapter"):
        load_folder(folder)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(folder: Path, value: float) -> None:
    weights = load_file(folder / "model.safetensors")
    weights["model.layers.1.self_attn.o_proj.weight"][0, 0] = value
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"o_proj\.weight holds numbers that are not finite"):
        load_folder(folder)


def test_a_configuration_with_fewer_layers_than_the_weights_is_refused(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["num_hidden_layers"] = 1
    config.pop("layer_types", None)
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="its configuration has 1 layers, its weights more"):
        load_folder(folder)


@pytest.mark.parametrize(
    "change",
    [
        {"num_hidden_layers": None},
        {"num_attention_heads": 0},
        {"num_hidden_layers": -1},
        {"quantization_config": {"quant_method": "gptq", "bits": 4}},
    ],
)
def test_tricks_in_a_configuration_are_one_sentence(folder: Path, change: dict) -> None:  # type: ignore[type-arg]
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **change}))
    with pytest.raises(ModelError) as caught:
        load_folder(folder)
    assert "\n" not in str(caught.value)


def test_a_device_that_is_not_there_is_one_sentence(folder: Path) -> None:
    source = find(str(folder), catalog(), revision=None, described_as=None)
    with pytest.raises(ModelError, match=r"(?i)cuda|device"):
        load(source, device="cuda:99")


def test_weights_that_are_offloaded_are_refused_by_name(folder: Path, tmp_path: Path) -> None:
    """As ``device_map="auto"`` leaves them where the devices are too small."""
    from accelerate import dispatch_model
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder)
    places = {name: "cpu" for name, _ in model.named_children()}
    places["lm_head"] = "disk"
    model = dispatch_model(model, places, main_device="cpu", offload_dir=tmp_path / "away")
    with pytest.raises(UnsupportedArchitecture, match=r"lm_head\.weight is offloaded"):
        Anatomy(model)


def test_options_that_would_do_nothing_are_refused(folder: Path) -> None:
    with pytest.raises(ModelError, match="--revision is for hub models"):
        find(str(folder), catalog(), revision="abc", described_as=None)
    with pytest.raises(ModelError, match="--as is for folders"):
        find("reference", catalog(), revision=None, described_as="gpt2")


def test_the_order_of_merges_is_part_of_a_tokenizer() -> None:
    from tokenizers import Tokenizer
    from tokenizers.models import BPE
    from transformers import PreTrainedTokenizerFast

    from verify.fingerprints import tokenizer_sha256

    vocabulary = {"a": 0, "b": 1, "c": 2, "ab": 3, "bc": 4}
    hashes = {
        tokenizer_sha256(
            PreTrainedTokenizerFast(tokenizer_object=Tokenizer(BPE(vocab=vocabulary, merges=m)))
        )
        for m in ([("a", "b"), ("b", "c")], [("b", "c"), ("a", "b")])
    }
    assert len(hashes) == 2


@pytest.mark.parametrize("device", ["cpu:0", "several"])
def test_weights_that_go_straight_to_a_device_are_the_same(folder: Path, device: str) -> None:
    source = find(str(folder), catalog(), revision=None, described_as=None)
    plain, placed = load(source, device="cpu"), load(source, device=device)
    assert placed.weights_sha256 == plain.weights_sha256
    for (name, one), (_, other) in zip(
        plain.model.named_parameters(), placed.model.named_parameters(), strict=True
    ):
        assert torch.equal(one, other), name


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="reads Linux's counters")
def test_weights_are_never_held_twice(folder: Path) -> None:
    """A model of 130 MiB, stored in half precision: its peak is its own size and one tensor."""
    import subprocess
    import sys

    from transformers import LlamaConfig, LlamaForCausalLM

    size = json.loads((folder / "config.json").read_text())["vocab_size"]
    config = LlamaConfig(
        vocab_size=size,
        hidden_size=768,
        intermediate_size=2048,
        num_hidden_layers=5,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=64,
    )
    LlamaForCausalLM(config).half().save_pretrained(folder)
    code = """
import sys
from pathlib import Path
from tests.verify.catalog_parts import catalog
from verify.loading import find, load
def held(what):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(what))
# imports and the catalog are there before the count begins
load(find("reference", catalog(), revision=None, described_as=None), device="cpu")
source = find(sys.argv[1], catalog(), revision=None, described_as=None)
Path("/proc/self/clear_refs").write_text("5")
before = held("VmRSS")
loaded = load(source, device="cpu")
size = sum(4 * parameter.numel() for parameter in loaded.model.parameters())
print(size, held("VmHWM") - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True
    )
    size, peak = (int(word) for word in done.stdout.split())
    assert size > 120 * 2**20
    # half of it again is the file, which is mapped and not copied
    assert peak < 1.75 * size


class Free:
    """What a machine with GPUs says of them."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, *, kind: str, count: int, free: int
    ) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: kind == "cuda")
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: kind == "mps")
        monkeypatch.setattr(loading, "free_bytes", lambda _: free)


@pytest.mark.parametrize(
    ("kind", "count", "share", "dtype", "wanted"),
    [
        ("cuda", 2, 1.5, "float32", "several"),  # files of two bytes a number, four in memory
        ("cuda", 2, 2.6, "float32", "cuda"),
        ("cuda", 2, 1.5, "bfloat16", "cuda"),
        ("cuda", 1, 1.5, "float32", "cuda"),
        ("mps", 1, 1.5, "float32", "cpu"),
        ("mps", 1, 2.6, "float32", "mps"),
    ],
)
def test_a_device_is_chosen_by_what_weights_take_in_memory(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    count: int,
    share: float,
    dtype: str,
    wanted: str,
) -> None:
    weights = {name: w.bfloat16() for name, w in load_file(folder / "model.safetensors").items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    size = (folder / "model.safetensors").stat().st_size
    Free(monkeypatch, kind=kind, count=count, free=int(share * size))
    asked: list[str] = []

    def placed(where: str) -> str:
        asked.append(where)
        raise RuntimeError("there is no such device here")

    monkeypatch.setattr(loading, "placed", placed)
    if wanted == "cpu":
        assert load_folder(folder, dtype=dtype).device == "cpu"
        return
    with pytest.raises(ModelError, match="no such device"):
        load_folder(folder, dtype=dtype)
    assert asked == [wanted]


def test_memory_of_weights_is_counted_in_the_type_that_they_will_have(tmp_path: Path) -> None:
    """Of integers (quantized weights) as they are stored."""
    weights = {"half": torch.zeros(300, 7).half(), "eighth": torch.zeros(500, dtype=torch.int8)}
    save_file(weights, tmp_path / "a.safetensors")
    save_file({"whole": torch.zeros(40)}, tmp_path / "b.safetensors")
    files = sorted(tmp_path.iterdir())
    headers = sum(file.stat().st_size for file in files) - 2 * 2100 - 500 - 4 * 40
    assert memory_bytes(files, torch.float32) == headers + 4 * 2140 + 500
    assert memory_bytes(files, torch.float16) == headers + 2 * 2140 + 500
