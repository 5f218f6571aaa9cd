"""What a model is made of besides the layers of PyTorch and transformers, as records name it."""

from __future__ import annotations

from collections import Counter
from importlib.metadata import packages_distributions, version

from torch import Tensor, nn

from verify.weights import is_linear, is_plain, linear_layers, says_its_matrix, tensors

_USUAL = frozenset({"builtins", "torch", "transformers", "verify"})


def foreign_layers(model: nn.Module) -> tuple[str, ...]:
    """Linear layers that are quantized or adapted: how many of which kind, the most first.

    Such as ``28 x bitsandbytes.Linear8bitLt of int8`` or ``16 x peft.Linear around torch.Linear``.
    """
    counts = Counter(
        _described(layer) for layer in linear_layers(model) if not says_its_matrix(layer)
    )
    return tuple(f"{count} x {kind}" for kind, count in counts.most_common())


def libraries(model: nn.Module) -> dict[str, str]:
    """Versions of the libraries whose classes the model's modules and tensors are of."""
    found = {
        _package(item)
        for module in model.modules()
        for item in (module, *tensors(module, recurse=False))
    } - _USUAL
    if not found:
        return {}
    known = packages_distributions()
    return {name: version(name) for package in found for name in known.get(package, ())}


def _described(layer: nn.Module) -> str:
    name = _name(layer)
    inside = getattr(layer, "base_layer", None)
    if isinstance(inside, nn.Module) and is_linear(inside):
        return f"{name} around {_described(inside)}"
    other = next((tensor for tensor in tensors(layer, recurse=False) if not is_plain(tensor)), None)
    if other is None:
        return name
    plain = type(other.data) is Tensor
    return f"{name} of {str(other.dtype).removeprefix('torch.') if plain else _name(other.data)}"


def _package(item: object) -> str:
    kind = type(item.data if isinstance(item, Tensor) else item)
    return kind.__module__.partition(".")[0]


def _name(item: object) -> str:
    return f"{_package(item)}.{type(item).__name__}"
