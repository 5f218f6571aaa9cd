"""What the process is set to changes no number, and is left as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
import torch

import verify
from catalog.schema.evidence import Evidence
from tests.planted import Planted, induction_model
from tests.verify.catalog_parts import OBSERVED, catalog, needed
from tests.verify.test_capture import prompts_of
from tests.verify.tiny_models import tiny
from verify import support
from verify.anatomy import Anatomy
from verify.capture import LayerView, Reader, run_pass
from verify.loading import wrap

TYPES = ("induction", "previous-token", "letter-mover")
Setting = Callable[[], AbstractContextManager[None]]


@contextmanager
def default_dtype() -> Iterator[None]:
    torch.set_default_dtype(torch.bfloat16)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@contextmanager
def default_device() -> Iterator[None]:
    """No GPU is needed to see that what has no device of its own lands on the wrong one."""
    torch.set_default_device("meta")
    try:
        yield
        assert torch.empty(0).device.type == "meta"
    finally:
        torch.set_default_device(None)


@contextmanager
def precision() -> Iterator[None]:
    torch.set_float32_matmul_precision("medium")
    try:
        yield
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")


@contextmanager
def newer_precision() -> Iterator[None]:
    """By the setting of one kind of device, as PyTorch wants it from 2.9 on."""
    matmul = torch.backends.mkldnn.matmul
    if not hasattr(matmul, "fp32_precision"):
        pytest.skip("this PyTorch has no such setting")
    matmul.fp32_precision = "bf16"
    try:
        yield
        assert matmul.fp32_precision == "bf16"
    finally:
        torch.set_float32_matmul_precision("highest")


@contextmanager
def autocast() -> Iterator[None]:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        yield
        assert torch.is_autocast_enabled("cpu")


SETTINGS = [default_dtype, default_device, precision, newer_precision, autocast]
each = pytest.mark.parametrize("setting", SETTINGS, ids=lambda s: s.__name__)


@pytest.fixture(scope="module")
def plain() -> dict[tuple[str, str], Evidence]:
    return measured(induction_model("llama"))


def measured(planted: Planted) -> dict[tuple[str, str], Evidence]:
    ours = verify.run(
        planted.model,
        planted.tokenizer,
        TYPES,
        strengths=OBSERVED,
        catalog=catalog(),
        progress=False,
    )
    without = needed(wrap(planted.model, planted.tokenizer))
    return {**ours.evidence, (without.head_type, without.recipe): without}


@each
def test_evidence_is_the_same_to_the_last_bit(
    setting: Setting, plain: dict[tuple[str, str], Evidence]
) -> None:
    planted = induction_model("llama")
    with setting():
        ours = measured(planted)
    assert {record.head_type for record in ours.values()} == set(TYPES)
    assert ours.keys() == plain.keys()
    for key, record in ours.items():
        assert (record.scores, record.verdict, record.found) == (
            (other := plain[key]).scores,
            other.verdict,
            other.found,
        )


@each
def test_support_is_as_exact(setting: Setting) -> None:
    model = tiny("gpt2")
    with setting():
        assert support.check(model).exact


class Precision(Reader):
    seen: str = ""

    def read(self, view: LayerView) -> None:
        self.seen = torch.get_float32_matmul_precision()


def test_products_are_made_in_full_precision_while_a_model_is_read() -> None:
    """Some processors make them so in any case."""
    seen = Precision()
    with precision():
        run_pass(Anatomy(tiny("llama")), prompts_of((5,)), [seen], batch_size=1)
    assert seen.seen == "highest"
