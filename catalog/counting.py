"""How much there is of everything: what ``headbook stats`` prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, get_args

from catalog.responses import ClaimResult, ClaimVerdict, Counts, Coverage, SurveyDetail, TypeResult
from catalog.schema.base import Stage
from catalog.schema.evidence import Verdict

if TYPE_CHECKING:
    from catalog.loading import Catalog


def count_all(
    catalog: Catalog,
    claims: Sequence[ClaimResult],
    standing: Iterable[TypeResult],
    stale: int,
    survey: SurveyDetail | None,
) -> Counts:
    """How much there is.

    Args:
        catalog: entries and evidence.
        claims: every claim with its verdict.
        standing: the results that count, one a head type and model.
        stale: number of records whose recipe has changed since.
        survey: what the survey names, if it is written down.
    """
    entries = catalog.head_types.values()
    recipes = [recipe for entry in entries for recipe in entry.recipes]
    without = [entry.no_claims for entry in entries if entry.no_claims is not None]
    return Counts(
        dataset=catalog.version,
        head_types=len(entries),
        by_stage=_count((entry.stage for entry in entries), list(Stage)),
        papers=len(catalog.papers),
        models=len(catalog.models),
        models_verified=len({record.model.id for record in catalog.evidence.values()}),
        claims=len(claims),
        claims_by_checked=_count(
            (claim.checked.state for claim in claims), ("read", "secondary", "unchecked")
        ),
        claims_by_verdict=_count((claim.verdict for claim in claims), get_args(ClaimVerdict)),
        head_types_without_claims=len(without),
        no_claims_by_checked=_count(
            (why.checked.state for why in without), ("read", "secondary", "unchecked")
        ),
        recipes=len(recipes),
        recipes_by_status=_count((recipe.status for recipe in recipes), ("runnable", "described")),
        evidence=len(catalog.evidence),
        evidence_stale=stale,
        results_by_verdict=_count((result.verdict for result in standing), get_args(Verdict)),
        **_survey_counts(survey),
    )


def _survey_counts(survey: SurveyDetail | None) -> dict[str, Any]:
    """What of the survey is covered; nothing where it is not written down."""
    if survey is None:
        return {}
    tags = survey.tags
    return {
        "survey_types": _coverage([(it.name, it.covered) for it in survey.types]),
        "survey_tags": _coverage([(tag.tag, tag.mapping != "missing") for tag in tags]),
        "survey_tags_by_mapping": _count(
            (tag.mapping for tag in tags), ("entry", "alias", "reason")
        ),
    }


def _coverage(found: Sequence[tuple[str, bool]]) -> Coverage:
    missing = tuple(name for name, there in found if not there)
    return Coverage(covered=len(found) - len(missing), total=len(found), missing=missing)


def _count(found: Iterable[str], names: Iterable[str]) -> dict[str, int]:
    """How often each name is found; every name is there, also with 0."""
    counter = Counter(str(name) for name in found)
    return {str(name): counter[str(name)] for name in names}
