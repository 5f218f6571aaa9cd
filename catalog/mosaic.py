"""The heads of a model as data: what the mosaic of its page draws."""

from __future__ import annotations

from sqlmodel import Session, col, select

from catalog import rows
from catalog.names import model_id
from catalog.responses import HeadDetail, Response


class HeadCell(Response):
    """One head of which something is known."""

    head: str
    layer: int
    index: int
    types: tuple[str, ...]
    """Ids of the head types that it was found to be."""
    claimed: tuple[str, ...]
    """Ids of the head types that papers say it is."""
    claims: int
    """Number of claims that name it."""
    scores: int
    """Number of recipes that scored it."""


class Mosaic(Response):
    """The heads of a model, layer by layer; heads of which nothing is known are left out."""

    model: str
    model_name: str
    layers: int
    heads_per_layer: int
    kv_heads: int
    heads: tuple[HeadCell, ...]


def mosaic(session: Session, model: str) -> Mosaic:
    """The heads of a model, by id, hub id or alias.

    Raises:
        NotFound: also ``Moved`` and ``Withdrawn``.
    """
    name = model_id(session, model)
    whole = session.exec(select(rows.ModelRow).where(rows.ModelRow.id == name)).one()
    documents = session.exec(
        select(rows.HeadRow.document)
        .where(rows.HeadRow.model == name)
        .order_by(col(rows.HeadRow.layer), col(rows.HeadRow.head))
    )
    return Mosaic(
        model=whole.id,
        model_name=whole.name,
        layers=whole.layers,
        heads_per_layer=whole.heads,
        kv_heads=whole.kv_heads,
        heads=tuple(_cell(HeadDetail.model_validate_json(text)) for text in documents),
    )


def _cell(head: HeadDetail) -> HeadCell:
    return HeadCell(
        head=head.head,
        layer=head.layer,
        index=head.index,
        types=head.types,
        claimed=tuple(dict.fromkeys(claim.head_type for claim in head.claim_results)),
        claims=len(head.claim_results),
        scores=len(head.scores),
    )
