"""Finds the parts of a model by value, in one marked forward pass.

Names differ between architectures, and a name that fits can still mean something else. So nothing
is looked up by name: a few short random prompts run through the model while the output of every
linear layer inside an attention module is replaced by random numbers, a mark that occurs nowhere
else. Then the value columns are those whose marks the heads move, the output projection is the
layer that reads what the heads give out, the norms are what stands between, and every claim is
checked by recomputing it. Marks make this exact for any weights, be they zero, planted or
quantized. It costs one forward pass of 48 tokens, so nothing is cached: each model is checked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

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
from verify.norms import Norm, NotANorm, norm_of
from verify.weights import is_plain

ROWS, TOKENS = 8, 6
_MARK = 0.5
"""Largest absolute value of a mark: small enough for layers that clip their projections."""


class UnsupportedArchitecture(Exception):
    """The model cannot be measured whole; the text says which part and why."""


@dataclass(frozen=True)
class LayerParts:
    """The parts of one layer."""

    block: nn.Module
    attention: nn.Module
    read_norm: nn.Module | None
    """Through which the heads read the residual stream; None if they read it as it is."""
    values: nn.Module
    columns: Tensor
    """Which outputs of ``values`` are the values of each query head: [heads, head width]."""
    output: nn.Module
    post_norm: Norm | None
    """Through which the output projection writes, in architectures that norm after attention."""
    multiplier: float
    """By which the attention's output is multiplied before it joins the residual stream."""
    plain_scale: float | None
    """What scores are multiplied by where attention is plain softmax over keys; None where it is
    not (or not known to be), so that the architecture's own function has to compute it."""
    scores: Scores | None
    """How scores come about in a module that is heard through a cache; None in any other."""
    mlp: nn.Module | None
    """What else writes to the residual stream in this block."""
    mlp_multiplier: float


@dataclass(frozen=True)
class Parts:
    """The parts of a model."""

    layers: tuple[LayerParts, ...]
    interface: bool
    """Whether attention is read through transformers' interface, or else through hooks."""
    heads: int
    kv_heads: int
    head_width: int
    width: int
    final_norm: nn.Module
    final: Norm
    logit_scale: float
    logit_cap: float | None
    """c where logits are c tanh(logit / c) (Gemma 2); attributions are of the logit before it."""
    embedding_scale: float | None
    """What the residual stream starts with, in embeddings; None where it is no multiple."""


@dataclass
class _Call:
    """A module that ran: its first input tensor and its first output tensor."""

    module: nn.Module
    taken: Tensor
    given: Tensor


@dataclass
class _Seen:
    """What the probe saw so far."""

    calls: list[_Call] = field(default_factory=list)
    """Calls since the current block began (or the last block ended), in order."""
    weights: Tensor | None = None
    z: Tensor | None = None
    values: Tensor | None = None
    plain_scale: float | None = None
    entered: Tensor | None = None
    left: Tensor | None = None
    first: Tensor | None = None
    layers: list[LayerParts] = field(default_factory=list)
    kv_heads: set[int] = field(default_factory=set)


@torch.no_grad()
def find_parts(model: PreTrainedModel) -> Parts:
    """Find and check the parts of a causal language model.

    Raises:
        UnsupportedArchitecture: naming the architecture and what about it cannot be measured; or
            a weight that is not in memory.
    """
    name = type(model).__name__
    away = next((key for key, weight in model.named_parameters() if weight.is_meta), None)
    if away is not None:
        raise UnsupportedArchitecture(
            f"{name} cannot be measured here: {away} is offloaded, and the heads' matrices must be"
            " at hand; load the model with fewer bits a weight, or over more devices"
        )
    was_training = model.training
    model.eval()
    try:
        return _Probe(model).run()
    except (UnsupportedArchitecture, NotANorm) as error:
        adapter = " (merge its adapter first)" if hasattr(model, "peft_config") else ""
        raise UnsupportedArchitecture(
            f"architecture {name} is not supported: {str(error).rstrip('.')}{adapter}"
        ) from None
    finally:
        model.train(was_training)


