"""From a name or a folder to a model that can be trusted to be what it says.

Model folders come from outside: only safetensors are read, no code of theirs is run, and a model
whose weights are incomplete is refused, because transformers would fill the rest with random
numbers.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from catalog.fingerprints import sha256_of
from verify.anatomy import Anatomy, UnsupportedArchitecture
from verify.batches import free_bytes
from verify.fingerprints import (
    config_sha256,
    files_sha256,
    state_sha256,
    tokenizer_sha256,
)
from verify.foreign_layers import foreign_layers, libraries
from verify.loaded_model import LoadedModel, check_size
from verify.model_files import (
    ModelError,
    check_config,
    check_weights,
    first_line,
    memory_bytes,
    weight_files,
)
from verify.model_sources import Source, download, find

__all__ = ["DTYPES", "LoadedModel", "ModelError", "Source", "find", "load", "placed", "wrap"]

DTYPES = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
_OF_ONE_DEVICE = 0.8
"""A model whose weights take more of a device's free memory than this is spread over several."""


def load(source: Source, *, device: str = "auto", dtype: str = "float32") -> LoadedModel:
    """Load a model and its tokenizer, and take their hashes.

    Raises:
        ModelError: if files are missing or unsafe, weights incomplete, the architecture unknown,
            or the size other than the entry says.
    """
    folder, revision = source.folder, source.revision
    if folder is None:
        folder, revision = download(source)
    files = weight_files(folder)
    check_config(folder)
    where = _device_for(device, memory_bytes(files, DTYPES[dtype]))
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
            f"{source.name}: transformers cannot load it: {first_line(error)}"
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
        raise ModelError(f"{source.name}: it cannot be measured: {first_line(error)}") from error
    check_weights(source.name, model, notes["unexpected_keys"], anatomy.layers)
    try:
        model.eval()
        weights = files_sha256(files)
    except (RuntimeError, AssertionError, OSError) as error:
        raise ModelError(f"{source.name}: {first_line(error)}") from error
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
        foreign_layers=foreign_layers(model),
        libraries=libraries(model),
        entry=source.entry,
    )
    check_size(loaded)
    return loaded


def wrap(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, name: str = "local--model"
) -> LoadedModel:
    """A model that is already in memory, fine-tuned (adapters and all), quantized or built by hand.

    Raises:
        UnsupportedArchitecture: if its parts cannot be named.
        ModelError: if a weight is not a finite number.
    """
    anatomy = Anatomy(model)
    model = anatomy.model
    check_weights(name, model, (), anatomy.layers)
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
        device="several" if is_split(model) else str(anatomy.device),
        dtype=str(anatomy.dtype).removeprefix("torch."),
        foreign_layers=foreign_layers(model),
        libraries=libraries(model),
    )


def is_split(model: nn.Module) -> bool:
    """Whether its parts lie on several devices."""
    return len({parameter.device for parameter in model.parameters()}) > 1


def placed(where: str) -> str | dict[str, str]:
    """What transformers is told about where a model's parts go."""
    return "auto" if where == "several" else {"": where}


def _device_for(wanted: str, size: int) -> str:
    """The device of a model whose weights take so many bytes.

    That is ``several`` where one GPU is too small for them, and the CPU where Apple's is.
    """
    if wanted != "auto":
        return wanted
    if torch.cuda.is_available():
        crowded = size > _OF_ONE_DEVICE * free_bytes(torch.device("cuda", 0))
        return "several" if crowded and torch.cuda.device_count() > 1 else "cuda"
    if torch.backends.mps.is_available():
        return "mps" if size <= _OF_ONE_DEVICE * free_bytes(torch.device("mps")) else "cpu"
    return "cpu"
