"""Single heads: where a head is, who shares its key and value, and its scores in a record."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from catalog.responses import HeadDetail, HeadScore
from catalog.schema.evidence import Evidence, Grid


class HeadLayout(Protocol):
    """What of a model says which heads share a key and value."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def heads(self) -> int: ...
    @property
    def kv_heads(self) -> int: ...


def empty_head(model: HeadLayout, layer: int, head: int) -> HeadDetail:
    """A head of which nothing is known but where it is."""
    size = model.heads // model.kv_heads
    first = head // size * size
    return HeadDetail(
        model=model.id,
        model_name=model.name,
        head=f"{layer}.{head}",
        layer=layer,
        index=head,
        group_mates=tuple(f"{layer}.{h}" for h in range(first, first + size) if h != head),
        types=(),
        claim_results=(),
        scores=(),
    )


def head_scores(record: Evidence, head_type_name: str) -> Iterable[tuple[str, HeadScore]]:
    """Every head of a record with its scores, layer by layer.

    Heads with equal scores share a rank; heads without a score come last.
    """
    scores = record.scores
    if scores is None:
        return
    means = [mean for row in scores.mean for mean in row]
    known = sorted((mean for mean in means if mean is not None), reverse=True)
    rank: dict[float | None, int] = {None: len(known) + 1}
    for place, value in enumerate(known, start=1):
        rank.setdefault(value, place)
    for layer, row in enumerate(scores.mean):
        for index, mean in enumerate(row):

            def at(grid: Grid | None, layer: int = layer, index: int = index) -> float | None:
                return None if grid is None else grid[layer][index]

            yield (
                f"{layer}.{index}",
                HeadScore(
                    head_type=record.head_type,
                    head_type_name=head_type_name,
                    recipe=record.recipe,
                    evidence=record.id,
                    revision=record.model.revision,
                    unit=record.unit,
                    score=mean,
                    low=at(scores.low),
                    high=at(scores.high),
                    control=at(scores.control),
                    margin=at(scores.margin),
                    q=at(scores.q),
                    status=scores.status[layer][index],
                    rank=rank[mean],
                    of=len(means),
                ),
            )
