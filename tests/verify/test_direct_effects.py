"""Direct effects split by source, against each layer's modules run by hand on one part at a time.

Norms are frozen by hand as well: what a norm without a mean does to a number is to multiply it,
and by what is read off its input and output.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from tests.verify.test_measures import direct_effect
from tests.verify.test_odd_models import model_of
from verify.anatomy import Anatomy
from verify.capture import run_pass
from verify.listening import eager, has_interface
from verify.measures import RUNNING
from verify.prompts import CannotBuild, Prompt, PromptSet

POST_NORM = {
    "gemma2": "post_attention_layernorm",
    "gemma3": "post_attention_layernorm",
    "olmo2": "post_attention_layernorm",
    "olmo3": "post_attention_layernorm",
    "exaone4": "post_attention_layernorm",
    "glm4": "post_self_attn_layernorm",
}
MULTIPLIER = {"granite": 0.4}
LOGIT_SCALE = {"granite": 1 / 2.5, "cohere": 0.2}
CASES = (
    *((name, {}) for name in POST_NORM),
    ("olmo2", {"attention_bias": True}),
    ("qwen2", {}),
    ("gpt2", {}),
    ("gptj", {}),
    ("phi", {}),
    ("granite", {}),
    ("cohere", {}),
    ("gpt_oss", {}),
    ("bloom", {}),
    ("falcon_rw", {}),
    ("falcon", {}),
    ("xglm", {}),
)
SOURCES = ("subjects", "indirect-object")


def prompts_of_two_sources() -> PromptSet:
    """Every key of the last token belongs to one of two roles."""
    generator = np.random.default_rng(5)
    made = tuple(
        Prompt(
            ids=tuple(generator.integers(61, size=n).tolist()),
            queries={"end": (n - 1,)},
            places={SOURCES[0]: tuple(range(0, n, 3)), SOURCES[1]: _others(n)},
            answers={"indirect-object": 7 + n, "subject": 3},
        )
        for n in (11, 6, 14)
    )
    return PromptSet({"original": made, "corrupted": made})


def _others(n: int) -> tuple[int, ...]:
    return tuple(key for key in range(n) if key % 3)


def measured(anatomy: Anatomy, prompts: PromptSet, control: dict[str, str], **more: str) -> Any:
    recipe = direct_effect(control, **more)
    measure = RUNNING[recipe.measure.kind](recipe, prompts, anatomy)
    for variant, readers in measure.readers().items():
        run_pass(anatomy, prompts.variants[variant], readers, batch_size=2)
    return measure.units()


class ByHand:
    """One prompt's run by transformers' eager attention, and what went through its modules."""

    def __init__(self, name: str, model: PreTrainedModel, anatomy: Anatomy, prompt: Prompt) -> None:
        self.name, self.model, self.anatomy, self.prompt = name, model, anatomy, prompt
        self.seen: dict[nn.Module, tuple[Tensor, Tensor]] = {}
        ids = torch.tensor([prompt.ids])
        with torch.no_grad(), ExitStack() as stack:
            for module in model.modules():
                handle = module.register_forward_hook(self._keep)
                stack.callback(handle.remove)
            before = model.config._attn_implementation
            if has_interface(model):
                model.set_attn_implementation("eager")
                stack.callback(model.set_attn_implementation, before)
            else:
                stack.enter_context(eager(model))
            self.run = model(input_ids=ids, output_attentions=True, use_cache=False)

    def _keep(self, module: nn.Module, args: Any, output: Any) -> None:
        if args and isinstance(args[0], Tensor) and isinstance(output, Tensor):
            self.seen[module] = args[0].detach(), output.detach()

    def direction(self) -> Tensor:
        answers, rows = self.prompt.answers, self.anatomy.unembedding.weight.detach().float()
        return rows[answers["indirect-object"]] - rows[answers["subject"]]

    @torch.no_grad()
    def effect(self, layer: int, head: int, part: Tensor) -> float:
        """What a part [head width] of a head's output at the end adds to the difference."""
        parts = self.anatomy.parts.layers[layer]
        z = torch.zeros(self.anatomy.heads, len(part)).to(self.model.dtype)
        z[head] = part
        flat = z.reshape(1, -1)
        written = (parts.output(flat) - parts.output(torch.zeros_like(flat)))[0].float()
        if self.name in POST_NORM:
            norm = getattr(parts.block, POST_NORM[self.name])
            before = _without_zeros(self.seen[norm][0][0, -1])
            written = written * (norm(before) / before).float()
        written = written * MULTIPLIER.get(self.name, 1.0)
        norm = self.anatomy.final_norm
        stream = _without_zeros(self.seen[norm][0][0, -1])
        normed, stream = norm(stream).float(), stream.float()
        bias = getattr(norm, "bias", None)
        if bias is not None:
            normed = normed - bias.float()
        if "RMS" not in type(norm).__name__:
            written, stream = written - written.mean(), stream - stream.mean()
        added = written * (normed / stream) @ self.direction()
        return float(added) * LOGIT_SCALE.get(self.name, 1.0)

    @torch.no_grad()
    def moved(self, layer: int, head: int, keys: tuple[int, ...]) -> tuple[Tensor, Tensor]:
        """What is moved from keys without biases, and what is moved from anywhere: [head width]."""
        parts = self.anatomy.parts.layers[layer]
        taken, given = self.seen[parts.values]
        nothing = torch.zeros(1, taken.shape[-1]).to(taken)
        if parts.read_norm is not None:
            nothing = parts.read_norm(torch.zeros(1, self.anatomy.width).to(taken))
        columns = parts.columns[head]
        constant = parts.values(nothing)[0, columns].float()
        values = given.reshape(len(self.prompt.ids), -1)[:, columns].float()
        row = self.run.attentions[layer][0, head, -1].float()
        chosen = list(keys)
        return row[chosen] @ (values[chosen] - constant), row.sum() * constant


