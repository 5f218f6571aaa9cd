"""The parts of a model and what they do to a direction, whatever its architecture calls them.

Weights-only measures and direct logit attribution need to know which matrix is which. They are
found by value in one probe forward pass (``verify.probing``); a model of which some part cannot be
found is refused by name, never guessed.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from verify.adapters import kinds, unwrapped
from verify.attention import (
    BLOCK_BYTES,
    Attention,
    Call,
    OwnAttention,
    PlainAttention,
    WholeAttention,
)
from verify.listening import (
    Enough,
    eager,
    through_cache,
    through_hooks,
    through_interface,
    through_method,
)
from verify.modes import reading
from verify.probing import UnsupportedArchitecture, find_parts
from verify.rotary import Rotary
from verify.weights import constant, matrix, tensors

__all__ = ["Anatomy", "UnsupportedArchitecture"]

_AT_ONCE = 512
"""Tokens that are read alone in one batch."""

VOCABULARY_PART = 16384
"""Rows of the unembedding that are turned to float32 at once: 256 MB at a width of 4096."""


class Anatomy:
    """The parts of one loaded model.

    Args:
        model: a causal language model. What is measured is ``self.model``: that without a wrapper
            around it.

    Raises:
        UnsupportedArchitecture: naming the architecture and the part that could not be found.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        adapted = bool(kinds(model))
        self.model = model = unwrapped(model)
        self.architecture = type(model).__name__
        self.parts = parts = find_parts(model, adapted=adapted or bool(kinds(model)))
        self.blocks = [layer.block for layer in parts.layers]
        self.final_norm = parts.final_norm
        self.layers = len(parts.layers)
        self.heads = parts.heads
        self.kv_heads = parts.kv_heads
        self.head_width = parts.head_width
        self.width = parts.width
        self.context = _context(model)
        self.rotary = Rotary(model)
        embedding, unembedding = model.get_input_embeddings(), model.get_output_embeddings()
        assert isinstance(embedding, nn.Embedding)
        assert isinstance(unembedding, nn.Linear)
        self.embedding = embedding
        self.unembedding = unembedding
        self._layer_of = {layer.attention: at for at, layer in enumerate(parts.layers)}

    @property
    def device(self) -> torch.device:
        """Where the model's inputs go."""
        return self.embedding.weight.device

    @property
    def dtype(self) -> torch.dtype:
        """Of the numbers that layers hand one another."""
        return self.embedding.weight.dtype

    @property
    def embedding_rows(self) -> int:
        """Token ids that the model knows; often more than the tokenizer has."""
        return self.embedding.num_embeddings

    @contextmanager
    def listening(self, listener: Callable[[int, Attention], None]) -> Any:
        """Call ``listener`` with every layer's number and attention while the model runs."""

        def attend(call: Call) -> Tensor:
            layer = self._layer_of[call.module]
            scale = self.parts.layers[layer].plain_scale
            attention: Attention = (
                OwnAttention(call) if scale is None else PlainAttention(call, scale)
            )
            listener(layer, attention)
            return attention.z

        def hear(module: nn.Module, weights: Tensor, z: Tensor) -> None:
            listener(self._layer_of[module], WholeAttention(weights, z))

        with ExitStack() as stack:
            if self.parts.interface:
                stack.enter_context(through_interface(self.model, attend))
            else:
                whole = {}
                for layer in self.parts.layers:
                    if layer.plain_scale is None:
                        whole[layer.attention] = layer.output
                    elif layer.scores is not None:
                        heard = through_cache(
                            layer.attention, layer.output, layer.scores, self.heads, attend
                        )
                        stack.enter_context(heard)
                    else:
                        stack.enter_context(through_method(layer.attention, attend))
                stack.enter_context(through_hooks(self.model, whole, self.heads, hear))
            yield

    def layer_device(self, layer: int) -> torch.device:
        """Where the heads of a layer are; a large model is spread over several devices."""
        return next(tensors(self.parts.layers[layer].output)).device

    def attention_norm(self, layer: int) -> Callable[[Tensor], Tensor]:
        """The norm through which the heads of a layer read the residual stream."""
        return self.parts.layers[layer].read_norm or _as_it_is

    def output_projection(self, layer: int) -> nn.Module:
        """The module that reads what the heads of a layer give out."""
        return self.parts.layers[layer].output

    def output_weight(self, layer: int) -> Tensor:
        """W_O of all heads of a layer: [heads, head width, width]."""
        output = self.parts.layers[layer].output
        weight = matrix(output, self.heads * self.head_width, self.dtype)
        return weight.reshape(self.heads, -1, weight.shape[1])

    def output_constant(self, layer: int) -> Tensor | None:
        """What the output projection of a layer writes whatever the heads give out: [width]."""
        output = self.parts.layers[layer].output
        return constant(output, self.heads * self.head_width, self.dtype)

    def value_weight(self, layer: int) -> Tensor:
        """W_V for each *query* head of a layer: [heads, width, head width].

        Under grouped-query attention the heads of a group share their matrix.
        """
        parts = self.parts.layers[layer]
        whole = matrix(parts.values, self.width, self.dtype)
        return whole[:, parts.columns].permute(1, 0, 2)

    @torch.no_grad()
    def embedded(self, tokens: Tensor) -> Tensor:
        """What the residual stream starts with for a token, without position: [tokens, width]."""
        scale = self.parts.embedding_scale
        if scale is not None:
            embedded: Tensor = self.embedding(tokens)
            return embedded if scale == 1.0 else scale * embedded
        return self._alone(tokens, lambda entered, _: entered)

    @torch.no_grad()
    def first_mlp(self, tokens: Tensor) -> Tensor:
        """What the first MLP writes for a token alone: MLP0(norm(E(t))), [tokens, width].

        The first block runs on the embedding while its attention is silent, so norms after the
        MLP and multipliers are in it; the position embedding is left out.
        """
        return self._alone(tokens, lambda entered, left: left - entered)

    @torch.no_grad()
    def effective_embedding(self, tokens: Tensor) -> Tensor:
        """E(t) + MLP0(norm(E(t))): the token as the later layers see it, [tokens, width].

        Source: Wang et al. 2022, section 3.1; Gould et al. 2023, section 3 (effective OV circuit).
        """
        return self._alone(tokens, lambda _, left: left)

    def _alone(self, tokens: Tensor, take: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """Run the first block, its attention silent, on every token alone."""
        made = [self._alone_at_once(part, take) for part in tokens.split(_AT_ONCE)]
        return torch.cat(made)

    def _alone_at_once(self, tokens: Tensor, take: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        first = self.parts.layers[0]
        kept: list[Tensor] = []

        def enter(_: nn.Module, args: Any, kwargs: dict[str, Any]) -> Any:
            stream = args[0] if args else kwargs["hidden_states"]
            if self.parts.embedding_scale is not None:
                # without the position that the model added
                stream = self.embedded(tokens)[:, None].to(stream)
            kept.append(stream)
            return (
                ((stream, *args[1:]), kwargs)
                if args
                else (args, {**kwargs, "hidden_states": stream})
            )

        def silence(_: nn.Module, __: Any, output: Tensor) -> Tensor:
            return torch.zeros_like(output)

        def leave(_: nn.Module, __: Any, output: Any) -> None:
            kept.append(output[0] if isinstance(output, tuple) else output)
            raise Enough

        handles = (
            first.block.register_forward_pre_hook(enter, with_kwargs=True),
            first.output.register_forward_hook(silence),
            first.block.register_forward_hook(leave),
        )
        try:
            with ExitStack() as stack:
                stack.enter_context(reading(self.model))
                if not self.parts.interface:
                    stack.enter_context(eager(self.model))
                self.model(input_ids=tokens[:, None].to(self.device), use_cache=False)
        except Enough:
            pass
        finally:
            for handle in handles:
                handle.remove()
        entered, left = (stream.reshape(len(tokens), -1) for stream in kept)
        return take(entered, left)

    def written(self, layer: int, vectors: Tensor) -> Tensor:
        """What the attention's output adds to the stream, less a scale that depends on the input.

        Most architectures add it as it is; some norm or multiply it first. Biases are left out.
        [..., width] -> [..., width].
        """
        parts = self.parts.layers[layer]
        if parts.post_norm is not None:
            vectors = parts.post_norm.linear(vectors)
        return vectors if parts.multiplier == 1.0 else vectors * parts.multiplier

    def head_logits(
        self, layer: int, z: Tensor, direction: Tensor, part: Tensor | None = None
    ) -> Tensor:
        """What each head adds to a logit before the final norm's scale: [batch, heads].

        Args:
            layer: of the heads.
            z: their outputs at one position, [batch, heads, head width].
            direction: rows of the unembedding (or differences of rows), [batch, width].
            part: of the outputs, shaped as they are, of which the logits are wanted; None for all.

        A norm after attention is frozen at the scale that it has for all heads together.
        """
        parts = self.parts.layers[layer]
        output = self.output_weight(layer).float()
        z, read = z.float(), self.readout(direction).to(output.device)
        if parts.post_norm is not None:
            whole = torch.einsum("bhf,hfd->bd", z, output)
            bias = self.output_constant(layer)
            if bias is not None:
                whole = whole + bias.float()
            read = parts.post_norm.transposed(read) / parts.post_norm.scale(whole)[:, None]
        if parts.multiplier != 1.0:
            read = read * parts.multiplier
        wanted = z if part is None else part.float()
        return (wanted * torch.einsum("hfd,bd->bhf", output, read)).sum(-1)

    def logits(self, normed: Tensor, tokens: Tensor) -> Tensor:
        """Logits of one token each, before any soft cap: [batch, width], [batch] -> [batch]."""
        weight = self.unembedding.weight
        tokens = tokens.to(weight.device)
        values = (normed.float().to(weight.device) * weight[tokens].float()).sum(-1)
        if self.unembedding.bias is not None:
            values = values + self.unembedding.bias[tokens].float()
        scale = self.parts.logit_scale
        return values if scale == 1.0 else values * scale

    @property
    def logits_at_once(self) -> int:
        """Positions whose logits of the whole vocabulary, in float32, take ``BLOCK_BYTES``."""
        return max(1, BLOCK_BYTES // (4 * self.embedding_rows))

    def all_logits(self, normed: Tensor) -> Tensor:
        """Logits of every token, before any soft cap (which turns no ranking), biases included.

        [batch, width] -> [batch, vocabulary]. A part of the vocabulary at a time is made float32.
        """
        weight = self.unembedding.weight
        read = normed.float().to(weight.device)
        values = torch.cat([read @ rows.float().T for rows in weight.split(VOCABULARY_PART)], dim=1)
        if self.unembedding.bias is not None:
            values = values + self.unembedding.bias.float()
        return values * self.parts.logit_scale

    def lens(self, residual: Tensor, tokens: Tensor) -> Tensor:
        """The logit lens: what the unembedding makes of a stream on its way, for some tokens.

        [positions, width], [tokens] -> [positions, tokens], on the device of ``residual``; a bias
        of the unembedding is part of it, the scale of the logits, which turns no ranking, is not.
        """
        weight = self.unembedding.weight
        normed = self.final_norm(residual.to(self.parts.final.gain.device))
        rows = weight[tokens.to(weight.device)].float()
        logits: Tensor = normed.float().to(weight.device) @ rows.T
        if self.unembedding.bias is not None:
            logits = logits + self.unembedding.bias[tokens.to(weight.device)].float()
        return logits.to(residual.device)

    def through_final_norm(self, direction: Tensor) -> Tensor:
        """The linear part of the final norm, applied to vectors: [..., width] -> [..., width].

        Its scale depends on the input and is left out; for LayerNorm the mean is removed first.
        The bias is a constant that no head writes and is left out too.
        """
        return self.parts.final.linear(direction.to(self.parts.final.gain.device))

    def readout(self, direction: Tensor) -> Tensor:
        """Transpose of :meth:`through_final_norm`: what a logit direction reads before the norm.

        ``direction`` [..., width] is a difference of unembedding rows. For any residual x with
        norm scale s, ``readout(w) . x / s`` is that logit difference less the norm's bias.
        """
        read = self.parts.final.transposed(direction.to(self.parts.final.gain.device))
        return read if self.parts.logit_scale == 1.0 else read * self.parts.logit_scale

    def final_scale(self, residual: Tensor) -> Tensor:
        """The number the final norm divides by, for residual streams [..., width] -> [...]."""
        return self.parts.final.scale(residual)


def _as_it_is(x: Tensor) -> Tensor:
    return x


def _context(model: PreTrainedModel) -> int:
    """Tokens that the model can read at once."""
    config = model.config.get_text_config(decoder=True)
    for name in ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length"):
        value = getattr(config, name, None)
        if isinstance(value, int) and value > 0:
            return value
    return 2048  # ALiBi has no limit of its own; BLOOM, which states none, was trained on 2048
