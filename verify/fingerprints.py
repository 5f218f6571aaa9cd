"""Hashes of everything that numbers depend on. If one changes, evidence is stale."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from catalog.schema.recipe import Recipe
from catalog.schema.vocabulary import TextSet, Vocabulary
from verify.prompts import PromptSet

STATISTICS_VERSION = 1
"""Raised whenever the same scores would give other intervals, q-values or verdicts."""

_CHUNK = 1 << 20


def sha256_of(value: Any) -> str:
    """Hash of JSON data, independent of key order and layout."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def recipe_sha256(
    recipe: Recipe, vocabularies: Mapping[str, Vocabulary], texts: Mapping[str, TextSet]
) -> str:
    """Over what the recipe computes, not what is written about it.

    Prompts, measure, control, criterion and gate; the word lists and texts that the prompts are
    made from; the versions of builder, measure, control and statistics.
    """
    content = recipe.model_dump(
        mode="json", include={"prompts", "measure", "control", "criterion", "gate"}
    )
    content["vocabularies"] = {
        name: vocabularies[name].model_dump(mode="json", exclude={"description"})
        for name in recipe.prompts.vocabularies()
    }
    content["texts"] = {name: texts[name].passages for name in recipe.prompts.text_sets()}
    content["versions"] = {
        "builder": recipe.prompts.version,
        "measure": recipe.measure.version,
        "control": recipe.control.version if recipe.control else None,
        "statistics": STATISTICS_VERSION,
    }
    return sha256_of(content)


def prompts_sha256(prompts: PromptSet) -> str:
    """Over the token ids of every variant."""
    return sha256_of({name: [p.ids for p in made] for name, made in prompts.variants.items()})


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
    """Hash of a model in memory: names, types, shapes and bytes of its tensors."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        array = tensor.detach().cpu().contiguous()
        digest.update(f"{name}:{array.dtype}:{tuple(array.shape)}".encode())
        digest.update(array.flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


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
