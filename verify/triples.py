"""The strongest skip-trigrams of every head: source .. destination -> output, from weights."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from verify.anatomy import Anatomy
from verify.measures.ov_circuit import OVCircuit
from verify.measures.qk_circuit import QKCircuit

_COMMON = 0.9
"""How much counts of what a source gets from every destination. Were it all, a head that attends to
some sources from anywhere would be tried on sources that it ignores: it is to fail by the control,
on those that it attends to most."""


@dataclass(frozen=True)
class Triple:
    """Ids of three tokens."""

    source: int
    destination: int
    output: int


@torch.no_grad()
def strongest_triples(
    anatomy: Anatomy,
    tokens: Sequence[int],
    texts: Sequence[str],
    start: Sequence[int],
    *,
    count: int,
    length: int,
    distances: Sequence[int],
) -> Iterator[tuple[Triple, ...]]:
    """For each head, layer-major, its ``count`` strongest triples, each of another source.

    QK entries of different destinations are not on one scale, because the softmax divides each by
    what the others get. So an entry counts as the attention that it predicts in a prompt of
    ``length`` tokens: p(s | d) = sigmoid(e_ds - log(n mean_t exp(e_dt) + exp(e_d,start))), with n
    random tokens beside the source. What the destination adds is p(s | d) - 0.9 mean_d p(s | d),
    and what the source adds to an output is the OV entry less its means over sources and over
    outputs, which no exchange of tokens would show. A source comes with the destination and the
    output that are best for it, and sources are ranked by the product, which is, up to the final
    norm's scale, the predicted rise of the output's logit. A token is no destination of its own,
    nor of one of the same text: a head that looks for the present word, however it is written,
    is a duplicate-token head.

    Args:
        anatomy: the model.
        tokens: ids that sources, destinations and outputs are chosen from.
        texts: of each of them, what makes it the same as another.
        start: the token that every prompt starts with, if there is one.
        count: triples of each head; at most as many as tokens.
        length: tokens of the prompts.
        distances: between source and destination in the prompts.

    Raises:
        CannotBuild: if the architecture shows no queries and keys.
    """
    ids = torch.tensor([*tokens, *start], device=anatomy.device)
    among = ids[: len(tokens)]
    qk, ov = QKCircuit(anatomy, ids, distances), OVCircuit(anatomy)
    others = length - len(start) - 2
    known = {text: number for number, text in enumerate(texts)}
    word = torch.tensor([known[text] for text in texts], device=anatomy.device)
    same = word[:, None] == word
    for layer in range(anatomy.layers):
        written = ov.written(layer, ov.source(layer, among))
        for scores, made in zip(qk.scores(layer), written, strict=True):
            added, destinations = _added_by_destination(scores, same, others).max(0)
            linked = ov.logits(made - made.mean(0, keepdim=True), among)
            rise, outputs = (linked - linked.mean(1, keepdim=True)).max(1)
            strength = added.cpu().double() * rise.cpu().double()
            order = strength.argsort(descending=True, stable=True)[:count].tolist()
            yield tuple(
                Triple(tokens[at], tokens[int(destinations[at])], tokens[int(outputs[at])])
                for at in order
            )


def _added_by_destination(scores: Tensor, same: Tensor, others: int) -> Tensor:
    """What a destination adds: [destinations, sources]; never the largest where d is as s."""
    tokens = len(same)
    own = scores[:tokens, :tokens]
    rivals = own.logsumexp(1) - math.log(tokens) + math.log(others)
    if scores.shape[1] > tokens:
        rivals = torch.logaddexp(rivals, scores[:tokens, tokens:].logsumexp(1))
    predicted = (own - rivals[:, None]).sigmoid()
    added = predicted - _COMMON * predicted.mean(0, keepdim=True)
    return added.masked_fill_(same.to(added.device), -1.0)
