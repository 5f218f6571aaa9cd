"""Whether a head writes the word that a relation maps the attended word to."""

from __future__ import annotations

import numpy as np
import torch

from catalog.schema.measures import OVRelation
from catalog.schema.recipe import Recipe
from verify.anatomy import Anatomy
from verify.measures.ov_circuit import OVCircuit
from verify.measures.ov_copying import in_top
from verify.measures.tokens import TokenUnits
from verify.prompts import CannotBuild
from verify.statistics import Units


def ov_relation(recipe: Recipe, tokens: TokenUnits, anatomy: Anatomy) -> Units:
    """1 where the second word of a pair ranks in the ``top`` of what the head writes for the first.

    Shape [pairs, heads], ranks over the whole vocabulary; ``direction: negative`` counts the
    bottom. A head that writes nothing ranks no token. Control ``shuffle: target``: the rank of
    another pair's second word, each pair once; unpaired. Source: Elhelo & Geva 2024.

    Raises:
        CannotBuild: if fewer than ten pairs are two tokens.
    """
    measure = recipe.measure
    assert isinstance(measure, OVRelation)
    if len(tokens.pairs) < 10:
        raise CannotBuild(f"only {len(tokens.pairs)} pairs are one token each")
    sources = torch.tensor([a for a, _ in tokens.pairs], device=anatomy.device)
    targets = torch.tensor([b for _, b in tokens.pairs], device=anatomy.device)
    others = targets.roll(1)
    circuit = OVCircuit(anatomy)
    sign = -1.0 if measure.direction == "negative" else 1.0
    score = np.zeros((len(sources), anatomy.layers, anatomy.heads))
    control = np.zeros_like(score)
    for layer in range(anatomy.layers):
        written = circuit.written(layer, circuit.source(layer, sources))
        for head in range(anatomy.heads):
            logits = sign * circuit.logits(written[head])
            score[:, layer, head] = in_top(logits, targets, measure.top)
            control[:, layer, head] = in_top(logits, others, measure.top)
    return Units(
        score=score.reshape(len(sources), -1),
        control=control.reshape(len(sources), -1),
        paired=False,
        clusters=np.array(tokens.clusters, dtype=np.int64),
        kind="share",
    )
