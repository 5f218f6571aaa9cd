"""Whether a head writes the token it attends to (or writes against it)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from catalog.schema.measures import OVCopying, OVRelation
from catalog.schema.recipe import Recipe
from verify.anatomy import Anatomy
from verify.measures.ov_circuit import OVCircuit
from verify.measures.tokens import TokenUnits
from verify.statistics import Units


def ov_copying(recipe: Recipe, tokens: TokenUnits, anatomy: Anatomy) -> Units:
    """1 where a token ranks in the ``top`` of what the head writes for it, else 0.

    Shape [tokens, heads]; ``direction: negative`` counts the bottom. A head that writes nothing
    ranks no token. Control ``shuffle: target``: the rank of another source's token, each source
    once (a cyclic shift, so none is its own); unpaired.
    Source: Wang et al. 2022, section 3.1; McDougall et al. 2023, section 3.1.
    """
    measure = recipe.measure
    assert isinstance(measure, OVCopying)
    ids = torch.tensor(tokens.ids, device=anatomy.device)
    return targets_in_top(measure, tokens, anatomy, ids, ids)


def targets_in_top(
    measure: OVCopying | OVRelation,
    tokens: TokenUnits,
    anatomy: Anatomy,
    sources: Tensor,
    targets: Tensor,
) -> Units:
    """1 where a target ranks in the ``top`` of what the head writes for its source, else 0.

    Args:
        measure: gives ``top`` and ``direction``.
        tokens: gives the clusters.
        anatomy: the model.
        sources: ids of the tokens that are attended to: [units].
        targets: ids that the head is to write for them: [units]. The control asks for the target
            of another source, by a cyclic shift.
    """
    others = targets.roll(1)
    circuit = OVCircuit(anatomy)
    at_once = anatomy.logits_at_once
    parts = [slice(at, at + at_once) for at in range(0, len(sources), at_once)]
    sign = -1.0 if measure.direction == "negative" else 1.0
    score = np.zeros((len(sources), anatomy.layers, anatomy.heads))
    control = np.zeros_like(score)
    for layer in range(anatomy.layers):
        written = circuit.written(layer, circuit.source(layer, sources))
        for head in range(anatomy.heads):
            for part in parts:
                logits = sign * circuit.logits(written[head][part])
                score[part, layer, head] = in_top(logits, targets[part], measure.top)
                control[part, layer, head] = in_top(logits, others[part], measure.top)
    return Units(
        score=score.reshape(len(sources), -1),
        control=control.reshape(len(sources), -1),
        paired=False,
        clusters=np.array(tokens.clusters, dtype=np.int64),
        kind="share",
    )


def in_top(
    logits: Tensor, targets: Tensor, top: int
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """1.0 where fewer than ``top`` tokens have a logit at least as high as the target's."""
    own = logits.gather(1, targets[:, None])
    # ties count against the head, so that writing nothing ranks nothing
    rivals = (logits >= own).sum(-1) - 1
    result: np.ndarray[tuple[int], np.dtype[np.float64]] = (
        (rivals < top).float().cpu().double().numpy()
    )
    return result
