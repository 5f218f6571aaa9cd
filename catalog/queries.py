"""Look-ups in the database, answered with the models of ``catalog.responses``.

The API, the site, the static twin and ``headbook show`` all read through here. Every function
takes a session first (``catalog.database.open_session``).
"""

from __future__ import annotations

import difflib

from pydantic import TypeAdapter
from sqlmodel import Session, col, select

from catalog import rows
from catalog.heads import empty_head
from catalog.responses import (
    ClaimResult,
    ClaimVerdict,
    Counts,
    Emergence,
    EvidenceDetail,
    EvidenceSummary,
    HeadDetail,
    HeadTypeDetail,
    HeadTypeSummary,
    ModelDetail,
    ModelSummary,
    PaperDetail,
    PaperSummary,
    StageGroup,
    StageSummary,
)
from catalog.schema import Change, Example
from catalog.schema.base import Head, Stage, layer_and_head
from catalog.schema.housekeeping import Redirect

_HEAD: TypeAdapter[str] = TypeAdapter(Head)
_FOLDERS = {"head type": "head-types", "paper": "papers", "model": "models"}


class NotFound(LookupError):
    """There is nothing of this name.

    Args:
        kind: ``head type``, ``paper``, ``model``, ``head``, ``evidence``.
        name: what was asked for.
        suggestion: the name that was probably meant.
        detail: what more there is to say.
    """

    def __init__(
        self, kind: str, name: str, suggestion: str | None = None, detail: str | None = None
    ) -> None:
        self.kind = kind
        self.name = name
        self.suggestion = suggestion
        self.detail = detail
        text = detail or f"there is no {kind} {_shown(name)}"
        super().__init__(f"{text}; did you mean '{suggestion}'?" if suggestion else text)


class Moved(NotFound):
    """The name was changed: ``folder`` (``head-types``) and ``new`` say to what."""

    def __init__(self, kind: str, name: str, folder: str, new: str, reason: str) -> None:
        super().__init__(kind, name, detail=f"{kind} {_shown(name)} is now '{new}': {reason}")
        self.folder = folder
        self.new = new


class Withdrawn(NotFound):
    """The entry was taken back; ``new`` is its successor (kind and id), if it has one."""

    def __init__(self, kind: str, name: str, new: str | None, reason: str) -> None:
        successor = f"; see {new}" if new else ""
        super().__init__(
            kind, name, detail=f"{kind} {_shown(name)} was withdrawn: {reason}{successor}"
        )
        self.new = new


def head_types(
    session: Session, *, stage: str | None = None, found_in: str | None = None
) -> list[HeadTypeSummary]:
    """Head types by stage, group and name; ``found_in`` a model where the verifier found them."""
    query = select(rows.HeadTypeRow.summary).order_by(col(rows.HeadTypeRow.position))
    if stage is not None:
        query = query.where(rows.HeadTypeRow.stage == stage)
    if found_in is not None:
        found = select(rows.TypeResultRow.head_type).where(
            rows.TypeResultRow.model == model_id(session, found_in),
            rows.TypeResultRow.verdict == "found",
            col(rows.TypeResultRow.standing),
        )
        query = query.where(col(rows.HeadTypeRow.id).in_(found))
    return [HeadTypeSummary.model_validate_json(text) for text in session.exec(query)]


def head_type(session: Session, id: str) -> HeadTypeDetail:  # noqa: A002
    """One head type.

    Raises:
        NotFound: also ``Moved`` and ``Withdrawn``.
    """
    text = session.exec(
        select(rows.HeadTypeRow.document).where(rows.HeadTypeRow.id == id)
    ).one_or_none()
    if text is None:
        names = {name: name for name in session.exec(select(rows.HeadTypeRow.id))}
        for alias, target in session.exec(
            select(rows.HeadTypeAliasRow.alias, rows.HeadTypeAliasRow.head_type)
        ):
            names.setdefault(alias, target)
        raise _missing(session, "head type", id, names)
    return HeadTypeDetail.model_validate_json(text)


def stages(session: Session) -> list[StageSummary]:
    """The four stages with their groups and head types."""
    found: dict[Stage, dict[str, list[str]]] = {stage: {} for stage in Stage}
    for summary in head_types(session):
        found[summary.stage].setdefault(summary.group, []).append(summary.id)
    return [
        StageSummary(
            id=stage,
            head_types=sum(len(ids) for ids in groups.values()),
            groups=tuple(
                StageGroup(name=name, head_types=tuple(ids)) for name, ids in groups.items()
            ),
        )
        for stage, groups in found.items()
    ]


