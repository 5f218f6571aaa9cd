"""Whether a head writes the word that a relation maps the attended word to."""

from __future__ import annotations

import torch

from catalog.schema.measures import OVRelation
from catalog.schema.recipe import Recipe
from verify.anatomy import Anatomy
from verify.measures.ov_copying import targets_in_top
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
    return targets_in_top(measure, tokens, anatomy, sources, targets)
