"""The files of a model folder, which comes from outside: which are read, and what is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from math import prod
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from transformers import PreTrainedModel

from verify.weights import all_finite

_CONVERTED = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}
"""Bytes a number, by what safetensors calls its type."""


class ModelError(Exception):
    """The model cannot be loaded; the text says why and what would help."""


def first_line(error: Exception) -> str:
    """What an error says, in one line."""
    text = str(error).strip()
    return text.splitlines()[0] if text else repr(error)


def weight_files(folder: Path) -> list[Path]:
    """The files that transformers will read: just these are hashed.

    Raises:
        ModelError: if there are none, or an index points anywhere but into the folder.
    """
    if (folder / "adapter_config.json").exists():
        raise ModelError(
            f"{folder} holds an adapter: load it with peft and give it to"
            " verify.run, or save what merge_and_unload() makes of it and its base model"
        )
    if not (folder / "config.json").is_file():
        raise ModelError(f"{folder} has no config.json: is it a transformers model folder?")
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
        raise ModelError(f"{index} is no index of weights: {first_line(error)}") from None
    for name in names:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*\.safetensors", str(name)):
            raise ModelError(f"{index} points at {name!r}, which is no file of the folder")
        if not (folder / name).is_file():
            raise ModelError(f"{folder} lacks {name}, which its index names")
    return [folder / name for name in names]


def memory_bytes(files: Iterable[Path], dtype: torch.dtype) -> int:
    """Memory that weights will take once they are of a type, which most files do not hold.

    What is no usual floating-point number (quantized weights) stays as it is stored.
    """
    return sum(_memory_bytes(file, dtype) for file in files)


def _memory_bytes(file: Path, dtype: torch.dtype) -> int:
    opened: Any = safe_open  # which has no types
    size = file.stat().st_size
    try:
        with opened(file, framework="pt") as weights:
            for name in weights.keys():  # noqa: SIM118
                part = weights.get_slice(name)
                if (stored := _CONVERTED.get(part.get_dtype())) is not None:
                    size += (dtype.itemsize - stored) * prod(part.get_shape())
    except (SafetensorError, OSError):
        return file.stat().st_size  # a file that cannot be read is refused when it is loaded
    return size


def check_config(folder: Path) -> None:
    """Refuse a folder without a readable configuration, or one that asks to run code.

    Raises:
        ModelError: naming the file and what is wrong with it.
    """
    config = folder / "config.json"
    try:
        content = json.loads(config.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ModelError(f"{config} is no JSON: {error}") from None
    if not isinstance(content, dict):
        raise ModelError(f"{config} holds no JSON object")
    if "auto_map" in content:
        raise ModelError(f"{folder} asks to run code of its own (auto_map), which is never done")


def check_weights(
    name: str, model: PreTrainedModel, unexpected: Iterable[str], layers: int
) -> None:
    """Refuse weights of more layers than were built, and numbers that are not finite.

    Raises:
        ModelError: naming the weight.
    """
    for key in unexpected:
        numbers = re.findall(r"\.([0-9]+)\.", f".{key}")
        if numbers and int(numbers[0]) >= layers:
            raise ModelError(f"{name}: its configuration has {layers} layers, its weights more")
    for key, parameter in model.named_parameters():
        if not all_finite(parameter):
            raise ModelError(f"{name}: {key} holds numbers that are not finite")
