"""Hashes of a model and of what it reads. If one changes, evidence is stale.

That of a recipe is in ``catalog.fingerprints``: it needs no model.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from catalog.fingerprints import sha256_of
from verify.adapters import settings
from verify.prompts import PromptSet
from verify.weights import stored

_CHUNK = 1 << 20


def prompts_sha256(prompts: PromptSet) -> str:
    """Over the token ids of every variant."""
    return sha256_of({name: [p.ids for p in made] for name, made in prompts.variants.items()})


def kept_sha256(prompts: PromptSet) -> str:
    """Over the prompts that the model's answers have left: token ids and answers by variant."""
    return sha256_of(
        {
            name: [[p.ids, list(p.answers.items())] for p in made]
            for name, made in prompts.variants.items()
        }
    )


def tokens_sha256(ids: Sequence[int]) -> str:
    """Over the token ids that a weights-only measure reads."""
    return sha256_of(list(ids))


def file_sha256(path: Path) -> str:
    """Hash of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def files_sha256(paths: Iterable[Path]) -> str:
    """Hash of weight files: that of the file if there is one, else over names and hashes."""
    found = sorted(paths)
    if len(found) == 1:
        return file_sha256(found[0])
    return sha256_of([[path.name, file_sha256(path)] for path in found])


def state_sha256(model: PreTrainedModel) -> str:
    """Hash of a model in memory: names, types, shapes and bytes of its tensors.

    Of adapters also what they compute with besides: by how much they are scaled, which are active.
    """
    digest = hashlib.sha256()
    with _left_as_it_is(model):
        state = model.state_dict()
    for key, whole in sorted(state.items()):
        for name, tensor in stored(key, whole.detach()):
            array = tensor.detach().cpu().contiguous()
            digest.update(f"{name}:{array.dtype}:{tuple(array.shape)}".encode())
            digest.update(array.flatten().view(torch.uint8).numpy().data)  # its bytes, not a copy
    for name, of_adapter in settings(model):
        digest.update(f"{name}:{json.dumps(of_adapter, sort_keys=True)}".encode())
    return digest.hexdigest()


@contextmanager
def _left_as_it_is(model: PreTrainedModel) -> Iterator[None]:
    """Let quantized weights be afterwards what they were.

    bitsandbytes packs weights of four bits for the CPU when they are first used. Its 0.50 unpacks
    them for a state dict, and then packs their scales in another order: another model.
    """
    found = [
        (weight, weight.data, state, dict(vars(state)))
        for weight in model.parameters()
        if (state := getattr(weight, "quant_state", None)) is not None
    ]
    try:
        yield
    finally:
        for weight, data, state, before in found:
            weight.data = data
            vars(state).clear()
            vars(state).update(before)


def config_sha256(model: PreTrainedModel) -> str:
    """Hash of a configuration, less what does not belong to the model itself."""
    content = {
        key: value
        for key, value in model.config.to_diff_dict().items()
        if not key.startswith("_") and key not in {"transformers_version", "dtype", "torch_dtype"}
    }
    return sha256_of(json.loads(json.dumps(content, default=str)))


def tokenizer_sha256(tokenizer: PreTrainedTokenizerBase) -> str:
    """Hash of what the tokenizer does with text, and of its special tokens."""
    special = {key: str(value) for key, value in tokenizer.special_tokens_map.items()}
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return sha256_of({"special": special, "vocabulary": tokenizer.get_vocab()})
    rules = json.loads(backend.to_str())
    rules.pop("padding", None)  # set by whoever calls it last
    rules.pop("truncation", None)
    return sha256_of({"special": special, "rules": rules})
