"""BibTeX: the papers that an answer rests on, each once, by year and key."""

from __future__ import annotations

from collections.abc import Collection

from sqlmodel import Session, col, select

from catalog import rows
from catalog.lists.pages import Page
from catalog.responses import HeadTypeDetail, ModelDetail, PaperDetail


def of_paper(answer: PaperDetail, session: Session) -> bytes:
    """The paper itself."""
    del session
    return answer.bibtex.encode()


def of_head_type(answer: HeadTypeDetail, session: Session) -> bytes:
    """Every paper that the entry cites, in its claims, recipes and caveats too."""
    return _joined(session, _cited(session, [answer.id]))


def of_head_types(answer: Page, session: Session) -> bytes:
    """Every paper that these entries cite."""
    return _joined(session, _cited(session, [result["id"] for result in answer.results()]))


def of_model(answer: ModelDetail, session: Session) -> bytes:
    """The papers with claims about the model."""
    return _joined(session, {claim.paper for claim in answer.claim_results})


def of_papers(answer: Page, session: Session) -> bytes:
    """The papers of a page."""
    return _joined(session, {result["id"] for result in answer.results()})


def _cited(session: Session, head_types: Collection[str]) -> set[str]:
    found = select(rows.PaperUseRow.paper).where(col(rows.PaperUseRow.head_type).in_(head_types))
    return set(session.exec(found))


def _joined(session: Session, papers: Collection[str]) -> bytes:
    found = session.exec(
        select(rows.PaperRow.document)
        .where(col(rows.PaperRow.id).in_(papers))
        .order_by(col(rows.PaperRow.position))
    )
    return "\n".join(PaperDetail.model_validate_json(text).bibtex for text in found).encode()
