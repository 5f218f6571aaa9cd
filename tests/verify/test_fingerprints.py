"""The hash of a model in memory: of every byte, and without another copy of them."""

from __future__ import annotations

import hashlib
import tracemalloc

import torch

from tests.verify.tiny_models import tiny
from verify.fingerprints import state_sha256


def test_it_is_over_names_types_shapes_and_bytes() -> None:
    model = tiny("gpt2").to(torch.bfloat16)  # type: ignore[arg-type]
    model.register_buffer("scalar", torch.tensor(1.5))
    model.register_buffer("empty", torch.zeros(0, 3))
    model.register_buffer("turned", torch.arange(6.0).reshape(2, 3).T)
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name}:{tensor.dtype}:{tuple(tensor.shape)}".encode())
        digest.update(bytes(tensor.contiguous().flatten().view(torch.uint8).tolist()))
    assert state_sha256(model) == digest.hexdigest()


def test_no_tensor_is_copied() -> None:
    model = tiny("gpt2")
    model.register_buffer("large", torch.zeros(4 * 2**20))  # 16 MiB
    tracemalloc.start()
    state_sha256(model)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20
