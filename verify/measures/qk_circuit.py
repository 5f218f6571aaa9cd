"""Which source tokens a destination attends to, from the weights of a head."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn

from verify.anatomy import Anatomy
from verify.attention import Call
from verify.capture import LayerView, Reader, run_pass
from verify.prompts import CannotBuild, Prompt

_AT_ONCE = 2048
"""Positions of one batch: a token is read alone at as many as the largest distance needs."""


class QKCircuit:
    """Scores before the softmax that a destination token gives a source token.

    For head h of layer l, source s and destination d: scale q_h(x_d) . k_h(x_s), where x_t is what
    the OV circuit reads too: E(t) for heads of the first layer, E(t) + MLP0(norm(E(t))) for later
    ones, without learned position. Where positions turn queries and keys (RoPE), the score is the
    mean over ``distances`` between the two. Queries and keys are those that the model itself makes
    of such a stream, biases and norms of theirs included. Exact for the first layer; for later
    ones it leaves out what earlier heads moved. Source: Elhage et al. 2021 (full QK circuit).

    Args:
        anatomy: the model.
        tokens: ids [tokens]; each is read alone.
        distances: between destination and source, in tokens.

    Raises:
        CannotBuild: if the architecture shows no queries and keys.
    """

    def __init__(self, anatomy: Anatomy, tokens: Tensor, distances: Sequence[int]) -> None:
        self._anatomy = anatomy
        self._distances = list(distances)
        self._queries: list[list[Tensor]] = [[] for _ in range(anatomy.layers)]
        self._keys: list[list[Tensor]] = [[] for _ in range(anatomy.layers)]
        for part in tokens.split(max(1, _AT_ONCE // (max(distances) + 1))):
            self._read(part)

    def scores(self, layer: int) -> Iterator[Tensor]:
        """For each head of a layer [destinations, sources], in float32."""
        device = self._anatomy.layer_device(layer)
        queries = torch.cat(self._queries[layer]).to(device)
        keys = torch.cat(self._keys[layer]).to(device)
        mates = queries.shape[1] // keys.shape[1]
        for head in range(queries.shape[1]):
            yield queries[:, head].float() @ keys[:, head // mates].float().T

    @torch.no_grad()
    def _read(self, tokens: Tensor) -> None:
        anatomy = self._anatomy
        alone = anatomy.embedded(tokens), anatomy.effective_embedding(tokens)
        positions = max(self._distances) + 1
        prompts = [Prompt((token,) * positions, {}) for token in tokens.tolist()]
        with ExitStack() as stack:
            for layer, block in enumerate(anatomy.blocks):
                stream = alone[min(layer, 1)][:, None].expand(-1, positions, -1)
                hook = block.register_forward_pre_hook(_entering(stream), with_kwargs=True)
                stack.callback(hook.remove)
            run_pass(anatomy, prompts, [_CallReader(self._keep)], batch_size=len(prompts))

    def _keep(self, layer: int, call: Call | None) -> None:
        if call is None:
            raise CannotBuild(f"{self._anatomy.architecture} does not show queries and keys")
        scale = self._anatomy.parts.layers[layer].plain_scale
        if scale is None:
            scale = call.options.get("scaling") or call.query.shape[-1] ** -0.5
        # a key at position 0, and the mean of the queries that lie so far after it
        query = call.query[:, :, self._distances].float().mean(2) * scale
        self._queries[layer].append(query.to(call.query).cpu())
        self._keys[layer].append(call.key[:, :, 0].cpu())


class _CallReader(Reader):
    """Hands on what each layer attends with."""

    def __init__(self, keep: Callable[[int, Call | None], None]) -> None:
        self._keep = keep

    def read(self, view: LayerView) -> None:
        self._keep(view.layer, view.attention.call)


def _entering(stream: Tensor) -> Callable[..., Any]:
    """A hook that puts ``stream`` in place of what enters a block."""

    def hook(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if args:
            return (stream.to(args[0]), *args[1:]), kwargs
        return args, {**kwargs, "hidden_states": stream.to(kwargs["hidden_states"])}

    return hook
