"""What the page of a model shows: its heads with their types, in the order of the grid."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import wording
from book import Book, best_first, standing

from catalog.drawing.head_mosaic import (
    FOUND,
    PUBLISHED,
    Look,
    Telling,
    leading,
    mosaic,
    type_looks,
)
from catalog.drawing.pictures import Picture
from catalog.drawing.record_view import View
from catalog.responses import ClaimResult, HeadDetail, ModelDetail, TypeResult
from catalog.schema.base import Strength
from catalog.schema.evidence import Evidence, GateResult


@dataclass(frozen=True)
class Mosaic:
    """Which head is of which type, with its legend."""

    picture: Picture
    looks: Mapping[str, Look]
    """How the types look that come first at some head."""
    further: list[str]
    """The other types of its heads."""


@dataclass(frozen=True)
class ModelView:
    """A model, ready for the template."""

    model: ModelDetail
    heads: list[str]
    """Heads with a page of their own."""
    results: list[TypeResult]
    """What the types were found to be in this model: what was found first."""
    tally: list[tuple[str, int]]
    """Verdicts that occur, and how many types have each."""
    found: Mapping[str, list[TypeResult]]
    """Head -> what it was found to be, best supported first."""
    claimed: Mapping[str, list[ClaimResult]]
    names: Mapping[str, str]
    """Id of a head type -> its name."""
    found_mosaic: Mosaic | None
    """None where no recipe was applicable."""
    published_mosaic: Mosaic | None
    """None where no claim names a head."""
    failed_gates: list[tuple[Evidence, GateResult]]
    to_run: str | None
    scored: bool
    """Whether there are scores of all its heads."""


def model_view(
    book: Book, model: ModelDetail, views: Mapping[str, View], to: Callable[..., str]
) -> ModelView:
    """Everything that the page of ``model`` needs."""
    found = found_types(model)
    claimed: dict[str, list[ClaimResult]] = {}
    for claim in model.claim_results:
        for head in claim.heads or ():
            claimed.setdefault(head, []).append(claim)
    names = {c.head_type: c.head_type_name for c in model.claim_results} | book.type_names

    def drawn(types: Mapping[str, Sequence[str]], telling: Telling) -> Mosaic:
        looks = type_looks(leading(types, order))
        every = {name for its_types in types.values() for name in its_types}
        picture = mosaic(
            model.name,
            model.layers,
            model.heads,
            {head: types[head] for head in heads if head in types},
            names,
            looks,
            {head: to(f"models/{model.id}/{head}") for head in heads},
            telling,
        )
        return Mosaic(picture, looks, [name for name in order if name in every - set(looks)])

    order = list(names)
    heads = book.listed_heads[model.id]
    applicable = any(result.verdict != "not-applicable" for result in model.results)
    found_as = {head: [result.head_type for result in results] for head, results in found.items()}
    years = {paper.id: paper.year for paper in book.papers}
    named_as = published_types(claimed, order, years)
    return ModelView(
        model=model,
        heads=heads,
        results=best_first(model.results),
        tally=[
            (name, count)
            for name in wording.TYPE_ORDER
            if (count := sum(r.verdict == name for r in standing(model.results)))
        ],
        found=found,
        claimed=claimed,
        names=names,
        found_mosaic=drawn(found_as, FOUND) if applicable else None,
        published_mosaic=drawn(named_as, PUBLISHED) if named_as else None,
        failed_gates=[
            (views[recipe.evidence].record, gate)
            for result in model.results
            for recipe in result.recipes
            if recipe.evidence in views
            for gate in views[recipe.evidence].record.gates
            if not gate.passed
        ],
        to_run=_to_run(book, model),
        scored=any(known.scores for known in book.heads.get(model.id, ())),
    )


def found_types(model: ModelDetail) -> dict[str, list[TypeResult]]:
    """Head -> what it was found to be, best supported first.

    Best supported: by the most kinds of evidence, causal and observational agreeing before all;
    of equals, the type that has the head nearer to the top of its list.
    """
    found: dict[str, list[tuple[tuple[bool, int, int, int], TypeResult]]] = {}
    for order, result in enumerate(standing(model.results)):
        for rank, head in enumerate(result.found):
            support = (
                Strength.TRIANGULATED not in result.strength,
                -len(result.strength),
                rank,
                order,
            )
            found.setdefault(head, []).append((support, result))
    return {
        head: [result for _, result in sorted(results, key=lambda item: item[0])]
        for head, results in found.items()
    }


def published_types(
    claimed: Mapping[str, Sequence[ClaimResult]], order: Sequence[str], years: Mapping[str, int]
) -> dict[str, list[str]]:
    """Head -> the types that claims name it as: first what most papers do, of equals the earlier.

    Args:
        claimed: head -> the claims that name it.
        order: ids of all types that occur; settles what papers and years do not.
        years: key of a paper -> its year.
    """
    named: dict[str, list[str]] = {}
    for head, claims in claimed.items():
        papers: dict[str, set[str]] = {}
        for claim in claims:
            papers.setdefault(claim.head_type, set()).add(claim.paper)
        first = {name: min(years.get(paper, 9999) for paper in papers[name]) for name in papers}
        named[head] = sorted(
            papers, key=lambda name: (-len(papers[name]), first[name], order.index(name))
        )
    return named


def _to_run(book: Book, model: ModelDetail) -> str | None:
    """A head type to run on a model without evidence: the runnable one with most claims there.

    Of equals the first of the list; none if nothing runnable is claimed for the model.
    """
    claims = [claim.head_type for claim in model.claim_results]
    claimed = [e.id for e in book.head_types if e.runnable and e.id in claims]
    return max(claimed, key=claims.count, default=None)


def best_ranks(head: HeadDetail, most: int = 3) -> list[str]:
    """The head's highest places, in words: ``induction.copying 1``."""
    scored = sorted(head.scores, key=lambda score: (score.rank, score.head_type, score.recipe))
    return [f"{score.head_type_name}, {score.recipe}: {score.rank}" for score in scored[:most]]
