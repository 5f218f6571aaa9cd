"""Look-ups in the database, answered with the models of ``catalog.responses``.

The API, the site, the static twin and ``headbook show`` all read through here. Every function
takes a session first (``catalog.database.open_session``).
"""

from __future__ import annotations

from pydantic import TypeAdapter
from sqlmodel import Session, col, select

from catalog import rows
from catalog.heads import empty_head
from catalog.names import (
    Moved,
    NotFound,
    Withdrawn,
    head_type_id,
    missing,
    model_id,
    paper_id,
    shown,
)
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
    SurveyDetail,
)
from catalog.schema import Change, Example
from catalog.schema.base import Head, Stage, layer_and_head
from catalog.schema.housekeeping import Redirect

__all__ = ["Moved", "NotFound", "Withdrawn", "model_id"]

_HEAD: TypeAdapter[str] = TypeAdapter(Head)


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
    query = select(rows.HeadTypeRow.document).where(
        rows.HeadTypeRow.id == head_type_id(session, id)
    )
    return HeadTypeDetail.model_validate_json(session.exec(query).one())


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
    query = select(rows.PaperRow.document).where(rows.PaperRow.id == paper_id(session, id))
    return PaperDetail.model_validate_json(session.exec(query).one())


def models(session: Session) -> list[ModelSummary]:
    """Models by name."""
    query = select(rows.ModelRow.summary).order_by(col(rows.ModelRow.position))
    return [ModelSummary.model_validate_json(text) for text in session.exec(query)]


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


def heads(session: Session, model: str) -> list[HeadDetail]:
    """Every head of a model of which something is known, layer by layer.

    Raises:
        NotFound: if there is no such model.
    """
    query = (
        select(rows.HeadRow.document)
        .where(rows.HeadRow.model == model_id(session, model))
        .order_by(col(rows.HeadRow.layer), col(rows.HeadRow.head))
    )
    return [HeadDetail.model_validate_json(text) for text in session.exec(query)]


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
        query = query.where(rows.EvidenceRow.head_type == head_type_id(session, head_type))
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
        error = missing(session, "evidence", id, names)
        if error.suggestion is None and not isinstance(error, Moved | Withdrawn):
            raise NotFound(
                "evidence", id, detail=f"{error}; an id is written org--name/revision/type.recipe"
            )
        raise error
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
        query = query.where(rows.EmergenceRow.head_type == head_type_id(session, head_type))
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
            detail=f"no checkpoints of {shown(model)} were run for {shown(head_type)}",
        )
    return found[0]


def examples(session: Session, *, head_type: str | None = None) -> list[Example]:
    """Attention of one head over one prompt, by model, revision and head type."""
    query = select(rows.ExampleRow.document).order_by(col(rows.ExampleRow.position))
    if head_type is not None:
        query = query.where(rows.ExampleRow.head_type == head_type_id(session, head_type))
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
        query = query.where(rows.ClaimRow.paper == paper_id(session, paper))
    if verdict is not None:
        query = query.where(rows.ClaimRow.verdict == verdict)
    if head_type is not None:
        query = query.where(rows.ClaimRow.head_type == head_type_id(session, head_type))
    return [ClaimResult.model_validate_json(text) for text in session.exec(query)]


def changes(session: Session) -> list[Change]:
    """Changes of the data, newest first."""
    query = select(rows.ChangeRow.document).order_by(col(rows.ChangeRow.position))
    return [Change.model_validate_json(text) for text in session.exec(query)]


def counts(session: Session) -> Counts:
    """How much there is of everything."""
    return Counts.model_validate_json(_meta(session, "counts"))


def survey(session: Session) -> SurveyDetail | None:
    """What the survey names and the entry that stands for each; None if it is not written down."""
    return TypeAdapter(SurveyDetail | None).validate_json(_meta(session, "survey"))


def dataset(session: Session) -> str:
    """Version of the data."""
    return _meta(session, "dataset")


def _meta(session: Session, key: str) -> str:
    return session.exec(select(rows.Meta.value).where(rows.Meta.key == key)).one()