def papers(session: Session) -> list[PaperSummary]:
    """Papers by year and id."""
    query = select(rows.PaperRow.summary).order_by(col(rows.PaperRow.position))
    return [PaperSummary.model_validate_json(text) for text in session.exec(query)]


def paper(session: Session, id: str) -> PaperDetail:  # noqa: A002
    """One paper.

    Raises:
        NotFound: also ``Moved`` and ``Withdrawn``.
    """
    text = session.exec(select(rows.PaperRow.document).where(rows.PaperRow.id == id)).one_or_none()
    if text is None:
        names = {name: name for name in session.exec(select(rows.PaperRow.id))}
        raise _missing(session, "paper", id, names)
    return PaperDetail.model_validate_json(text)


def models(session: Session) -> list[ModelSummary]:
    """Models by name."""
    query = select(rows.ModelRow.summary).order_by(col(rows.ModelRow.position))
    return [ModelSummary.model_validate_json(text) for text in session.exec(query)]


def model_id(session: Session, name: str) -> str:
    """The id of a model from its id, hub id or alias, in any case.

    Raises:
        NotFound: also ``Moved`` and ``Withdrawn``.
    """
    query = select(rows.ModelAliasRow.model).where(rows.ModelAliasRow.alias == name.lower())
    found = session.exec(query).one_or_none()
    if found is None:
        known = session.exec(select(rows.ModelAliasRow.alias, rows.ModelAliasRow.model))
        raise _missing(session, "model", name, dict(known.all()))
    return found


def model(session: Session, id_or_alias: str) -> ModelDetail:
    """One model, by id, hub id or alias.

    Raises:
        NotFound: also ``Moved`` and ``Withdrawn``.
    """
    name = model_id(session, id_or_alias)
    text = session.exec(select(rows.ModelRow.document).where(rows.ModelRow.id == name)).one()
    return ModelDetail.model_validate_json(text)


def head(session: Session, model: str, head: str) -> HeadDetail:
    """What is known of one head: the claims that name it and its scores.

    Raises:
        NotFound: if there is no such model, or it has no such head.
        ValueError: if ``head`` is not written ``layer.head``.
    """
    name = model_id(session, model)
    layer, index = layer_and_head(_HEAD.validate_python(head))
    text = session.exec(
        select(rows.HeadRow.document).where(
            rows.HeadRow.model == name, rows.HeadRow.layer == layer, rows.HeadRow.head == index
        )
    ).one_or_none()
    if text is not None:
        return HeadDetail.model_validate_json(text)
    whole = session.exec(select(rows.ModelRow).where(rows.ModelRow.id == name)).one()
    if layer >= whole.layers or index >= whole.heads:
        raise NotFound(
            "head",
            head,
            detail=f"{whole.name} has no head {head}: it has {whole.layers} layers of"
            f" {whole.heads} heads, 0.0 to {whole.layers - 1}.{whole.heads - 1}",
        )
    return empty_head(whole, layer, index)


def evidence_list(
    session: Session,
    *,
    head_type: str | None = None,
    model: str | None = None,
    verdict: str | None = None,
) -> list[EvidenceSummary]:
    """Evidence by model, revision, head type and recipe.

    Raises:
        NotFound: if the head type or model that it is asked for does not exist.
    """
    query = select(rows.EvidenceRow.summary).order_by(col(rows.EvidenceRow.position))
    if head_type is not None:
        query = query.where(rows.EvidenceRow.head_type == _known_type(session, head_type))
    if model is not None:
        query = query.where(rows.EvidenceRow.model == model_id(session, model))
    if verdict is not None:
        query = query.where(rows.EvidenceRow.verdict == verdict)
    return [EvidenceSummary.model_validate_json(text) for text in session.exec(query)]


def evidence(session: Session, id: str) -> EvidenceDetail:  # noqa: A002
    """One evidence record in full.

    Raises:
        NotFound: if there is none.
    """
    text = session.exec(
        select(rows.EvidenceRow.document).where(rows.EvidenceRow.id == id)
    ).one_or_none()
    if text is None:
        names = {name: name for name in session.exec(select(rows.EvidenceRow.id))}
        raise _missing(session, "evidence", id, names)
    return EvidenceDetail.model_validate_json(text)