class _Probe:
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
        heads = getattr(model.config, "num_attention_heads", None)
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
        self.seen = _Seen()

    def run(self) -> Parts:
        attentions = self._attention_modules()
        self.attentions = set(attentions)
        self.scores = {} if self.interface else self._scores(attentions)
        if not self.interface:
            self._as_loaded()
        self.blocks = _blocks_of(self.model, attentions)
        seen = self.seen
        with ExitStack() as stack:
            self._watch(stack, attentions)
            if self.interface:
                stack.enter_context(through_interface(self.model, self._hear))
            else:
                stack.enter_context(eager(self.model))
            logits = self.model(input_ids=self.ids, use_cache=False).logits
        if not bool(torch.isfinite(logits).all()):
            raise UnsupportedArchitecture("its logits are not finite (try float32)")
        if len(seen.layers) != len(self.blocks):
            raise UnsupportedArchitecture("not every layer ran")
        final_norm = self._final_norm()
        scale, cap = self._logits(logits)
        if len(seen.kv_heads) != 1:
            raise UnsupportedArchitecture("its layers differ in their number of key-value heads")
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
            embedding_scale=self._embedding_scale(),
        )

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
            self.model(input_ids=self.ids, use_cache=False)
        if not found:
            raise UnsupportedArchitecture("no layer shows its attention weights")
        return list(found)

    def _as_loaded(self) -> None:
        """Check that eager attention, which is what will be read, computes the same model."""
        usual = self.model(input_ids=self.ids, use_cache=False).logits.float()
        with eager(self.model):
            read = self.model(input_ids=self.ids, use_cache=False).logits.float()
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
            self.model(input_ids=self.ids, use_cache=False)
        return found

    def _mark_linear(self, stack: ExitStack, attention: nn.Module) -> None:
        for module in attention.modules():
            if isinstance(module, nn.Linear | Conv1D):
                stack.callback(module.register_forward_hook(self._mark).remove)

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
        taken = _first_tensor((*args, *kwargs.values()))
        given = _first_tensor(output if isinstance(output, tuple) else (output,))
        if taken is not None and given is not None:
            # copies: some blocks add to these tensors in place afterwards
            self.seen.calls.append(_Call(module, taken.clone(), given.clone()))

    def _begin(self, _: nn.Module, args: Any, kwargs: dict[str, Any]) -> Any:
        """Check what enters a block, then let random numbers of a usual size enter instead.

        A stream of planted or half-precision weights can be so large that what attention adds to
        it would drown in rounding.
        """
        entered = args[0] if args else kwargs["hidden_states"]
        if self.seen.left is not None and not _same(entered, self.seen.left):
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
        left = _first_tensor(output if isinstance(output, tuple) else (output,))
        assert left is not None
        self.seen.left = left
        self.seen.layers.append(self._layer(block, left))
        self.seen.calls.clear()

    def _layer(self, block: nn.Module, left: Tensor) -> LayerParts:
        seen, calls = self.seen, self.seen.calls
        where = f"in layer {len(seen.layers)} "
        if seen.weights is None or seen.entered is None:
            raise UnsupportedArchitecture(f"{where}no attention was seen")
        if seen.weights.shape[1] != self.heads:
            raise UnsupportedArchitecture(f"{where}there are {seen.weights.shape[1]} heads")
        if bool(seen.weights.triu(1).any()):
            raise UnsupportedArchitecture(f"{where}attention is not causal")
        attention = next(module for module in block.modules() if module in self.attentions)
        inside = set(attention.modules())
        linear = [
            call
            for call in calls
            if call.module in inside and isinstance(call.module, nn.Linear | Conv1D)
        ]
        output, z = self._output(linear, where)
        values, columns = self._values([call for call in linear if call is not output], z, where)
        read_norm = self._read_norm(values, calls, where)
        post = next(
            (
                call
                for call in calls
                if call.module not in inside
                and _same(call.taken, output.given)
                and not _same(call.given, output.given)
            ),
            None,
        )
        if post is None:
            written = output.given
            post_norm = None
        else:
            written = post.given
            post_norm = norm_of(post.module, self.width, post.taken)
        written = written.reshape(seen.entered.shape)
        rest = [
            call
            for call in calls
            if call.module not in inside
            and call.given.numel() == left.numel()
            and not _same(call.given, written)
            and not _same(call.given, call.taken)  # dropout, which is nothing here
        ]
        multiplier, mlp, mlp_multiplier = self._join(left - seen.entered, written, rest, where)
        scores = self.scores.get(attention)
        seen.kv_heads.add(len({tuple(row.tolist()) for row in columns}))
        return LayerParts(
            block,
            attention,
            read_norm,
            values.module,
            columns,
            output.module,
            post_norm,
            multiplier,
            seen.plain_scale if scores is None else scores.scale,
            scores,
            mlp,
            mlp_multiplier,
        )

    def _output(self, linear: Sequence[_Call], where: str) -> tuple[_Call, Tensor]:
        """The layer that reads what the heads give out, and that: [rows, tokens, heads, width]."""
        z = self.seen.z
        if z is None:
            last = linear[-1]
            if last.taken.shape[-1] % self.heads:
                raise UnsupportedArchitecture(f"{where}heads have no equal parts of the output")
            return last, last.taken.reshape(ROWS, TOKENS, self.heads, -1)
        flat = z.reshape(ROWS, TOKENS, -1)
        for call in reversed(linear):
            if _same(call.taken, flat):
                return call, z
        raise UnsupportedArchitecture(
            f"{where}no linear layer reads what the heads give out (something gates or mixes it)"
        )

    def _values(self, linear: Sequence[_Call], z: Tensor, where: str) -> tuple[_Call, Tensor]:
        """The layer whose outputs the heads move, and which of its outputs are each head's.

        At the first position a head can only attend there, so its output is the value itself.
        """
        seen = self.seen
        assert seen.weights is not None
        if seen.values is None:
            first = z[:, 0].reshape(ROWS, -1)
        else:
            repeats = self.heads // seen.values.shape[1]
            first = seen.values[:, :, 0].repeat_interleave(repeats, dim=1).reshape(ROWS, -1)
        wanted = [tuple(column) for column in first.float().T.tolist()]
        for call in linear:
            given = call.given.reshape(ROWS, TOKENS, -1)
            place = {tuple(col): at for at, col in enumerate(given[:, 0].float().T.tolist())}
            if all(column in place for column in wanted):
                found = torch.tensor([place[column] for column in wanted], device=z.device)
                columns = found.reshape(self.heads, -1)
                moved = torch.einsum(
                    "bhqk,bkhf->bqhf", seen.weights.float(), given[..., columns].float()
                )
                if float((moved - z.float()).abs().max()) > self.tolerance:
                    raise UnsupportedArchitecture(
                        f"{where}what the heads give out is not attention times values"
                    )
                if call.taken.shape[-1] != self.width:
                    raise UnsupportedArchitecture(
                        f"{where}values pass through a projection of low rank"
                    )
                return call, columns
        raise UnsupportedArchitecture(f"{where}values are no outputs of one linear layer")

    def _read_norm(self, values: _Call, calls: Iterable[_Call], where: str) -> nn.Module | None:
        entered = self.seen.entered
        assert entered is not None
        if _same(values.taken, entered):
            return None
        for call in calls:
            if call is values:
                break
            if _same(call.given, values.taken) and _same(call.taken, entered):
                return call.module
        raise UnsupportedArchitecture(
            f"{where}heads do not read the residual stream through a norm"
        )

    def _join(
        self, added: Tensor, written: Tensor, rest: Sequence[_Call], where: str
    ) -> tuple[float, nn.Module | None, float]:
        """How the attention's output and one other part make up what the block added."""
        target = added.float().reshape(-1)
        ours = written.float().reshape(-1)
        limit = self.tolerance * float(target.norm())
        for call in (None, *reversed(rest)):
            parts = [ours]
            if call is not None:
                other = call.given.float().reshape(-1)
                if float(other.norm()) == 0.0:
                    continue
                parts.append(other)
            table = torch.stack(parts, dim=1)
            # normal equations in double precision, on the CPU: not every device has it
            square = (table.T @ table).cpu().double()
            right = (table.T @ target).cpu().double()
            factors = torch.linalg.lstsq(square, right[:, None]).solution[:, 0]
            left_over = float((table @ factors.to(table.device, table.dtype) - target).norm())
            if left_over <= limit and float(factors[0]) > 1e-3:
                known = [
                    self._known(float(factor), left_over / float(part.norm()))
                    for factor, part in zip(factors, parts, strict=True)
                ]
                if call is None:
                    return known[0], None, 1.0
                return known[0], call.module, known[1]
        raise UnsupportedArchitecture(
            f"{where}the residual stream is not what it was plus attention plus one other part"
        )

    def _known(self, factor: float, error: float = 0.0) -> float:
        """The number of the configuration (or 1) that a measured factor stands for."""
        numbers = [v for v in self.model.config.to_dict().values() if isinstance(v, float)]
        candidates = [1.0, *numbers, *(1 / number for number in numbers if number)]
        near = min(candidates, key=lambda number: abs(number - factor))
        return near if abs(near - factor) <= self.tolerance * abs(factor) + error else factor

    def _final_norm(self) -> nn.Module:
        calls = self.seen.calls
        while calls and calls[-1].module is not self.unembedding:
            calls.pop()
        if not calls:
            raise UnsupportedArchitecture("its unembedding did not run")
        read = calls.pop().taken
        self.unembedded = self.unembedding(read)
        assert self.seen.left is not None
        while calls:
            last = calls[-1]
            if _same(last.given, read) and _same(last.taken, self.seen.left):
                return last.module
            calls.pop()
        raise UnsupportedArchitecture("its unembedding does not read the final norm of the stream")

    def _logits(self, logits: Tensor) -> tuple[float, float | None]:
        """How logits follow from the unembedding: times a scale, or through a soft cap."""
        ours = self.unembedded.float().reshape(-1)
        theirs = logits.float().reshape(-1).to(ours.device)
        limit = self.tolerance * float(theirs.norm())
        scale = self._known(float(ours @ theirs) / max(float(ours @ ours), 1e-30))
        if float((scale * ours - theirs).norm()) <= limit:
            return scale, None
        cap = getattr(self.model.config, "final_logit_softcapping", None)
        if cap and float((cap * torch.tanh(ours / cap) - theirs).norm()) <= limit:
            return 1.0, float(cap)
        raise UnsupportedArchitecture("its logits are not those of its unembedding")

    def _embedding_scale(self) -> float | None:
        """C where the stream starts as c E(t) plus something of the position alone."""
        first = self.seen.first
        assert first is not None
        embedded = self.embedding(self.ids)
        ours = (embedded[1:] - embedded[:1]).float().reshape(-1)
        theirs = (first[1:] - first[:1]).float().reshape(-1).to(ours.device)
        if ours.shape == theirs.shape:
            scale = self._known(float(ours @ theirs) / max(float(ours @ ours), 1e-30))
            if float((scale * ours - theirs).norm()) <= self.tolerance * float(theirs.norm()):
                return scale
        if not torch.allclose(first[:, 0], first[:, 3], rtol=0, atol=self.tolerance):
            raise UnsupportedArchitecture("tokens and positions do not simply add up")
        return None


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


def _first_tensor(items: Iterable[Any]) -> Tensor | None:
    return next((i for i in items if isinstance(i, Tensor) and i.is_floating_point()), None)


def _same(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors hold the same numbers, whatever their layout."""
    if a.numel() != b.numel():
        return False
    return torch.equal(a.reshape(-1), b.reshape(-1).to(a.device))  # layers can be apart
