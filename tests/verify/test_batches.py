"""Batches fit into memory and are found without being told. They change no number: test_padding."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
import torch

from tests.verify.test_capture import prompts_of
from verify import batches
from verify.anatomy import Anatomy
from verify.architectures import ARCHITECTURES, Architecture, tiny_model
from verify.batches import Batches, Meter, weight_bytes
from verify.capture import CaptureFailed, run_pass

BY_NAME = {architecture.name: architecture for architecture in ARCHITECTURES}


@pytest.fixture
def anatomy() -> Anatomy:
    llama = BY_NAME["llama"]
    settings = {**llama.settings, "max_position_embeddings": 600}
    return Anatomy(tiny_model(Architecture("llama", llama.config, settings)))


def sizes(anatomy: Anatomy, lengths: tuple[int, ...], **options: int | None) -> list[int]:
    """Prompts of each batch of a pass."""
    done: list[int] = []
    run_pass(anatomy, prompts_of(lengths), [], advance=done.append, **options)  # type: ignore[arg-type]
    return done


def test_the_meter_counts_what_lives_at_once() -> None:
    before = torch.zeros(1000)
    with Meter() as meter:
        first = before + 1  # 4000 bytes
        second = first * 2  # 8000
        del first  # 4000
        view = second[:500]  # a view takes nothing
        third = torch.cat([view, view, before])  # 12000
        third.add_(1)
        del second, view, third
        gc.collect()
        torch.zeros(1001)
    assert meter.peak == 12000


def test_the_meter_agrees_with_the_sum_of_an_mlp_by_hand() -> None:
    layer = torch.nn.Sequential(torch.nn.Linear(8, 32), torch.nn.ReLU(), torch.nn.Linear(32, 8))
    with torch.no_grad(), Meter() as meter:
        layer(torch.zeros(10, 8))
    # of the input (made while counting) and the two wide activations that live together
    assert meter.peak == 4 * 10 * (8 + 32 + 32)


def test_the_first_prompt_is_measured_and_the_rest_go_together(anatomy: Anatomy) -> None:
    assert sizes(anatomy, (40,) * 20) == [1, 19]
    assert sizes(anatomy, (40,) * 20) == [20]  # the model is known by now
    assert sizes(anatomy, (600,) * 8) == [1, 6, 1]  # longer prompts are measured again; 4096 tokens
    assert sizes(anatomy, (40,) * 20, batch_size=6) == [6, 6, 6, 2]


def test_no_tensor_of_a_batch_is_too_large_to_be_reused(
    anatomy: Anatomy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The largest tensor of this model is one layer's MLP: intermediate size x 4 bytes a token."""
    token = 4 * int(anatomy.model.config.intermediate_size)
    assert token > 4 * 40  # of the attention weights, which grow with the prompt's length
    sizes(anatomy, (40,))
    monkeypatch.setitem(batches._REUSED, "cpu", 7 * 40 * token)
    assert sizes(anatomy, (40,) * 20) == [7, 7, 6]
    monkeypatch.setitem(batches._REUSED, "cpu", 1)
    assert sizes(anatomy, (40,) * 3) == [1, 1, 1]
    assert sizes(anatomy, (40,) * 3, batch_size=3) == [3]


def test_a_limit_makes_batches_smaller_and_is_kept(anatomy: Anatomy) -> None:
    weights = weight_bytes(anatomy.model)
    assert weights == 4 * sum(p.numel() for p in anatomy.model.parameters()) + sum(
        4 * b.numel() for b in anatomy.model.buffers()
    )
    prompts = prompts_of((200,) * 12)
    with Meter() as alone:
        run_pass(anatomy, prompts[:1], [], batch_size=1)
    limit = weights + 4 * alone.peak
    with Meter() as meter:
        run_pass(anatomy, prompts, [], limit_memory=limit)
    assert 2 * alone.peak < meter.peak <= limit - weights


def test_a_limit_that_is_too_low_is_an_error_with_the_figures(anatomy: Anatomy) -> None:
    with pytest.raises(CaptureFailed, match=r"the limit of 0\.\d MiB is too low: the weights take"):
        sizes(anatomy, (500,) * 3, limit_memory=weight_bytes(anatomy.model) + 1000)
    sizes(anatomy, (500,) * 3)
    with pytest.raises(CaptureFailed, match="one prompt of 500 tokens"):
        sizes(anatomy, (500,) * 3, limit_memory=weight_bytes(anatomy.model) + 1000)


def test_a_batch_that_does_not_fit_is_halved(
    anatomy: Anatomy, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes(anatomy, (30,))  # so that it is known
    forward = type(anatomy.model).forward

    def cramped(self, input_ids, **more):  # type: ignore[no-untyped-def]
        if len(input_ids) > 3:
            raise torch.OutOfMemoryError
        return forward(self, input_ids=input_ids, **more)

    monkeypatch.setattr(type(anatomy.model), "forward", cramped)
    assert sizes(anatomy, (30,) * 8) == [2, 2, 2, 2]
    monkeypatch.setattr(
        type(anatomy.model),
        "forward",
        lambda *_, **__: (_ for _ in ()).throw(torch.OutOfMemoryError),
    )
    with pytest.raises(CaptureFailed, match="a prompt of 30 tokens does not fit"):
        sizes(anatomy, (30,) * 2)


def test_a_container_can_have_less_than_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def free() -> int:
        return batches.free_bytes(torch.device("cpu"))

    monkeypatch.setattr(batches, "_CGROUP", tmp_path)
    assert free() > 2**20  # no limit at all
    old = tmp_path / "memory"
    old.mkdir()
    (old / "memory.limit_in_bytes").write_text(f"{3 * 2**20}\n")
    (old / "memory.usage_in_bytes").write_text(f"{2**20}\n")
    assert free() == 2 * 2**20
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("4096\n")
    assert free() == 2 * 2**20
    (tmp_path / "memory.max").write_text("8192\n")
    assert free() == 4096
    (tmp_path / "memory.current").write_text("9000\n")
    assert free() == 0


@pytest.mark.parametrize("full", [torch.OutOfMemoryError(), RuntimeError("MPS out of memory")])
def test_a_batch_of_the_size_asked_for_that_does_not_fit_is_an_error(
    anatomy: Anatomy, monkeypatch: pytest.MonkeyPatch, full: Exception
) -> None:
    def cramped(self, input_ids, **more):  # type: ignore[no-untyped-def]
        raise full

    monkeypatch.setattr(type(anatomy.model), "forward", cramped)
    with pytest.raises(
        CaptureFailed, match="8 prompts of up to 30 tokens do not fit: take a small"
    ):
        sizes(anatomy, (30,) * 9, batch_size=8)
    with pytest.raises(CaptureFailed, match="a prompt of 30 tokens does not fit"):
        sizes(anatomy, (30,) * 9, batch_size=1)


def test_little_free_memory_makes_batches_smaller(
    anatomy: Anatomy, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes(anatomy, (50,))
    with Meter() as alone:
        run_pass(anatomy, prompts_of((50,)), [], batch_size=1)
    monkeypatch.setattr(batches, "free_bytes", lambda _: int(5.2 * alone.peak))
    assert max(sizes(anatomy, (50,) * 10)) in (2, 3)  # of 60 percent


def test_every_prompt_is_read_once_the_longest_first() -> None:
    model = tiny_model(BY_NAME["gpt2"])
    prompts = prompts_of((5, 9, 7, 9, 3))
    cut = list(Batches(model, prompts, size=2))
    assert cut == [(1, 3), (2, 0), (4,)]
