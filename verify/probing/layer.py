"""Which module of a block is which, by what went in and came out of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set

import torch
from torch import Tensor, nn
from transformers import PreTrainedConfig

from verify.listening import Scores
from verify.norms import norm_of
from verify.probing.parts import LayerParts, UnsupportedArchitecture
from verify.probing.seen import ROUNDING, Ran, Seen, known_number, same
from verify.weights import linear_layers


class LayerFinder:
    """Finds the parts of one block after another.

    Args:
        config: whose numbers the multipliers are.
        seen: what the probe saw of the block.
        shape: (rows, tokens) of what the model reads.
        heads: query heads of a layer.
        width: of the residual stream.
        tolerance: largest share by which recomputed numbers may differ.
        attentions: the attention modules.
        scores: how scores come about in those that are heard through a cache.
    """

    def __init__(
        self,
        config: PreTrainedConfig,
        seen: Seen,
        *,
        shape: tuple[int, int],
        heads: int,
        width: int,
        tolerance: float,
        attentions: Set[nn.Module],
        scores: Mapping[nn.Module, Scores],
    ) -> None:
        self._config = config
        self._seen = seen
        self._rows, self._tokens = shape
        self._heads = heads
        self._width = width
        self._tolerance = tolerance
        self._attentions = attentions
        self._scores = scores

    def parts(self, block: nn.Module, left: Tensor) -> LayerParts:
        """Find and check the parts of the block that just ran and gave out ``left``."""
        seen, calls = self._seen, self._seen.calls
        where = f"in layer {len(seen.layers)} "
        if seen.weights is None or seen.entered is None:
            raise UnsupportedArchitecture(f"{where}no attention was seen")
        if seen.weights.shape[1] != self._heads:
            raise UnsupportedArchitecture(f"{where}there are {seen.weights.shape[1]} heads")
        if bool(seen.weights.triu(1).any()):
            raise UnsupportedArchitecture(f"{where}attention is not causal")
        attention = next(module for module in block.modules() if module in self._attentions)
        inside = set(attention.modules())
        layers = set(linear_layers(attention))
        linear = [call for call in calls if call.module in layers]
        output, z = self._output(linear, where)
        values, columns = self._values([call for call in linear if call is not output], z, where)
        read_norm = self._read_norm(values, calls, where)
        post = next(
            (
                call
                for call in calls
                if call.module not in inside
                and same(call.taken, output.given)
                and not same(call.given, output.given)
            ),
            None,
        )
        if post is None:
            written = output.given
            post_norm = None
        else:
            written = post.given
            post_norm = norm_of(post.module, self._width, post.taken)
        written = written.reshape(seen.entered.shape)
        rest = [
            call
            for call in calls
            if call.module not in inside
            and call.given.numel() == left.numel()
            and not same(call.given, written)
            and not same(call.given, call.taken)  # dropout, which is nothing here
        ]
        multiplier, mlp, mlp_multiplier = self._join(left - seen.entered, written, rest, where)
        scores = self._scores.get(attention)
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

    def _output(self, linear: Sequence[Ran], where: str) -> tuple[Ran, Tensor]:
        """The layer that reads what the heads give out, and that: [rows, tokens, heads, width]."""
        z = self._seen.z
        if z is None:
            last = linear[-1]
            if last.taken.shape[-1] % self._heads:
                raise UnsupportedArchitecture(f"{where}heads have no equal parts of the output")
            return last, last.taken.reshape(self._rows, self._tokens, self._heads, -1)
        flat = z.reshape(self._rows, self._tokens, -1)
        for call in reversed(linear):
            if same(call.taken, flat):
                return call, z
        raise UnsupportedArchitecture(
            f"{where}no linear layer reads what the heads give out (something gates or mixes it)"
        )

    def _values(self, linear: Sequence[Ran], z: Tensor, where: str) -> tuple[Ran, Tensor]:
        """The layer whose outputs the heads move, and which of its outputs are each head's.

        At the first position a head can only attend there, so its output is the value itself.
        """
        seen = self._seen
        assert seen.weights is not None
        if seen.values is None:
            first = z[:, 0].reshape(self._rows, -1)
        else:
            repeats = self._heads // seen.values.shape[1]
            first = seen.values[:, :, 0].repeat_interleave(repeats, dim=1).reshape(self._rows, -1)
        wanted = [tuple(column) for column in first.float().T.tolist()]
        for call in linear:
            given = call.given.reshape(self._rows, self._tokens, -1)
            place = {tuple(col): at for at, col in enumerate(given[:, 0].float().T.tolist())}
            if all(column in place for column in wanted):
                found = torch.tensor([place[column] for column in wanted], device=z.device)
                columns = found.reshape(self._heads, -1)
                moved = torch.einsum(
                    "bhqk,bkhf->bqhf", seen.weights.float(), given[..., columns].float()
                )
                if float((moved - z.float()).abs().max()) > self._tolerance:
                    raise UnsupportedArchitecture(
                        f"{where}what the heads give out is not attention times values"
                    )
                if call.taken.shape[-1] != self._width:
                    raise UnsupportedArchitecture(
                        f"{where}values pass through a projection of low rank"
                    )
                return call, columns
        raise UnsupportedArchitecture(f"{where}values are no outputs of one linear layer")

    def _read_norm(self, values: Ran, calls: Iterable[Ran], where: str) -> nn.Module | None:
        entered = self._seen.entered
        assert entered is not None
        if same(values.taken, entered):
            return None
        for call in calls:
            if call is values:
                break
            if same(call.given, values.taken) and same(call.taken, entered):
                return call.module
        raise UnsupportedArchitecture(
            f"{where}heads do not read the residual stream through a norm"
        )

    def _join(
        self, added: Tensor, written: Tensor, rest: Sequence[Ran], where: str
    ) -> tuple[float, nn.Module | None, float]:
        """How the attention's output and one other part make up what the block added."""
        target = added.float().reshape(-1)
        ours = written.float().reshape(-1)
        limit = self._tolerance * float(target.norm())
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

    def _known(self, factor: float, error: float) -> float:
        within = min(self._tolerance, ROUNDING) * abs(factor) + error
        return known_number(self._config, factor, within)
