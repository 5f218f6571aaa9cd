"""What stands before the first block and after the last: embedding, final norm, logits."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from transformers import PreTrainedConfig

from verify.probing.parts import UnsupportedArchitecture
from verify.probing.seen import ROUNDING, Seen, known_number, same


class Ends:
    """Finds them once the whole model has run.

    Args:
        config: whose numbers the scales are.
        seen: what the probe saw.
        embedding: of tokens.
        unembedding: whose outputs are the logits, but for a scale or a soft cap.
        ids: the tokens that were read, [rows, tokens]; the fourth of a row is its first.
        tolerance: largest share by which recomputed numbers may differ.
    """

    def __init__(
        self,
        config: PreTrainedConfig,
        seen: Seen,
        *,
        embedding: nn.Embedding,
        unembedding: nn.Linear,
        ids: Tensor,
        tolerance: float,
    ) -> None:
        self._config = config
        self._seen = seen
        self._embedding = embedding
        self._unembedding = unembedding
        self._ids = ids
        self._tolerance = tolerance

    def final_norm(self) -> nn.Module:
        """The module that the unembedding reads, which reads what the last block wrote."""
        calls = self._seen.calls
        while calls and calls[-1].module is not self._unembedding:
            calls.pop()
        if not calls:
            raise UnsupportedArchitecture("its unembedding did not run")
        read = calls.pop().taken
        self._unembedded = self._unembedding(read)
        assert self._seen.left is not None
        while calls:
            last = calls[-1]
            if same(last.given, read) and same(last.taken, self._seen.left):
                return last.module
            calls.pop()
        raise UnsupportedArchitecture("its unembedding does not read the final norm of the stream")

    def logits(self, logits: Tensor) -> tuple[float, float | None]:
        """How logits follow from the unembedding: times a scale, or through a soft cap."""
        ours = self._unembedded.float().reshape(-1)
        theirs = logits.float().reshape(-1).to(ours.device)
        limit = self._tolerance * float(theirs.norm())
        scale = self._known(float(ours @ theirs) / max(float(ours @ ours), 1e-30))
        if float((scale * ours - theirs).norm()) <= limit:
            return scale, None
        cap = getattr(self._config, "final_logit_softcapping", None)
        if cap and float((cap * torch.tanh(ours / cap) - theirs).norm()) <= limit:
            return 1.0, float(cap)
        raise UnsupportedArchitecture("its logits are not those of its unembedding")

    def embedding_scale(self) -> float | None:
        """C where the stream starts as c E(t) plus something of the position alone."""
        first = self._seen.first
        assert first is not None
        embedded = self._embedding(self._ids)
        ours = (embedded[1:] - embedded[:1]).float().reshape(-1)
        theirs = (first[1:] - first[:1]).float().reshape(-1).to(ours.device)
        if ours.shape == theirs.shape:
            scale = self._known(float(ours @ theirs) / max(float(ours @ ours), 1e-30))
            if float((scale * ours - theirs).norm()) <= self._tolerance * float(theirs.norm()):
                return scale
        if not torch.allclose(first[:, 0], first[:, 3], rtol=0, atol=self._tolerance):
            raise UnsupportedArchitecture("tokens and positions do not simply add up")
        return None

    def _known(self, factor: float) -> float:
        return known_number(self._config, factor, min(self._tolerance, ROUNDING) * abs(factor))
