"""The marked forward pass: what is marked, what is heard, and in which order it is asked."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from verify.attention import Call, plain_scale
from verify.listening import (
    Scores,
    attention_weights,
    beside_method,
    eager,
    find_scores,
    has_interface,
    has_method,
    through_interface,
)
from verify.norms import norm_of
from verify.probing.ends import Ends
from verify.probing.layer import LayerFinder
from verify.probing.matrices import check_matrices
from verify.probing.parts import Parts, UnsupportedArchitecture
from verify.probing.seen import Ran, Seen, clip_of, first_tensor, same
from verify.weights import is_plain, linear_layers

ROWS, TOKENS = 8, 6
_MARK = 0.5
"""Largest absolute value of a mark: small enough for layers that clip their projections."""


class Probe:
    """One model under the probe; :meth:`run` finds its parts."""

    def __init__(self, model: PreTrainedModel) -> None:
        self.model = model
        self.interface = has_interface(model)
        embedding, unembedding = model.get_input_embeddings(), model.get_output_embeddings()
        if not isinstance(embedding, nn.Embedding) or not isinstance(unembedding, nn.Linear):
            raise UnsupportedArchitecture("it has no plain token embedding or unembedding")
        if not is_plain(unembedding.weight):
            raise UnsupportedArchitecture("its unembedding is quantized (leave lm_head as it is)")
        self.embedding, self.unembedding = embedding, unembedding
        self.width = unembedding.in_features
        # of a model that also takes other kinds of input, that of the part that reads text
        self.config = model.config.get_text_config(decoder=True)
        heads = getattr(self.config, "num_attention_heads", None)
        if not isinstance(heads, int):
            raise UnsupportedArchitecture("its configuration names no one number of heads")
        self.heads = heads
        self.random = torch.Generator().manual_seed(0)
        ids = torch.randint(embedding.num_embeddings, (ROWS, TOKENS), generator=self.random)
        table = embedding.weight.detach()
        drawn = table[ids.to(table.device)]
        if bool((drawn == drawn[:1, :1]).all()):
            # Tokens that are embedded alike tell nothing of what the stream starts with.
            others = (table != drawn[0, 0]).any(dim=-1).nonzero()[:, 0].cpu()
            if len(others) == 0:
                raise UnsupportedArchitecture("it embeds all tokens alike")
            ids = others[torch.randint(len(others), ids.shape, generator=self.random)]
        ids[:, 3] = ids[:, 0]  # to tell tokens from positions
        self.ids = ids.to(embedding.weight.device)
        half = embedding.weight.dtype != torch.float32
        self.tolerance = 3e-2 if half else 1e-4
        self.seen = Seen()

    def run(self) -> Parts:
        attentions = self._attention_modules()
        scores = {} if self.interface else self._scores(attentions)
        if not self.interface:
            self._as_loaded()
        self.blocks = _blocks_of(self.model, attentions)
        seen = self.seen
        self.layers = LayerFinder(
            self.config,
            seen,
            shape=(ROWS, TOKENS),
            heads=self.heads,
            width=self.width,
            tolerance=self.tolerance,
            attentions=set(attentions),
            scores=scores,
        )
        with ExitStack() as stack:
            self._watch(stack, attentions)
            if self.interface:
                stack.enter_context(through_interface(self.model, self._hear))
            else:
                stack.enter_context(eager(self.model))
            logits = self._forward()
        if not bool(torch.isfinite(logits).all()):
            raise UnsupportedArchitecture("its logits are not finite (try float32)")
        if len(seen.layers) != len(self.blocks):
            raise UnsupportedArchitecture("not every layer ran")
        ends = Ends(
            self.config,
            seen,
            embedding=self.embedding,
            unembedding=self.unembedding,
            ids=self.ids,
            tolerance=self.tolerance,
        )
        final_norm = ends.final_norm()
        scale, cap = ends.logits(logits)
        if len(seen.kv_heads) != 1:
            raise UnsupportedArchitecture("its layers differ in their number of key-value heads")
        if len({layer.columns.shape for layer in seen.layers}) != 1:
            raise UnsupportedArchitecture("its layers differ in the width of their heads")
        check_matrices(
            seen.layers, self.unembedding, self.embedding.weight.dtype, self.random, self.tolerance
        )
        return Parts(
            layers=tuple(seen.layers),
            interface=self.interface,
            heads=self.heads,
            kv_heads=seen.kv_heads.pop(),
            head_width=seen.layers[0].columns.shape[1],
            width=self.width,
            final_norm=final_norm,
            final=norm_of(final_norm, self.width, seen.calls[-1].taken),
            logit_scale=scale,
            logit_cap=cap,
            clipped=clip_of(self.config),
            embedding_scale=ends.embedding_scale(),
        )

    def _forward(self) -> Tensor:
        """Read the probe's tokens: logits [rows, tokens, vocabulary]."""
        out = self.model(input_ids=self.ids, use_cache=False)
        logits: Tensor = out.logits
        return logits

    def _attention_modules(self) -> list[nn.Module]:
        found: dict[nn.Module, None] = {}
        with ExitStack() as stack:
            if self.interface:

                def note(call: Call) -> Tensor:
                    found.setdefault(call.module)
                    return _eager(call)[0]

                stack.enter_context(through_interface(self.model, note))
            else:
                stack.enter_context(eager(self.model))

                def look(module: nn.Module, _: Any, output: Any) -> None:
                    weights = attention_weights(output)
                    inside = any(child in found for child in module.modules())
                    if weights is not None and weights.shape[1] == self.heads and not inside:
                        found.setdefault(module)

                for module in self.model.modules():
                    handle = module.register_forward_hook(look)
                    stack.callback(handle.remove)
            self._forward()
        if not found:
            raise UnsupportedArchitecture("no layer shows its attention weights")
        return list(found)

    def _as_loaded(self) -> None:
        """Check that eager attention, which is what will be read, computes the same model."""
        usual = self._forward().float()
        with eager(self.model):
            read = self._forward().float()
        if float((read - usual).norm()) > self.tolerance * float(usual.norm()):
            raise UnsupportedArchitecture(
                "its eager attention, which shows its weights, gives other logits than it has"
            )

    def _scores(self, attentions: Sequence[nn.Module]) -> dict[nn.Module, Scores]:
        """How scores come about in each module that can be heard through a cache."""
        found: dict[nn.Module, Scores] = {}
        with ExitStack() as stack:
            stack.enter_context(eager(self.model))
            for attention in attentions:
                if has_method(attention):
                    continue  # which shows more, and can be asked about any queries
                self._mark_linear(stack, attention)
                hear = partial(found.__setitem__, attention)
                stack.enter_context(find_scores(attention, self.heads, hear))
            self._forward()
        return found

    def _mark_linear(self, stack: ExitStack, attention: nn.Module) -> None:
        for layer in linear_layers(attention):
            stack.callback(layer.register_forward_hook(self._mark).remove)

    def _watch(self, stack: ExitStack, attentions: Sequence[nn.Module]) -> None:
        for attention in attentions:
            self._mark_linear(stack, attention)
        for module in self.model.modules():
            if module in self.blocks:
                begin = module.register_forward_pre_hook(self._begin, with_kwargs=True)
                end = module.register_forward_hook(self._end, with_kwargs=True)
                stack.callback(begin.remove)
                stack.callback(end.remove)
            else:
                handle = module.register_forward_hook(self._record, with_kwargs=True)
                stack.callback(handle.remove)
        if not self.interface:
            for attention in attentions:
                stack.callback(attention.register_forward_hook(self._overhear).remove)
                if has_method(attention):
                    stack.enter_context(beside_method(attention, self._hear_method))

    def _mark(self, _: nn.Module, __: Any, output: Tensor) -> Tensor:
        mark = torch.rand(output.shape, generator=self.random) * 2 * _MARK - _MARK
        return mark.to(output)

    def _hear(self, call: Call) -> Tensor:
        z, weights = _eager(call)
        self.seen.weights, self.seen.z, self.seen.values = weights, z, call.value
        self.seen.plain_scale = plain_scale(call)
        return z

    def _hear_method(self, call: Call) -> None:
        self.seen.plain_scale = plain_scale(call)

    def _overhear(self, _: nn.Module, __: Any, output: Any) -> None:
        self.seen.weights = attention_weights(output)

    def _record(self, module: nn.Module, args: Any, kwargs: dict[str, Any], output: Any) -> None:
        taken = first_tensor((*args, *kwargs.values()))
        given = first_tensor(output if isinstance(output, tuple) else (output,))
        if taken is not None and given is not None:
            # copies: some blocks add to these tensors in place afterwards; what is taken is heard
            # before it is moved to where the module is
            here = taken.to(given.device, copy=True)
            self.seen.calls.append(Ran(module, here, given.clone()))

    def _begin(self, _: nn.Module, args: Any, kwargs: dict[str, Any]) -> Any:
        """Check what enters a block, then let random numbers of a usual size enter instead.

        A stream of planted or half-precision weights can be so large that what attention adds to
        it would drown in rounding.
        """
        entered = args[0] if args else kwargs["hidden_states"]
        if self.seen.left is not None and not same(entered, self.seen.left):
            raise UnsupportedArchitecture("a block does not read what the block before it wrote")
        if self.seen.first is None:
            self.seen.first = entered
        stream = torch.randn(entered.shape, generator=self.random).to(entered)
        self.seen.entered = stream.clone()
        self.seen.calls.clear()
        self.seen.weights, self.seen.plain_scale = None, None
        if args:
            return (stream, *args[1:]), kwargs
        return args, {**kwargs, "hidden_states": stream}

    def _end(self, block: nn.Module, _: Any, __: dict[str, Any], output: Any) -> None:
        left = first_tensor(output if isinstance(output, tuple) else (output,))
        assert left is not None
        self.seen.left = left
        assert self.seen.entered is not None
        self.seen.entered = self.seen.entered.to(left.device)
        self.seen.layers.append(self.layers.parts(block, left))
        self.seen.calls.clear()


def _blocks_of(model: nn.Module, attentions: Sequence[nn.Module]) -> list[nn.Module]:
    """The list of blocks, each with one attention module."""
    best: tuple[int, int] = (0, 0)
    for module in model.modules():
        if not isinstance(module, nn.ModuleList):
            continue
        counts = [sum(a in set(block.modules()) for a in attentions) for block in module]
        if sum(counts) == len(attentions) and set(counts) == {1}:
            return list(module)
        best = max(best, (sum(map(bool, counts)), len(counts)))
    if best[0]:
        raise UnsupportedArchitecture(
            f"{best[0]} of its {best[1]} layers have attention of the usual kind"
        )
    raise UnsupportedArchitecture("its layers are not a list of blocks with one attention each")


def _eager(call: Call) -> tuple[Tensor, Tensor]:
    positions = torch.arange(call.key.shape[2], device=call.key.device)
    mask = call.visible(positions, call.key.shape[2])
    return call.own_eager(call.query, call.key, call.value, mask)
