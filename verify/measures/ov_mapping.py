"""Whether a head writes the successor, or the initial, of the token it attends to."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from catalog.schema.controls import VaryTokens
from catalog.schema.measures import OVMapping
from catalog.schema.recipe import Recipe
from verify.anatomy import Anatomy
from verify.measures.ov_circuit import OVCircuit
from verify.measures.tokens import TokenUnits
from verify.prompts import CannotBuild
from verify.statistics import Units


def ov_mapping(recipe: Recipe, tokens: TokenUnits, anatomy: Anatomy) -> Units:
    """1 where the highest logit among the series' tokens is the successor's, else 0.

    Shape [tokens, heads], one unit for each series word that has a successor. With ``relation:
    initial`` the series are the letters, and a unit is the first token of a word with the letter
    that the word starts with. Control ``input:
    first-mlp-successor`` (paired): the same with the source replaced by what the first MLP wrote
    along the successor's own embedding, max(0, m . e/|e|) e/|e| with m = MLP0(norm(E(t))) and
    e = E(successor). A head that merely copies scores there as soon as the MLP did the work; a head
    that maps a token to its successor does not. Control ``shuffle: target``: another word of the
    series, unpaired. Source: Gould et al. 2023, section 3; García-Carrasco et al. 2024.

    Raises:
        CannotBuild: if fewer than ten series words have a successor of one token.
    """
    measure, control = recipe.measure, recipe.control
    assert isinstance(measure, OVMapping)
    assert isinstance(control, VaryTokens)
    series = [s for s in tokens.series if len(s.pairs) >= 2]
    if sum(len(s.pairs) for s in series) < 10:
        raise CannotBuild("fewer than ten series words and successors are one token")
    circuit = OVCircuit(anatomy)
    scores, controls = [], []
    clusters: list[int] = []
    for index, one in enumerate(series):
        members = torch.tensor(one.members, device=anatomy.device)
        sources = torch.tensor([a for a, _ in one.pairs], device=anatomy.device)
        targets = torch.tensor([b for _, b in one.pairs], device=anatomy.device)
        column = (targets[:, None] == members[None]).long().argmax(-1)
        score = np.zeros((len(sources), anatomy.layers, anatomy.heads))
        other = np.zeros_like(score)
        for layer in range(anatomy.layers):
            written = circuit.written(layer, circuit.source(layer, sources))
            logits = circuit.logits(written, members)
            score[:, layer] = _is_highest(logits, column)
            if control.input:
                through = _along_successor(anatomy, layer, sources, targets)
                logits = circuit.logits(circuit.written(layer, through), members)
                other[:, layer] = _is_highest(logits, column)
            else:
                other[:, layer] = _is_highest(logits, column.roll(1))
        scores.append(score.reshape(len(sources), -1))
        controls.append(other.reshape(len(sources), -1))
        # words are a sample of many; the words of a series are all of it
        initial = measure.relation == "initial"
        clusters.extend(range(len(sources)) if initial else [index] * len(sources))
    return Units(
        score=np.concatenate(scores),
        control=np.concatenate(controls),
        paired=control.pairs_tokens,
        clusters=np.array(clusters, dtype=np.int64),
        kind="share",
    )


def _is_highest(
    logits: Tensor, column: Tensor
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """[heads, tokens, members] -> [tokens, heads]: 1.0 where ``column`` is the only highest."""
    own = logits.gather(2, column[None, :, None].expand(logits.shape[0], -1, 1))
    alone = (logits >= own).sum(-1) == 1
    result: np.ndarray[tuple[int, int], np.dtype[np.float64]] = (
        alone.T.float().cpu().double().numpy()
    )
    return result


def _along_successor(anatomy: Anatomy, layer: int, sources: Tensor, targets: Tensor) -> Tensor:
    embedded = anatomy.embedded(targets)
    if layer == 0:  # heads of the first layer run before the first MLP: nothing is along it
        return torch.zeros_like(embedded)
    along = embedded / embedded.norm(dim=-1, keepdim=True)
    share = (anatomy.first_mlp(sources) * along).sum(-1, keepdim=True).clamp(min=0)
    through: Tensor = share * along
    return through
