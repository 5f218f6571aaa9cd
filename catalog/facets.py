"""Properties that an entry may have several of, as rows to filter by."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from catalog.answers import Answers


def facets(answers: Answers) -> list[dict[str, str]]:
    """Rows of ``catalog.rows.FacetRow``, sorted, each once."""
    found = {
        *_head_types(answers),
        *_papers(answers),
        *_models(answers),
        *_claims(answers),
        *_evidence(answers),
    }
    return [
        {"kind": kind, "name": name, "value": value, "id": id}
        for kind, name, value, id in sorted(found)  # noqa: A001
    ]


_Facet = tuple[str, str, str, str]


def _each(kind: str, id: str, **values: Iterable[str]) -> Iterable[_Facet]:  # noqa: A002
    for name, several in values.items():
        for value in several:
            yield kind, name, str(value), id


def _head_types(answers: Answers) -> Iterable[_Facet]:
    for entry in answers.head_types:
        models = [claim.model for claim in entry.claim_results]
        yield from _each(
            "head-types",
            entry.id,
            strength=entry.strength,
            found_in=entry.found_in,
            model=[*models, *(result.model for result in entry.results)],
            paper=[
                *(paper.id for paper in entry.papers),
                *(claim.paper for claim in entry.claim_results),
            ],
            checked=[claim.checked.state for claim in entry.claim_results],
            verdict=[
                result.verdict
                for result in entry.results
                if (result.head_type, result.model, result.revision) in answers.standing
            ],
        )


def _papers(answers: Answers) -> Iterable[_Facet]:
    for paper in answers.papers:
        yield from _each(
            "papers",
            paper.id,
            head_type=paper.head_types,
            model=[claim.model for claim in paper.claim_results],
        )


def _models(answers: Answers) -> Iterable[_Facet]:
    for model in answers.models:
        yield from _each(
            "models",
            model.id,
            found=model.found,
            head_type=[
                *(claim.head_type for claim in model.claim_results),
                *(result.head_type for result in model.results),
            ],
            paper=[claim.paper for claim in model.claim_results],
        )


def _claims(answers: Answers) -> Iterable[_Facet]:
    for claim in answers.claims:
        yield from _each("claims", claim.id, head=claim.heads or (), method=claim.methods)


def _evidence(answers: Answers) -> Iterable[_Facet]:
    for item in answers.evidence:
        yield from _each("evidence", item.id, found=item.found)
