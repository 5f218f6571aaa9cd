"""Names of entries: which entry one means, or why there is none of that name."""

from __future__ import annotations

from sqlmodel import Session, select

from catalog import rows
from catalog.suggestions import holding_words, near_names

MOST_NEAR = 3
"""Most names of a kind that are given for one that there is not."""
_FOLDERS = {"head type": "head-types", "paper": "papers", "model": "models"}


class NotFound(LookupError):
    """There is nothing of this name.

    Args:
        kind: ``head type``, ``paper``, ``model``, ``head``, ``evidence``.
        name: what was asked for.
        suggestion: the name that was probably meant.
        detail: what more there is to say.
        near: names that may have been meant, the suggestion among them.
    """

    def __init__(
        self,
        kind: str,
        name: str,
        suggestion: str | None = None,
        detail: str | None = None,
        near: tuple[str, ...] = (),
    ) -> None:
        self.kind = kind
        self.name = name
        self.suggestion = suggestion
        self.detail = detail
        self.near = near
        text = detail or f"there is no {kind} {shown(name)}"
        super().__init__(f"{text}; did you mean '{suggestion}'?" if suggestion else text)


class Moved(NotFound):
    """The name was changed: ``folder`` (``head-types``) and ``new`` say to what."""

    def __init__(self, kind: str, name: str, folder: str, new: str, reason: str) -> None:
        super().__init__(kind, name, detail=f"{kind} {shown(name)} is now '{new}': {reason}")
        self.folder = folder
        self.new = new


class Withdrawn(NotFound):
    """The entry was taken back; ``new`` is its successor (kind and id), if it has one."""

    def __init__(self, kind: str, name: str, new: str | None, reason: str) -> None:
        successor = f"; see {new}" if new else ""
        super().__init__(
            kind, name, detail=f"{kind} {shown(name)} was withdrawn: {reason}{successor}"
        )
        self.new = new


def head_type_id(session: Session, name: str) -> str:
    """The id of a head type, if it has an entry.

    Raises:
        NotFound: also ``Moved`` and ``Withdrawn``; other names of a type are suggestions.
    """
    found = session.exec(
        select(rows.HeadTypeRow.id).where(rows.HeadTypeRow.id == name)
    ).one_or_none()
    if found is not None:
        return found
    names = {id: id for id in session.exec(select(rows.HeadTypeRow.id))}  # noqa: A001
    for alias, target in session.exec(
        select(rows.HeadTypeAliasRow.alias, rows.HeadTypeAliasRow.head_type)
    ):
        names.setdefault(alias, target)
    raise missing(session, "head type", name, names)


def paper_id(session: Session, name: str) -> str:
    """The id of a paper, if it has an entry.

    Raises:
        NotFound: also ``Moved`` and ``Withdrawn``.
    """
    found = session.exec(select(rows.PaperRow.id).where(rows.PaperRow.id == name)).one_or_none()
    if found is not None:
        return found
    names = {id: id for id in session.exec(select(rows.PaperRow.id))}  # noqa: A001
    raise missing(session, "paper", name, names)


def model_id(session: Session, name: str) -> str:
    """The id of a model from its id, hub id or alias, in any case.

    Raises:
        NotFound: also ``Moved`` and ``Withdrawn``.
    """
    query = select(rows.ModelAliasRow.model).where(rows.ModelAliasRow.alias == name.lower())
    found = session.exec(query).one_or_none()
    if found is None:
        known = session.exec(select(rows.ModelAliasRow.alias, rows.ModelAliasRow.model))
        raise missing(session, "model", name, dict(known.all()))
    return found


def missing(session: Session, kind: str, name: str, names: dict[str, str]) -> NotFound:
    """Why there is nothing of this name: it moved, was withdrawn, or never was.

    Args:
        session: the session.
        kind: ``head type``, ``paper``, ``model`` or ``evidence``.
        name: what was asked for.
        names: every name there is, with the id it stands for.
    """
    redirect = session.exec(
        select(rows.RedirectRow).where(
            rows.RedirectRow.kind == _FOLDERS.get(kind), rows.RedirectRow.old == name
        )
    ).one_or_none()
    if redirect is not None:
        new = f"{redirect.new_kind}/{redirect.new}" if redirect.new else None
        if redirect.withdrawn or redirect.new is None or redirect.new_kind is None:
            return Withdrawn(kind, name, new, redirect.reason)
        return Moved(kind, name, redirect.new_kind, redirect.new, redirect.reason)
    lowered = {known.lower(): target for known, target in names.items()}
    close = [lowered[one] for one in near_names(name, sorted(lowered), MOST_NEAR)]
    holding = [lowered[one] for one in holding_words(name, lowered, MOST_NEAR)]
    near = tuple(dict.fromkeys([*close, *holding]))
    return NotFound(kind, name, close[0] if close else None, near=near)


def shown(name: str) -> str:
    """A name from outside, fit for a message: short, in quotes, without control characters."""
    return repr(name if len(name) <= 80 else f"{name[:77]}...")
