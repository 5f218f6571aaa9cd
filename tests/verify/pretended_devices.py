"""Several GPUs that are pretended, so that what a split model does can be seen without one.

Tensors stay in main memory and say that they are elsewhere; what mixes tensors of two places is an
error, as it is with real ones. That shows on which device everything lies. How kernels of a GPU
compute and what they take is not shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from accelerate.hooks import AlignDevicesHook, add_hook_to_module  # type: ignore[import-untyped]
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakIdKeyDictionary

_MAIN = torch.device("cpu")


class PretendedDevices(TorchFunctionMode):
    """While it is entered, tensors are where they were put, and results where their inputs are."""

    def __init__(self) -> None:
        super().__init__()
        self._places = WeakIdKeyDictionary()

    def put(self, tensor: Tensor, place: torch.device) -> None:
        """Let a tensor be elsewhere."""
        if place != _MAIN:
            self._places[tensor] = place

    def of(self, tensor: Tensor) -> torch.device:
        """Where a tensor is."""
        place: torch.device = self._places.get(tensor, _MAIN)
        return place

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if func == Tensor.device.__get__:
            return self.of(args[0])
        name = getattr(func, "__name__", "")
        if name in ("numpy", "__array__") and self.of(args[0]) != _MAIN:
            raise TypeError(f"can't convert a tensor of {self.of(args[0])} to numpy")
        if name == "cpu":
            return self._moved(args[0], _MAIN)
        if name == "to":
            return self._to(*args, **kwargs)
        asked = kwargs.pop("device", None)
        place = self._common(name, args, kwargs) if asked is None else torch.device(asked)
        made = func(*args, **kwargs)
        given = {id(item) for item in tree_leaves((args, kwargs))}
        for item in tree_leaves(made):
            if isinstance(item, Tensor) and id(item) not in given:
                self.put(item, place)
        return made

    def _moved(self, tensor: Tensor, place: torch.device) -> Tensor:
        if self.of(tensor) == place:
            return tensor
        made = tensor.clone()
        self.put(made, place)
        return made

    def _to(self, tensor: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        place, rest = self.of(tensor), []
        asked = kwargs.pop("device", None)
        for item in (*args, *(() if asked is None else (asked,))):
            if isinstance(item, torch.device | str):
                place = torch.device(item)
            else:
                place = self.of(item) if isinstance(item, Tensor) else place
                rest.append(item)
        made = tensor.to(*rest, **kwargs) if rest or kwargs.get("dtype") else tensor
        if made is not tensor:
            self.put(made, self.of(tensor))
        return self._moved(made, place)

    def _common(self, name: str, args: Any, kwargs: Any) -> torch.device:
        """The one place of all inputs."""
        tensors = [item for item in tree_leaves((args, kwargs)) if isinstance(item, Tensor)]
        if name == "copy_":
            return self.of(tensors[0])
        places = dict.fromkeys(
            self.of(tensor)
            for at, tensor in enumerate(tensors)
            # numbers, and positions that index, may come from main memory
            if not (self.of(tensor) == _MAIN and (tensor.ndim == 0 or (at and "item__" in name)))
        )
        if len(places) > 1:
            raise RuntimeError(f"{name}: tensors lie on {' and '.join(map(str, places))}")
        return next(iter(places), _MAIN)


class _Align(AlignDevicesHook):  # type: ignore[misc]
    """Moves inputs as accelerate does; the weights are put where they belong by hand."""

    def init_hook(self, module: nn.Module) -> nn.Module:
        return module


def spread(model: nn.Module, places: Mapping[str, str], devices: PretendedDevices) -> None:
    """Let parts of a model, by their names, be on several devices, as ``device_map`` does."""
    for name, device in places.items():
        part, place = model.get_submodule(name), torch.device(device)
        for tensor in (*part.parameters(), *part.buffers()):
            devices.put(tensor, place)
        add_hook_to_module(part, _Align(execution_device=place))