def _without_zeros(x: Tensor) -> Tensor:
    """Half precision has some, which show no factor; a trifle in place of one changes no other."""
    return torch.where(x == 0, torch.full_like(x, 1e-3), x)


def compare(name: str, model: PreTrainedModel, tolerance: float) -> None:
    anatomy, prompts = Anatomy(model), prompts_of_two_sources()
    by_source = measured(anatomy, prompts, {"vary": "role", "key": SOURCES[1]}, through=SOURCES[0])
    whole = measured(anatomy, prompts, {"vary": "prompts", "variant": "corrupted"})
    largest = float(np.abs(whole.score).max())
    for index, prompt in enumerate(prompts.main):
        hand = ByHand(name, model, anatomy, prompt)
        for layer in range(anatomy.layers):
            for head in range(anatomy.heads):
                column = layer * anatomy.heads + head
                found = (by_source.score[index, column], by_source.control[index, column])
                for source, ours in zip(SOURCES, found, strict=True):
                    part, constant = hand.moved(layer, head, prompt.places[source])
                    theirs = hand.effect(layer, head, part)
                    assert ours == pytest.approx(theirs, abs=tolerance * largest)
                rest = hand.effect(layer, head, constant)
                assert sum(found) + rest == pytest.approx(
                    whole.score[index, column], abs=tolerance * largest
                )
    # so that neither source nor biases could be left out unnoticed
    assert np.abs(by_source.score).max() > 10 * tolerance * largest
    assert np.abs(by_source.control).max() > 10 * tolerance * largest


@pytest.mark.parametrize(("name", "more"), CASES, ids=str)
def test_effects_by_source_are_those_of_the_modules_and_add_up(
    name: str, more: dict[str, Any]
) -> None:
    compare(name, model_of(name, **more), 1e-4)


@pytest.mark.parametrize("name", ["gemma2", "olmo2", "glm4", "qwen2", "gpt2", "bloom", "falcon_rw"])
def test_effects_by_source_in_half_precision(name: str) -> None:
    compare(name, model_of(name).to(torch.bfloat16), 0.03)


def test_a_source_without_a_key_moves_nothing() -> None:
    """Its effect is 0, not unknown; and the other source is then all that is moved."""
    anatomy, prompts = Anatomy(model_of("gemma2")), prompts_of_two_sources()
    main = tuple(
        replace(prompt, places={SOURCES[0]: tuple(range(len(prompt.ids))), SOURCES[1]: ()})
        for prompt in prompts.main
    )
    prompts = PromptSet({"original": main, "corrupted": main})
    units = measured(anatomy, prompts, {"vary": "role", "key": SOURCES[1]}, through=SOURCES[0])
    whole = measured(anatomy, prompts, {"vary": "prompts", "variant": "corrupted"})
    assert (units.control == 0).all()
    # Gemma has no biases, of norms or values
    np.testing.assert_allclose(units.score, whole.score, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "more"),
    [("olmo", {}), ("olmoe", {"clip_qkv": 8.0}), ("mpt", {"attn_config": {"clip_qkv": 4.0}})],
    ids=str,
)
def test_clipped_values_have_no_effects_by_source(name: str, more: dict[str, Any]) -> None:
    anatomy, prompts = Anatomy(model_of(name, **more)), prompts_of_two_sources()
    with pytest.raises(CannotBuild, match="effects have no parts by source"):
        measured(anatomy, prompts, {"vary": "role", "key": SOURCES[1]}, through=SOURCES[0])
    # the effect as a whole is that of what the heads really gave out
    measured(anatomy, prompts, {"vary": "prompts", "variant": "corrupted"})
