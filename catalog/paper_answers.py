"""Papers as answers: in full, and as what they do for a head type."""

from __future__ import annotations

from collections.abc import Iterable

from catalog.citations import bibtex, short_authors
from catalog.responses import ClaimResult, PaperDetail, PaperUse, RelatedType
from catalog.schema.head_type import HeadType
from catalog.schema.paper import Paper


def paper_use(paper: Paper, role: str, note: str | None) -> PaperUse:
    """What a paper does for a head type: its role, as the entry names it."""
    return PaperUse.model_validate(
        {
            "id": paper.id,
            "title": paper.title,
            "authors": short_authors(paper),
            "year": paper.year,
            "address": paper.address,
            "role": role,
            "note": note,
        }
    )


def paper_detail(
    paper: Paper, entries: Iterable[HeadType], claims: Iterable[ClaimResult]
) -> PaperDetail:
    """A paper in full: the entries that cite it, and its claims."""
    citing = [entry for entry in entries if paper.id in entry.cited_papers()]
    own = tuple(claim for claim in claims if claim.paper == paper.id)
    return PaperDetail(
        id=paper.id,
        title=paper.title,
        authors=short_authors(paper),
        year=paper.year,
        address=paper.address,
        venue=paper.venue,
        arxiv=paper.arxiv,
        head_types=tuple(entry.id for entry in citing),
        claims=len(own),
        all_authors=paper.authors,
        authors_complete=paper.authors_complete,
        doi=paper.doi,
        url=str(paper.url) if paper.url else None,
        code=str(paper.code) if paper.code else None,
        checked=paper.checked,
        bibtex=bibtex(paper),
        uses=tuple(use for entry in citing for use in _uses(entry, paper.id)),
        claim_results=own,
    )


def _uses(entry: HeadType, paper: str) -> Iterable[RelatedType]:
    """What a paper does for an entry: its roles, or else the places that cite it."""
    roles = [role for role in entry.papers if role.paper == paper]
    for role in roles:
        yield RelatedType(type=entry.id, name=entry.name, relation=role.role, note=role.note or "")
    if roles or paper not in entry.cited_papers():
        return
    claims = sum(claim.paper == paper for claim in entry.claims)
    recipes = [recipe.id for recipe in entry.recipes if recipe.source == paper]
    parts = [f"{claims} claim{'s' if claims > 1 else ''}"] if claims else []
    parts += [f"recipe {name}" for name in recipes]
    if any(caveat.source == paper for caveat in entry.caveats):
        parts.append("a caveat")
    yield RelatedType(
        type=entry.id, name=entry.name, relation="cited", note=f"Source of {', '.join(parts)}."
    )
