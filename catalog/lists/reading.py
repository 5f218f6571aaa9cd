"""Lists read from the database.

Which rows a query means, in which order, is worked out once and kept as numbers (their
``position``); a page is then a slice of them, looked up by key. So the hundredth page costs what
the first does, and no query skips rows.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, asc, desc, func
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from catalog import rows
from catalog.lists.fields import (
    OPERATORS,
    Field,
    Kind,
    Parameter,
    Value,
    WrongParameter,
    WrongQuery,
    parse,
)
from catalog.lists.kept import Kept
from catalog.lists.pages import Group, Page, compact, meta_of
from catalog.lists.tables import PER_PAGE, Listing
from catalog.names import NotFound, head_type_id, model_id, paper_id

_RESOLVE = {"head type": head_type_id, "paper": paper_id, "model": model_id}


@dataclass(frozen=True)
class Query:
    """What a list is asked for; hashable, so that its answer can be kept."""

    listing: str
    conditions: tuple[tuple[str, Value], ...] = ()
    """Parameter and value, sorted."""
    sort: tuple[str, ...] = ()
    select: tuple[str, ...] = ()
    group_by: str | None = None
    page: int = 1
    per_page: int = PER_PAGE


def query_of(
    session: Session,
    listing: Listing,
    given: Sequence[tuple[str, str]],
    fixed: Mapping[str, str] | None = None,
) -> Query:
    """What the parameters of an address ask for.

    Args:
        session: the session.
        listing: the list.
        given: names and values as they came.
        fixed: parameters that the address itself sets, as ids: they cannot be given.

    Raises:
        WrongQuery: with everything that is wrong, and what would be right.
    """
    fixed = fixed or {}
    values = parse(parameters_of_address(listing, fixed), list(given))
    if "group_by" in values:
        clash = [name for name in ("select", "sort") if name in values]
        if clash:
            raise WrongQuery([WrongParameter(name, "does not go with group_by") for name in clash])
    conditions = dict[str, Value](fixed)
    errors = []
    for name, value in values.items():
        field = listing.parameters[name].field
        if field is None:
            continue
        try:
            conditions[name] = _resolved(session, field, value)
        except NotFound as error:
            errors.append(WrongParameter(name, str(error)))
    if errors:
        raise WrongQuery(errors)
    return Query(
        listing=listing.name,
        conditions=tuple(sorted(conditions.items())),
        sort=_names(values.get("sort")),
        select=_names(values.get("select")),
        group_by=str(values["group_by"]) if "group_by" in values else None,
        page=int(values.get("page", 1)),  # type: ignore[arg-type]
        per_page=int(values.get("per_page", PER_PAGE)),  # type: ignore[arg-type]
    )


def parameters_of_address(listing: Listing, fixed: Mapping[str, str]) -> dict[str, Parameter]:
    """What may be given at an address that sets some fields itself."""
    return {
        name: parameter
        for name, parameter in listing.parameters.items()
        if parameter.field is None or parameter.field.name not in fixed
    }


def read(session: Session, listing: Listing, query: Query, kept: Kept) -> Page:
    """A page of a list.

    Raises:
        WrongQuery: if there is no such page.
    """
    if query.group_by is not None:
        return _groups(session, listing, query, kept)
    key = (query.listing, query.conditions, query.sort)
    positions = kept.get(key)
    if positions is None:
        # Any: mypy would need the row's own type, which differs from list to list
        row: Any = listing.row
        statement = (
            select(row.position).where(*_where(listing, query)).order_by(*_order(listing, query))
        )
        positions = array("L", session.exec(statement))
        kept.put(key, positions)
    here = slice_of(positions, query.page, query.per_page)
    texts = _texts(session, listing, here)
    if query.select:
        texts = [_cut(text, query.select) for text in texts]
    return Page(
        meta=meta_of(len(positions), query.page, query.per_page, _dataset(session)),
        item=listing.item,
        texts=texts,
        name=listing.name,
        whole=not query.select,
    )


def slice_of(found: Sequence[Any], page: int, per_page: int) -> Sequence[Any]:
    """What stands on a page.

    Raises:
        WrongQuery: if there is no such page.
    """
    pages = max(1, -(-len(found) // per_page))
    if page > pages:
        last = "there is one page" if pages == 1 else f"there are {pages} pages"
        raise WrongQuery([WrongParameter("page", f"{last} of {per_page}, not {page}")])
    return found[(page - 1) * per_page : page * per_page]


def _names(value: Value | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value)) if isinstance(value, tuple) else ()  # type: ignore[arg-type]


def _resolved(session: Session, field: Field, value: Value) -> Value:
    """The ids that names stand for."""
    if field.names is None:
        return value
    resolve = _RESOLVE[field.names]
    if isinstance(value, tuple):
        return tuple(resolve(session, str(name)) for name in value)
    return resolve(session, str(value))


def _where(listing: Listing, query: Query) -> list[ColumnElement[bool]]:
    made = []
    for name, value in query.conditions:
        parameter = listing.parameters[name]
        assert parameter.field is not None
        made.append(_condition(listing, parameter.field, parameter.operator, value))
    return made


def _condition(listing: Listing, field: Field, name: str, value: Value) -> ColumnElement[bool]:
    if field.column is not None:
        return OPERATORS[name].compare(field.column, value)
    row: Any = listing.row
    positive = "is" if name == "not" else name
    facet: Any = rows.FacetRow
    having = select(rows.FacetRow.id).where(
        rows.FacetRow.kind == listing.name,
        rows.FacetRow.name == field.name,
        OPERATORS[positive].compare(facet.value, value),
    )
    ids = col(row.id)
    return ids.not_in(having) if name == "not" else ids.in_(having)


def _order(listing: Listing, query: Query) -> list[Any]:
    made = [
        (desc if name.startswith("-") else asc)(
            listing.field(name.removeprefix("-")).column
        ).nulls_last()
        for name in query.sort
    ]
    row: Any = listing.row
    return [*made, asc(row.position)]


def _texts(session: Session, listing: Listing, positions: Sequence[int]) -> list[str]:
    row: Any = listing.row
    found = dict(
        session.exec(
            select(row.position, listing.text).where(col(row.position).in_(positions))
        ).all()
    )
    return [found[position] for position in positions]


def _cut(text: str, names: Sequence[str]) -> str:
    whole = json.loads(text)
    return compact({name: whole[name] for name in names if name in whole})


def _groups(session: Session, listing: Listing, query: Query, kept: Kept) -> Page:
    assert query.group_by is not None
    key = (query.listing, query.conditions, "group", query.group_by)
    texts = kept.get(key)
    if texts is None:
        field = listing.field(query.group_by)
        row: Any = listing.row
        facet: Any = aliased(rows.FacetRow)  # filters look into the same table
        value: Any = facet.value if field.column is None else field.column
        count = func.count().label("count")
        statement = select(value, count).select_from(row).where(*_where(listing, query))
        if field.column is None:
            statement = statement.join(
                facet,
                (facet.id == row.id) & (facet.kind == listing.name) & (facet.name == field.name),
            )
        found = session.exec(statement.group_by(value).order_by(desc("count"), value)).all()
        texts = [
            Group(key=bool(one) if field.kind is Kind.YES_NO else one, count=n).model_dump_json()
            for one, n in found
        ]
        kept.put(key, texts)
    return Page(
        meta=meta_of(len(texts), query.page, query.per_page, _dataset(session)),
        item=Group,
        texts=slice_of(texts, query.page, query.per_page),
        name=listing.name,
    )


def _dataset(session: Session) -> str:
    return session.exec(select(rows.Meta.value).where(rows.Meta.key == "dataset")).one()
