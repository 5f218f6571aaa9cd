"""Models with adapters: which model is measured, and what of it no tensor says.

An adapter in a linear layer makes it another linear layer, and is measured as such
(``verify.weights``). A library's wrapper around the whole model is taken off where the model inside
computes the same. Where it does not (tokens or keys that exist in no prompt stand in front of every
one), what the wrapper adds belongs to no head, and the model is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from verify.modes import evaluating
from verify.probing.parts import UnsupportedArchitecture

_ROWS, _TOKENS = 2, 5
_AROUND = ("base_layer", "original_module")
"""How peft's modules call what they stand around."""
_SETTINGS = frozenset({"_active_adapter", "_disable_adapters"})
"""What counts of attributes that are not public."""


def unwrapped(model: nn.Module) -> PreTrainedModel:
    """The model of transformers in a wrapper of peft's, its adapters in place; others as they are.

    Raises:
        UnsupportedArchitecture: if it is compiled, no model of transformers, or the wrapper
            computes something else than the model inside.
    """
    name = type(model).__name__
    if hasattr(model, "_orig_mod") or getattr(model, "_compiled_call_impl", None) is not None:
        raise UnsupportedArchitecture(
            f"{name} is compiled, and what is compiled does not show its parts; give the model as"
            " it was before torch.compile"
        )
    if isinstance(model, PreTrainedModel):
        return model
    base: Any = getattr(model, "get_base_model", None)
    inside = None if base is None else base()
    if not isinstance(inside, PreTrainedModel):
        hint = "; give the one that it holds, .module" if hasattr(model, "module") else ""
        raise UnsupportedArchitecture(f"{name} is no model of transformers{hint}")
    if not _compute_the_same(model, inside):
        raise UnsupportedArchitecture(
            f"{name} cannot be measured: its {kinds(model)} adapter changes what the model computes"
            " from outside its layers, by what belongs to no head; without it, the model is"
            " .get_base_model()"
        )
    return inside


def kinds(model: nn.Module) -> str:
    """Of which kinds a model's adapters are, as peft calls them: ``LORA``; nothing without any."""
    configs: Any = getattr(model, "peft_config", None)
    if not isinstance(configs, Mapping):
        return ""
    types = (getattr(config, "peft_type", None) for config in configs.values())
    return ", ".join(dict.fromkeys(str(getattr(kind, "value", kind)) for kind in types))


@torch.no_grad()
def _compute_the_same(wrapper: nn.Module, inside: PreTrainedModel) -> bool:
    """Whether both give the same logits for a few random tokens."""
    random = torch.Generator().manual_seed(0)
    known = inside.config.vocab_size
    ids = torch.randint(known, (_ROWS, _TOKENS), generator=random).to(inside.device)
    with evaluating(wrapper):
        theirs: Tensor = wrapper(input_ids=ids, use_cache=False).logits
        ours: Tensor = inside(input_ids=ids, use_cache=False).logits
    limit = 1e-5 * float(ours.abs().max())
    return theirs.shape == ours.shape and torch.allclose(
        theirs, ours, rtol=0, atol=limit, equal_nan=True
    )


def settings(model: nn.Module) -> Iterator[tuple[str, dict[str, Any]]]:
    """What each adapter computes with besides its tensors: names of modules, and their settings.

    By how much it is scaled, whether it is active or merged already: numbers, words and flags.
    """
    for name, module in model.named_modules():
        held = {**vars(module), **module._modules}
        if any(around in held for around in _AROUND):
            found = {
                key: value
                for key, value in vars(module).items()
                if (not key.startswith("_") or key in _SETTINGS)
                and key != "training"
                and _simple(value)
            }
            yield name, dict(sorted(found.items()))


def _simple(value: object) -> bool:
    """Whether it is made of numbers, words and flags alone."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and _simple(item) for key, item in value.items())
    if isinstance(value, list | tuple):
        return all(_simple(item) for item in value)
    return value is None or isinstance(value, bool | int | float | str)
