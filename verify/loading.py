"""From a name or a folder to a model that can be trusted to be what it says.

Model folders come from outside: only safetensors are read, no code of theirs is run, and a model
whose weights are incomplete is refused, because transformers would fill the rest with random
numbers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from catalog.fingerprints import sha256_of
from catalog.loading import Catalog
from catalog.schema.claim import Checked
from catalog.schema.model import Hub, Model, Shipped
from verify.anatomy import Anatomy, UnsupportedArchitecture
from verify.fingerprints import (
    config_sha256,
    files_sha256,
    state_sha256,
    tokenizer_sha256,
)
from verify.weights import all_finite

DTYPES = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
_OF_ONE_DEVICE = 0.8
"""A model whose files take more of a device's free memory than this is spread over several."""
_HUB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*")
_FILES = ["*.json", "*.safetensors", "*.txt", "*.model", "tokenizer*"]


class ModelError(Exception):
    """The model cannot be loaded; the text says why and what would help."""


@dataclass(frozen=True)
class LoadedModel:
    """A model in memory and what identifies it."""

    id: str
    """Slug ``org--name``; ``local--<folder>`` for a folder that no entry describes."""
    revision: str
    name: str
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    anatomy: Anatomy
    weights_sha256: str
    config_sha256: str
    tokenizer_sha256: str
    device: str
    dtype: str
    entry: Model | None = None

    def described(self) -> Model:
        """The model's entry; for a model without one, what its own configuration says."""
        if self.entry is not None:
            return self.entry
        anatomy = self.anatomy
        return Model(
            id=self.id,
            name=self.name,
            source=Hub(kind="hub", hub_id=self.id.replace("--", "/", 1)),
            architecture=anatomy.architecture,
            layers=anatomy.layers,
            heads=anatomy.heads,
            kv_heads=anatomy.kv_heads,
            width=anatomy.width,
            context=anatomy.context,
            vocabulary=anatomy.embedding_rows,
            positions="none",
            licence="unknown",
            checked=Checked(state="read", where="the configuration of the loaded model"),
        )


@dataclass(frozen=True)
class Source:
    """Where a model is to be loaded from."""

    id: str
    name: str
    folder: Path | None
    """None: the hub."""
    hub_id: str | None = None
    revision: str | None = None
    entry: Model | None = None


def find(name: str, catalog: Catalog, *, revision: str | None, described_as: str | None) -> Source:
    """What ``name`` means: an entry (id, hub id, alias), a folder, or a hub id.

    Args:
        name: what the person wrote.
        catalog: for entries of models.
        revision: a commit of a hub model; default the pinned one.
        described_as: the entry that a local folder is a copy of.

    Raises:
        ModelError: if it is none of these.
    """
    looks_like_path = name.startswith((".", "/", "~")) or name.endswith("/")
    if not looks_like_path:
        try:
            entry = catalog.resolve_model(name)
        except LookupError as error:
            if not _HUB_ID.fullmatch(name) and not Path(name).is_dir():
                raise ModelError(
                    f"{error.args[0]} (expected: id or alias of an entry, a folder, a hub id)"
                ) from None
        else:
            if not entry.loadable:
                raise ModelError(f"{entry.id} cannot be loaded: {entry.note}")
            if described_as is not None:
                raise ModelError(f"--as is for folders, and {name} is the entry {entry.id}")
            return _entry_source(entry, revision)
    folder = Path(name).expanduser()
    if folder.is_dir():
        if revision is not None:
            raise ModelError("--revision is for hub models; a folder holds one revision")
        if described_as is not None:
            entry = _described(catalog, described_as)
            return Source(entry.id, entry.name, folder, entry=entry)
        stem = re.sub(r"[^A-Za-z0-9._-]+", "-", folder.resolve().name).strip("-.") or "model"
        return Source(f"local--{stem}", folder.resolve().name, folder)
    if looks_like_path or not _HUB_ID.fullmatch(name):
        raise ModelError(f"no folder {name}")
    if described_as is not None:
        raise ModelError(f"--as is for folders; there is no folder {name}")
    return Source(name.replace("/", "--"), name, None, hub_id=name, revision=revision)


