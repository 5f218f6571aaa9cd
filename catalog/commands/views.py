"""Answers as they stand in a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import singledispatch

from catalog.commands.terminal import Page
from catalog.responses import (
    ClaimResult,
    Counts,
    HeadDetail,
    HeadTypeDetail,
    ModelDetail,
    PaperDetail,
    Response,
    TypeResult,
)

_MANY = 12
"""Heads that are listed; of more, the number of the others is told."""


@singledispatch
def show(answer: Response) -> None:
    """Print an answer."""
    raise TypeError(f"no view of {type(answer).__name__}")


@show.register
def _(answer: HeadTypeDetail) -> None:
    page = Page()
    page.title(answer.name, answer.id)
    page.fact("also called", ", ".join(answer.aliases))
    page.fact("stage", f"{answer.stage} / {answer.group} (placed by {answer.placed_by})")
    page.fact("depth", answer.depth)
    page.fact("found in", ", ".join(answer.found_in) or "no model yet")
    page.fact("evidence shown", ", ".join(answer.strength))
    page.heading("Definition")
    page.prose(answer.definition, indent=2)
    page.heading("What it does")
    for name in ("query", "key", "value", "output"):
        page.prose(f"{name}: {getattr(answer.action, name)}", indent=2)
    page.heading("Papers")
    page.table(
        ("paper", "role", "title"),
        (
            (paper.id, paper.role, f"{paper.authors} {paper.year}: {paper.title}")
            for paper in answer.papers
        ),
    )
    if answer.recipes:
        joined = answer.identify.recipes if answer.identify else ()
        how = "all of" if answer.identify and answer.identify.all_of else "any of"
        page.heading(f"Recipes ({how} {', '.join(joined)})")
        page.table(
            ("recipe", "measure", "status", "from"),
            (
                (recipe.id, recipe.measure.kind, recipe.missing or recipe.status, recipe.source)
                for recipe in answer.recipes
            ),
        )
    else:
        page.fact("no recipe", answer.automation.reason)
    _results(page, answer.results, by_model=True)
    _claims(page, answer.claim_results, without="head type")
    if answer.no_claims:
        why = answer.no_claims
        page.heading("Published claims")
        page.prose(f"None. {why.reason} ({why.source}; {why.checked.state})", indent=2)
    if answer.caveats:
        page.heading("Caveats")
        for caveat in answer.caveats:
            page.prose(f"- {caveat.text}" + (f" ({caveat.source})" if caveat.source else ""), 2)
    if answer.related:
        page.heading("Related")
        page.table(
            ("type", "relation", "note"),
            ((near.type, near.relation, near.note) for near in answer.related),
        )


@show.register
def _(answer: ModelDetail) -> None:
    page = Page()
    page.title(answer.name, answer.id)
    page.fact("also called", ", ".join(answer.aliases))
    shared = "" if answer.kv_heads == answer.heads else f" ({answer.kv_heads} key-value heads)"
    page.fact("size", f"{answer.layers} layers of {answer.heads} heads{shared}")
    page.fact("architecture", answer.architecture)
    page.fact("licence", answer.licence)
    page.fact("note", answer.note)
    if not answer.verified:
        page.fact("evidence", f"none yet; run: headbook verify --model {answer.id}")
    _results(page, answer.results, by_model=False)
    _claims(page, answer.claim_results, without="model")


@show.register
def _(answer: HeadDetail) -> None:
    page = Page()
    page.title(f"{answer.model_name} {answer.head}", answer.model)
    if answer.scores:
        page.fact("found to be", ", ".join(answer.types) or "no type")
    page.fact("shares its key and value with", ", ".join(answer.group_mates))
    if answer.claim_results:
        page.heading("Claims that name it")
        page.table(
            ("head type", "paper", "place", "check"),
            (
                (claim.head_type, claim.paper, claim.place, claim.verdict)
                for claim in answer.claim_results
            ),
        )
    else:
        page.line("No claim names it.")
    if answer.scores:
        page.heading("Scores")
        page.table(
            ("head type", "recipe", "score", "95%", "control", "rank", "status"),
            (
                (
                    score.head_type,
                    score.recipe,
                    _number(score.score),
                    f"{_number(score.low)} to {_number(score.high)}",
                    _number(score.control),
                    f"{score.rank} of {score.of}",
                    score.status,
                )
                for score in answer.scores
            ),
        )
    else:
        page.line("No recipe was run on this model.")


@show.register
def _(answer: PaperDetail) -> None:
    page = Page()
    page.title(answer.title, answer.id)
    others = "" if answer.authors_complete else " and others"
    page.fact("authors", ", ".join(answer.all_authors) + others)
    page.fact("year", answer.year)
    page.fact("venue", answer.venue)
    page.fact("address", answer.address)
    page.fact("code", answer.code)
    if answer.uses:
        page.heading("Head types")
        page.table(("type", "role", "note"), ((u.type, u.relation, u.note) for u in answer.uses))
    _claims(page, answer.claim_results)


def show_counts(counts: Counts) -> None:
    """Print the totals."""
    page = Page()
    page.title("Headbook", f"data {counts.dataset}")

    def parts(numbers: dict[str, int]) -> str:
        return ", ".join(f"{number} {name}" for name, number in numbers.items() if number)

    page.table(
        ("", "number", ""),
        (
            ("head types", str(counts.head_types), parts(counts.by_stage)),
            ("recipes", str(counts.recipes), parts(counts.recipes_by_status)),
            ("papers", str(counts.papers), ""),
            ("models", str(counts.models), f"{counts.models_verified} with evidence"),
            ("claims", str(counts.claims), parts(counts.claims_by_checked)),
            ("", "", parts(counts.claims_by_verdict)),
            (
                "types without any",
                str(counts.head_types_without_claims),
                f"why: {parts(counts.no_claims_by_checked)}"
                if counts.head_types_without_claims
                else "",
            ),
            (
                "evidence records",
                str(counts.evidence),
                f"{counts.evidence_stale} stale: their recipe has changed since"
                if counts.evidence_stale
                else "",
            ),
            (
                "types in models",
                str(sum(counts.results_by_verdict.values())),
                parts(counts.results_by_verdict),
            ),
            *_survey_rows(counts),
        ),
    )


def _survey_rows(counts: Counts) -> Iterator[tuple[str, str, str]]:
    words = {"entry": "by name", "alias": "by alias", "reason": "for a stated reason"}
    ways = ", ".join(
        f"{number} {words.get(way, way)}" for way, number in counts.survey_tags_by_mapping.items()
    )
    for name, part, told in (
        ("survey types", counts.survey_types, ""),
        ("tags of its list", counts.survey_tags, ways),
    ):
        if part.total:
            absent = f"missing: {', '.join(part.missing)}" if part.missing else ""
            yield name, f"{part.covered}/{part.total}", "; ".join(filter(None, (told, absent)))


def _results(page: Page, results: Sequence[TypeResult], *, by_model: bool) -> None:
    if not results:
        return
    page.heading("What the verifier found")
    page.table(
        ("model" if by_model else "head type", "revision", "verdict", "heads", "why"),
        (
            (
                result.model if by_model else result.head_type,
                result.revision[:12],
                result.verdict,
                _heads(result.found),
                result.reason + _stale(result),
            )
            for result in results
        ),
    )


def _stale(result: TypeResult) -> str:
    """That the figures are of recipes as they were, where they are."""
    changed = [recipe.recipe for recipe in result.recipes if recipe.stale]
    if not changed:
        return ""
    return (
        f" Stale, for the recipe has changed since: {', '.join(changed)}"
        f" (headbook verify {result.head_type} --model {result.model})."
    )


def _claims(page: Page, claims: Sequence[ClaimResult], *, without: str = "") -> None:
    """The claims as a table; ``without`` names a column that would say the same in every row."""
    if not claims:
        return
    columns = ("head type", "model", "paper", "check", "heads")
    page.heading("Published claims")
    page.table(
        [name for name in columns if name != without],
        (
            [
                cell
                for name, cell in zip(
                    columns,
                    (
                        claim.head_type,
                        claim.model,
                        f"{claim.paper}, {claim.place}",
                        claim.verdict,
                        _claimed(claim),
                    ),
                    strict=True,
                )
                if name != without
            ]
            for claim in claims
        ),
    )


def _claimed(claim: ClaimResult) -> str:
    if claim.heads is not None:
        return _heads(claim.heads)
    return "none" if claim.none else f"{claim.count} heads"


def _heads(heads: Sequence[str]) -> str:
    more = len(heads) - _MANY
    return ", ".join(heads[:_MANY]) + (f" and {more} more" if more > 0 else "") or "-"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
