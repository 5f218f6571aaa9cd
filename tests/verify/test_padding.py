"""Whatever else is in a batch, and on which side it is padded, a prompt gives the same numbers."""

from __future__ import annotations

import inspect

import pytest
import torch
from transformers import PreTrainedModel

from tests.verify.test_capture import Keep, prompts_of
from verify.anatomy import Anatomy
from verify.architectures import ARCHITECTURES, REFUSED, Architecture, tiny_model
from verify.capture import run_pass
from verify.listening import eager, has_interface
from verify.prompts import Prompt

MEASURED = [a for a in ARCHITECTURES if a.name not in REFUSED]
LENGTHS = (13, 9, 20, 1, 20, 17)
each = pytest.mark.parametrize("architecture", MEASURED, ids=lambda a: a.name)


def kept(model: PreTrainedModel, prompts: list[Prompt], size: int | None) -> Keep:
    keep = Keep()
    run_pass(Anatomy(model), prompts, [keep], batch_size=size)
    return keep


@torch.no_grad()
def padded(
    model: PreTrainedModel, prompts: list[Prompt], side: str
) -> tuple[tuple[torch.Tensor, ...], torch.Tensor, list[int]]:
    """Attention and logits of transformers itself, and where each prompt starts in its row."""
    width = max(len(prompt.ids) for prompt in prompts)
    starts = [width - len(prompt.ids) if side == "left" else 0 for prompt in prompts]
    ids, mask = torch.full((2, len(prompts), width), 7), torch.zeros(len(prompts), width).long()
    ids = ids[0]
    for row, (prompt, start) in enumerate(zip(prompts, starts, strict=True)):
        ids[row, start : start + len(prompt.ids)] = torch.tensor(prompt.ids)
        mask[row, start : start + len(prompt.ids)] = 1
    positions = {}
    if "position_ids" in inspect.signature(type(model).forward).parameters:
        positions["position_ids"] = (mask.cumsum(-1) - 1).clamp(min=0)
    if has_interface(model):
        model.set_attn_implementation("eager")
    with eager(model):
        out = model(
            input_ids=ids, attention_mask=mask, output_attentions=True, use_cache=False, **positions
        )
    return out.attentions, out.logits, starts


@each
def test_one_at_a_time_sixteen_or_as_found(architecture: Architecture) -> None:
    model, prompts = tiny_model(architecture), prompts_of(LENGTHS)
    alone = kept(model, prompts, 1)
    assert len(alone.weights) == len(prompts) * len(Anatomy(model).blocks)
    for size in (16, None):
        together = kept(model, prompts, size)
        for key, weights in alone.weights.items():
            torch.testing.assert_close(together.weights[key], weights, atol=1e-5, rtol=0)
            largest = float(alone.z[key].abs().max())
            torch.testing.assert_close(together.z[key], alone.z[key], atol=1e-5 * largest, rtol=0)
        for number, stream in alone.final.items():
            torch.testing.assert_close(together.final[number], stream, atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("side", ["left", "right"])
@each
def test_transformers_gives_the_same_padded_on_either_side(
    architecture: Architecture, side: str
) -> None:
    model, prompts = tiny_model(architecture), prompts_of(LENGTHS)
    ours = kept(model, prompts, 16)
    attentions, logits, starts = padded(model, prompts, side)
    for (number, layer), weights in ours.weights.items():
        here = slice(starts[number], starts[number] + len(prompts[number].ids))
        theirs = attentions[layer][number, :, here, here]
        torch.testing.assert_close(weights, theirs, atol=1e-5, rtol=0)
    anatomy = Anatomy(model)
    for number, prompt in enumerate(prompts):
        tokens = torch.tensor(prompt.ids)
        scores = anatomy.logits(ours.normed[number], tokens)
        cap = anatomy.parts.logit_cap
        if cap is not None:
            scores = cap * torch.tanh(scores / cap)
        start = starts[number]
        theirs = logits[number, torch.arange(start, start + len(tokens)), tokens]
        torch.testing.assert_close(scores, theirs, atol=1e-4, rtol=1e-4)