def _described(catalog: Catalog, name: str) -> Model:
    try:
        return catalog.resolve_model(name)
    except LookupError as error:
        raise ModelError(str(error.args[0])) from None


def _entry_source(entry: Model, revision: str | None) -> Source:
    if isinstance(entry.source, Shipped):
        if revision not in (None, entry.source.revision):
            raise ModelError(f"{entry.id} comes in revision {entry.source.revision} only")
        folder = Path(__file__).parent / entry.source.folder
        return Source(entry.id, entry.name, folder, revision=entry.source.revision, entry=entry)
    assert isinstance(entry.source, Hub)
    return Source(
        entry.id,
        entry.name,
        None,
        hub_id=entry.source.hub_id,
        revision=revision or entry.source.revision,
        entry=entry,
    )


def load(source: Source, *, device: str = "auto", dtype: str = "float32") -> LoadedModel:
    """Load a model and its tokenizer, and take their hashes.

    Raises:
        ModelError: if files are missing or unsafe, weights incomplete, the architecture unknown,
            or the size other than the entry says.
    """
    folder, revision = source.folder, source.revision
    if folder is None:
        folder, revision = _download(source)
    files = _weight_files(folder)
    _check_config(folder)
    where = _device(device, sum(file.stat().st_size for file in files))
    model: PreTrainedModel
    notes: dict[str, Any]
    try:
        # with output_loading_info a pair comes back, which the annotations do not know
        model, notes = AutoModelForCausalLM.from_pretrained(  # type: ignore[misc]
            folder,
            dtype=DTYPES[dtype],
            trust_remote_code=False,
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
            # weights go from the file to where they belong, one tensor at a time
            **({} if where == "cpu" else {"device_map": placed(where)}),
        )
        tokenizer = AutoTokenizer.from_pretrained(
            folder, trust_remote_code=False, local_files_only=True, use_fast=True
        )
    except Exception as error:  # a folder from outside can fail in any way that there is
        raise ModelError(
            f"{source.name}: transformers cannot load it: {_first_line(error)}"
        ) from error
    lost = sorted(notes["missing_keys"]) + sorted(str(key) for key in notes["mismatched_keys"])
    if lost:
        raise ModelError(f"{source.name}: weights are missing or misshapen, such as {lost[0]}")
    if not tokenizer.is_fast:
        raise ModelError(
            f"{source.name}: its tokenizer is not a fast one; word positions are needed"
        )
    try:
        anatomy = Anatomy(model)
    except UnsupportedArchitecture as error:
        raise ModelError(f"{source.name}: {error}") from None
    except Exception as error:  # a configuration of -1 layers gets this far
        raise ModelError(
            f"{source.name}: configuration and weights do not fit: {_first_line(error)}"
        ) from error
    _check_weights(source.name, model, notes["unexpected_keys"], anatomy.layers)
    try:
        model.eval()
        weights = files_sha256(files)
    except (RuntimeError, AssertionError, OSError) as error:
        raise ModelError(f"{source.name}: {_first_line(error)}") from error
    config, rules = config_sha256(model), tokenizer_sha256(tokenizer)
    loaded = LoadedModel(
        id=source.id,
        revision=revision or sha256_of([weights, config, rules])[:12],
        name=source.name,
        model=model,
        tokenizer=tokenizer,
        anatomy=anatomy,
        weights_sha256=weights,
        config_sha256=config,
        tokenizer_sha256=rules,
        device=where,
        dtype=dtype,
        entry=source.entry,
    )
    _check_size(loaded)
    return loaded


def wrap(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, name: str = "local--model"
) -> LoadedModel:
    """A model that is already in memory, fine-tuned or built by hand.

    Raises:
        UnsupportedArchitecture: if its parts cannot be named.
        ModelError: if a weight is not a finite number.
    """
    anatomy = Anatomy(model)
    _check_weights(name, model, (), anatomy.layers)
    weights, config, rules = state_sha256(model), config_sha256(model), tokenizer_sha256(tokenizer)
    return LoadedModel(
        id=name,
        revision=sha256_of([weights, config, rules])[:12],
        name=name,
        model=model,
        tokenizer=tokenizer,
        anatomy=anatomy,
        weights_sha256=weights,
        config_sha256=config,
        tokenizer_sha256=rules,
        device=str(anatomy.device),
        dtype=str(model.dtype).removeprefix("torch."),
    )