def emergences(
    session: Session, *, model: str | None = None, head_type: str | None = None
) -> list[Emergence]:
    """Head types over the training of models whose checkpoints were run, by model and head type.

    Raises:
        NotFound: if the head type or model that it is asked for does not exist.
    """
    query = select(rows.EmergenceRow.document).order_by(col(rows.EmergenceRow.position))
    if model is not None:
        query = query.where(rows.EmergenceRow.model == model_id(session, model))
    if head_type is not None:
        query = query.where(rows.EmergenceRow.head_type == _known_type(session, head_type))
    return [Emergence.model_validate_json(text) for text in session.exec(query)]


def emergence(session: Session, model: str, head_type: str) -> Emergence:
    """One head type over the training of one model.

    Raises:
        NotFound: if there is no such model or head type, or no checkpoint was run for it.
    """
    found = emergences(session, model=model, head_type=head_type)
    if not found:
        raise NotFound(
            "history",
            f"{model}/{head_type}",
            detail=f"no checkpoints of {_shown(model)} were run for {_shown(head_type)}",
        )
    return found[0]


def examples(session: Session, *, head_type: str | None = None) -> list[Example]:
    """Attention of one head over one prompt, by model, revision and head type."""
    query = select(rows.ExampleRow.document).order_by(col(rows.ExampleRow.position))
    if head_type is not None:
        query = query.where(rows.ExampleRow.head_type == _known_type(session, head_type))
    return [Example.model_validate_json(text) for text in session.exec(query)]


def redirects(session: Session) -> list[Redirect]:
    """Ids that moved or were taken back, by kind and old id."""
    query = select(rows.RedirectRow).order_by(col(rows.RedirectRow.kind), col(rows.RedirectRow.old))
    return [
        Redirect(
            old=f"{row.kind}/{row.old}",
            new=f"{row.new_kind}/{row.new}" if row.new else None,
            reason=row.reason,
            kind="withdrawn" if row.withdrawn else "renamed",
        )
        for row in session.exec(query)
    ]


def claims(
    session: Session,
    *,
    model: str | None = None,
    paper: str | None = None,
    verdict: ClaimVerdict | None = None,
    head_type: str | None = None,
) -> list[ClaimResult]:
    """Claims by head type, in the order of its entry.

    Raises:
        NotFound: if the model, paper or head type that it is asked for does not exist.
    """
    query = select(rows.ClaimRow.document).order_by(col(rows.ClaimRow.position))
    if model is not None:
        query = query.where(rows.ClaimRow.model == model_id(session, model))
    if paper is not None:
        query = query.where(rows.ClaimRow.paper == _known_paper(session, paper))
    if verdict is not None:
        query = query.where(rows.ClaimRow.verdict == verdict)
    if head_type is not None:
        query = query.where(rows.ClaimRow.head_type == _known_type(session, head_type))
    return [ClaimResult.model_validate_json(text) for text in session.exec(query)]


def changes(session: Session) -> list[Change]:
    """Changes of the data, newest first."""
    query = select(rows.ChangeRow.document).order_by(col(rows.ChangeRow.position))
    return [Change.model_validate_json(text) for text in session.exec(query)]


def counts(session: Session) -> Counts:
    """How much there is of everything."""
    return Counts.model_validate_json(_meta(session, "counts"))


def dataset(session: Session) -> str:
    """Version of the data."""
    return _meta(session, "dataset")


def _meta(session: Session, key: str) -> str:
    return session.exec(select(rows.Meta.value).where(rows.Meta.key == key)).one()


def _known_type(session: Session, name: str) -> str:
    query = select(rows.HeadTypeRow.id).where(rows.HeadTypeRow.id == name)
    return session.exec(query).one_or_none() or head_type(session, name).id


def _known_paper(session: Session, name: str) -> str:
    query = select(rows.PaperRow.id).where(rows.PaperRow.id == name)
    return session.exec(query).one_or_none() or paper(session, name).id


def _missing(session: Session, kind: str, name: str, names: dict[str, str]) -> NotFound:
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
    close = difflib.get_close_matches(name[:200].lower(), sorted(lowered), n=1, cutoff=0.6)
    return NotFound(kind, name, lowered[close[0]] if close else None)


def _shown(name: str) -> str:
    """A name from outside, fit for a message: short, in quotes, without control characters."""
    return repr(name if len(name) <= 80 else f"{name[:77]}...")
