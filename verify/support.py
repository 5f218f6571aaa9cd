"""Whether the engine measures an architecture exactly: three checks against the model itself.

Captured attention is compared with that of ``output_attentions=True``, the sum of the heads'
contributions with what the attention block really wrote, and the sum of all direct logit
attributions with the logits. A model that fails is not to be measured.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from verify.anatomy import Anatomy, UnsupportedArchitecture
from verify.architectures import ARCHITECTURES, Architecture, tiny_model
from verify.capture import CaptureFailed, FinalView, LayerView, Reader, run_pass
from verify.listening import eager, has_interface, implementation
from verify.modes import settled
from verify.prompts import Prompt

TOLERANCE = 1e-5
"""Of attention and of the heads' sum (relative to the largest number); 1e-4 for logits."""
LOGIT_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Support:
    """How exactly a model is measured; largest differences, None where it was refused before."""

    architecture: str
    read: str
    """``interface``, ``hooks`` or ``refused``."""
    attention: float | None = None
    heads: float | None = None
    logits: float | None = None
    reason: str | None = None

    @property
    def errors(self) -> tuple[float | None, float | None, float | None]:
        """The three differences, in order."""
        return self.attention, self.heads, self.logits

    @property
    def exact(self) -> bool:
        """Whether all three checks are met."""
        if self.attention is None or self.heads is None or self.logits is None:
            return False
        return (
            self.attention <= TOLERANCE
            and self.heads <= TOLERANCE
            and self.logits <= LOGIT_TOLERANCE
        )


@settled()
def check(model: PreTrainedModel, lengths: tuple[int, ...] = (12, 9)) -> Support:
    """Measure how exactly the engine reads a model, on random prompts."""
    name = type(model).__name__
    try:
        anatomy = Anatomy(model)
        generator = torch.Generator().manual_seed(1)
        prompts = [
            Prompt(
                tuple(torch.randint(anatomy.embedding_rows, (n,), generator=generator).tolist()),
                {},
            )
            for n in lengths
        ]
        reader = _Reader(anatomy)
        with reader.overhearing():
            run_pass(anatomy, prompts, [reader], batch_size=len(prompts))
        errors = [reader.against(index, prompt) for index, prompt in enumerate(prompts)]
    except (UnsupportedArchitecture, CaptureFailed) as error:
        return Support(name, "refused", reason=str(error))
    attention, heads, logits = (max(column) for column in zip(*errors, strict=True))
    return Support(name, "interface" if has_interface(model) else "hooks", attention, heads, logits)


def table() -> list[tuple[Architecture, Support]]:
    """Check a tiny model of every architecture that is known here."""
    rows = []
    for architecture in ARCHITECTURES:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                found = check(tiny_model(architecture))
            except Exception as error:  # noqa: BLE001  one row must not end the table
                said = str(error) if isinstance(error, LookupError) else repr(error)
                found = Support(architecture.config, "refused", reason=said)
        rows.append((architecture, found))
    return rows


class _Reader(Reader):
    """Keeps what the engine shows of two short prompts, and what the modules really wrote."""

    def __init__(self, anatomy: Anatomy) -> None:
        self.anatomy = anatomy
        self.weights: list[list[Tensor]] = []
        self.z: list[Tensor] = []
        self.first: Tensor | None = None
        self.attention: list[Tensor] = []
        self.mlp: list[Tensor] = []
        self.final: Tensor | None = None

    @contextmanager
    def overhearing(self) -> Iterator[None]:
        """Keep what output projections and MLPs write while the model runs."""

        def keep(kept: list[Tensor]) -> Any:
            def hook(_: nn.Module, __: Any, output: Any) -> None:
                wrote = output[0] if isinstance(output, tuple) else output
                kept.append(wrote.float().clone())

            return hook

        with ExitStack() as stack:
            for layer in self.anatomy.parts.layers:
                handle = layer.output.register_forward_hook(keep(self.attention))
                stack.callback(handle.remove)
                if layer.mlp is not None:
                    stack.callback(layer.mlp.register_forward_hook(keep(self.mlp)).remove)
            yield

    def read(self, view: LayerView) -> None:
        self.weights.append([view.all_rows(index) for index in range(len(view.prompts))])
        self.z.append(view.z.float().clone())
        if self.first is None:
            self.first = view.residual.float().clone()

    def finish(self, view: FinalView) -> None:
        self.final = view.residual.float().clone()

    @torch.no_grad()
    def against(self, index: int, prompt: Prompt) -> tuple[float, float, float]:
        """Largest differences of attention, heads' sum and logits for one prompt."""
        plain, length = self._plain(prompt), len(prompt.ids)
        attention = max(
            float((mine[index] - theirs[0]).abs().max())
            for mine, theirs in zip(self.weights, plain.attentions, strict=True)
        )
        heads = 0.0
        for layer, (z, wrote) in enumerate(zip(self.z, self.attention, strict=True)):
            weight = self.anatomy.output_weight(layer).float()
            summed = torch.einsum("thf,hfd->td", z[index], weight)
            summed = summed + self._bias(layer)
            real = wrote.reshape(*z.shape[:2], -1)[index]
            heads = max(heads, float((summed - real).abs().max() / real.abs().max()))
        logits = plain.logits[0, -1].float()
        difference = (self._attributed(index, length - 1) - logits).abs().max()
        return attention, heads, float(difference / logits.abs().max())

    def _plain(self, prompt: Prompt) -> Any:
        model = self.anatomy.model
        ids = torch.tensor([prompt.ids], device=self.anatomy.device)
        with implementation(model, "eager") if has_interface(model) else eager(model):
            return model(input_ids=ids, output_attentions=True, use_cache=False)

    def _bias(self, layer: int) -> Tensor:
        bias = self.anatomy.output_constant(layer)
        if bias is not None:
            return bias.float()
        return torch.zeros(self.anatomy.width, device=self.anatomy.device)

    def _attributed(self, index: int, at: int) -> Tensor:
        """Every token's logit at one position as the sum of all parts: [vocabulary]."""
        anatomy, parts = self.anatomy, self.anatomy.parts
        assert self.first is not None
        assert self.final is not None
        rows = anatomy.unembedding.weight.float()
        read = anatomy.readout(rows)
        total = read @ self.first[index, at]
        others = iter(self.mlp)
        for layer, (z, wrote) in enumerate(zip(self.z, self.attention, strict=True)):
            part = parts.layers[layer]
            here = z[index, at].expand(len(rows), -1, -1)
            total = total + anatomy.head_logits(layer, here, rows).sum(-1)
            constant = anatomy.written(layer, self._bias(layer))
            if part.post_norm is not None:
                whole = wrote.reshape(*z.shape[:2], -1)[index, at]
                constant = constant / part.post_norm.scale(whole)
                if part.post_norm.bias is not None:
                    constant = constant + part.multiplier * part.post_norm.bias
            total = total + read @ constant
            if part.mlp is not None:
                other = next(others).reshape(*z.shape[:2], -1)[index, at]
                total = total + part.mlp_multiplier * (read @ other)
        total = total / anatomy.final_scale(self.final[index, at])
        if parts.final.bias is not None:
            total = total + parts.logit_scale * (rows @ parts.final.bias)
        if anatomy.unembedding.bias is not None:
            total = total + parts.logit_scale * anatomy.unembedding.bias
        return (
            total
            if parts.logit_cap is None
            else parts.logit_cap * torch.tanh(total / parts.logit_cap)
        )