def _download(source: Source) -> tuple[Path, str]:
    assert source.hub_id is not None
    try:
        folder = Path(
            snapshot_download(source.hub_id, revision=source.revision, allow_patterns=_FILES)
        )
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        raise ModelError(
            f"cannot get {source.hub_id} from the hub: {reason[:200]}\n"
            "If it is on this machine, give its folder: --model FOLDER --as "
            f"{source.hub_id}"
        ) from error
    return folder, folder.name  # a snapshot folder is named after its commit


def _first_line(error: Exception) -> str:
    text = str(error).strip()
    return text.splitlines()[0] if text else repr(error)


def _weight_files(folder: Path) -> list[Path]:
    """The files that transformers will read: just these are hashed.

    Raises:
        ModelError: if there are none, or an index points anywhere but into the folder.
    """
    if not (folder / "config.json").is_file():
        raise ModelError(f"{folder} has no config.json: is it a transformers model folder?")
    if (folder / "adapter_config.json").exists():
        raise ModelError(f"{folder} holds an adapter: merge it into its base model first")
    whole, index = folder / "model.safetensors", folder / "model.safetensors.index.json"
    if whole.is_file():
        return [whole]
    if not index.is_file():
        raise ModelError(
            f"{folder} has no model.safetensors (nor an index of several); other weight formats"
            " can run code and are not read (save the model again with save_pretrained)"
        )
    try:
        names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ModelError(f"{index} is no index of weights: {_first_line(error)}") from None
    for name in names:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*\.safetensors", str(name)):
            raise ModelError(f"{index} points at {name!r}, which is no file of the folder")
        if not (folder / name).is_file():
            raise ModelError(f"{folder} lacks {name}, which its index names")
    return [folder / name for name in names]


def _check_weights(
    name: str, model: PreTrainedModel, unexpected: Iterable[str], layers: int
) -> None:
    for key in unexpected:
        numbers = re.findall(r"\.([0-9]+)\.", f".{key}")
        if numbers and int(numbers[0]) >= layers:
            raise ModelError(f"{name}: its configuration has {layers} layers, its weights more")
    for key, parameter in model.named_parameters():
        if not all_finite(parameter):
            raise ModelError(f"{name}: {key} holds numbers that are not finite")


def _check_config(folder: Path) -> None:
    config = folder / "config.json"
    try:
        content = json.loads(config.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ModelError(f"{config} is no JSON: {error}") from None
    if not isinstance(content, dict):
        raise ModelError(f"{config} holds no JSON object")
    if "auto_map" in content:
        raise ModelError(f"{folder} asks to run code of its own (auto_map), which is never done")


def placed(where: str) -> str | dict[str, str]:
    """What transformers is told about where a model's parts go."""
    return "auto" if where == "several" else {"": where}


def _device(wanted: str, size: int) -> str:
    """The device of a model whose files are so large, or ``several`` where one is too small."""
    if wanted != "auto":
        return wanted
    if torch.cuda.is_available():
        free, _ = torch.cuda.mem_get_info(0)
        crowded = size > _OF_ONE_DEVICE * free
        return "several" if crowded and torch.cuda.device_count() > 1 else "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _check_size(loaded: LoadedModel) -> None:
    entry, anatomy = loaded.entry, loaded.anatomy
    if entry is None:
        return
    for what, said, real in (
        ("architecture", entry.architecture, anatomy.architecture),
        ("layers", entry.layers, anatomy.layers),
        ("heads", entry.heads, anatomy.heads),
        ("kv_heads", entry.kv_heads, anatomy.kv_heads),
        ("width", entry.width, anatomy.width),
    ):
        if said != real:
            raise ModelError(f"{entry.id}: {what} {said} by its entry, {real} by its weights")
