"""What a head writes when it attends to a token, from weights alone."""

from __future__ import annotations

import torch
from torch import Tensor

from verify.anatomy import VOCABULARY_PART, Anatomy
from verify.capture import CaptureFailed


class OVCircuit:
    """Logits that the heads of a model add for a source token: [heads, tokens, targets].

    For head h of layer l and token t: norm_l(x_t) W_V^h W_O^h, through the linear part of the final
    norm, dotted with the unembedding. x_t is the effective embedding E(t) + MLP0(norm(E(t))), and
    plain E(t) for heads of the first layer, which run before that MLP. Biases are left out: they
    are written whatever the head attends to. Source: Elhage et al. 2021 (full OV circuit); Wang et
    al. 2022, section 3.1; Gould et al. 2023, section 3.
    """

    def __init__(self, anatomy: Anatomy) -> None:
        self.anatomy = anatomy
        self._unembedding = anatomy.unembedding.weight.detach()

    @torch.no_grad()
    def source(self, layer: int, tokens: Tensor) -> Tensor:
        """x_t: [tokens, width]."""
        if layer == 0:
            return self.anatomy.embedded(tokens)
        return self.anatomy.effective_embedding(tokens)

    @torch.no_grad()
    def written(self, layer: int, source: Tensor) -> Tensor:
        """What each head of a layer adds to the residual stream: [heads, tokens, width].

        A norm after attention counts with its linear part; its scale turns no ranking.
        """
        anatomy = self.anatomy
        norm = anatomy.attention_norm(layer)
        source = source.to(anatomy.layer_device(layer))
        read = norm(source) - norm(torch.zeros_like(source[:1]))  # less the norm's bias
        values = torch.einsum("td,hdf->htf", read, anatomy.value_weight(layer))
        moved = torch.einsum("htf,hfd->htd", values, anatomy.output_weight(layer))
        return anatomy.written(layer, moved)

    @torch.no_grad()
    def logits(self, written: Tensor, targets: Tensor | None = None) -> Tensor:
        """[..., width] -> [..., targets]; all tokens of the vocabulary if ``targets`` is None.

        Raises:
            CaptureFailed: if a logit is not a finite number.
        """
        rows = self._unembedding
        if targets is not None:
            rows = rows[targets.to(rows.device)]
        read = self.anatomy.through_final_norm(written).float().to(rows.device)
        if rows.dtype == torch.float32:
            logits = read @ rows.T
        else:  # in float32 the whole can take more memory than there is
            parts = rows.split(VOCABULARY_PART)
            logits = torch.cat([read @ part.float().T for part in parts], dim=-1)
        if not bool(torch.isfinite(logits).all()):
            raise CaptureFailed("what a head writes is not finite: try --dtype float32")
        return logits.to(self.anatomy.device)
