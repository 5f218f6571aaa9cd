"""The tables of the SQLite database.

A row has the columns that queries filter and sort on, and the answer itself as JSON text
(``summary``, ``document``: the response models of ``catalog.responses``), computed once when the
database is built. Nothing is written to it afterwards.
"""

from __future__ import annotations

from sqlmodel import Field, SQLModel

SCHEMA_VERSION = 5
"""Raised whenever tables or documents change, so that an older file is refused."""


class Meta(SQLModel, table=True):
    """What the file says about itself: ``schema_version``, ``dataset``, ``counts``, ``survey``."""

    __tablename__ = "meta"

    key: str = Field(primary_key=True)
    value: str


class HeadTypeRow(SQLModel, table=True):
    """A head type. ``position`` orders by stage, group and name.

    ``year``: of the first paper that introduces it, or else of the first that its entry names.
    """

    __tablename__ = "head_type"

    id: str = Field(primary_key=True)
    position: int = Field(unique=True)
    name: str
    stage: str = Field(index=True)
    group: str
    placed_by: str
    level: str
    runnable: bool
    year: int | None
    claims: int
    summary: str
    document: str


class HeadTypeAliasRow(SQLModel, table=True):
    """Another name of a head type."""

    __tablename__ = "head_type_alias"

    alias: str = Field(primary_key=True)
    head_type: str = Field(primary_key=True, foreign_key="head_type.id")


class FacetRow(SQLModel, table=True):
    """A value of a property that an entry may have several of: the strengths of a head type.

    ``kind`` is that of the address (``head-types``), ``id`` the entry's.
    """

    __tablename__ = "facet"

    kind: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    value: str = Field(primary_key=True)
    id: str = Field(primary_key=True)


class PaperRow(SQLModel, table=True):
    """A paper. ``position`` orders by year and id."""

    __tablename__ = "paper"

    id: str = Field(primary_key=True)
    position: int = Field(unique=True)
    year: int = Field(index=True)
    title: str
    authors: str
    venue: str | None
    arxiv: str | None = Field(index=True)
    checked: str
    claims: int
    summary: str
    document: str


class PaperUseRow(SQLModel, table=True):
    """What a paper does for a head type."""

    __tablename__ = "paper_use"

    paper: str = Field(primary_key=True, foreign_key="paper.id")
    head_type: str = Field(primary_key=True, foreign_key="head_type.id", index=True)
    role: str = Field(primary_key=True)


class ModelRow(SQLModel, table=True):
    """A model. ``position`` orders by name."""

    __tablename__ = "model"

    id: str = Field(primary_key=True)
    position: int = Field(unique=True)
    name: str
    architecture: str
    layers: int
    heads: int
    kv_heads: int
    parameters: int | None
    checked: str
    shipped: bool
    verified: bool
    claims: int
    summary: str
    document: str


class ModelAliasRow(SQLModel, table=True):
    """Another name of a model; ``alias`` in lower case."""

    __tablename__ = "model_alias"

    alias: str = Field(primary_key=True)
    model: str = Field(foreign_key="model.id", index=True)


class ClaimRow(SQLModel, table=True):
    """A claim. ``position`` orders by head type, then as the entry does."""

    __tablename__ = "claim"

    id: str = Field(primary_key=True)
    position: int = Field(unique=True)
    head_type: str = Field(foreign_key="head_type.id", index=True)
    number: int
    model: str = Field(foreign_key="model.id", index=True)
    paper: str = Field(foreign_key="paper.id", index=True)
    year: int
    verdict: str = Field(index=True)
    checked: str
    list: str | None
    document: str


class ClaimHeadRow(SQLModel, table=True):
    """A head that a claim names."""

    __tablename__ = "claim_head"

    claim: str = Field(primary_key=True, foreign_key="claim.id")
    layer: int = Field(primary_key=True)
    head: int = Field(primary_key=True)


class EvidenceRow(SQLModel, table=True):
    """An evidence record. ``position`` orders by model, revision, head type and recipe."""

    __tablename__ = "evidence"

    id: str = Field(primary_key=True)
    position: int = Field(unique=True)
    head_type: str = Field(foreign_key="head_type.id", index=True)
    recipe: str
    model: str = Field(foreign_key="model.id", index=True)
    revision: str
    measure: str
    verdict: str = Field(index=True)
    stale: bool
    summary: str
    document: str


class ExampleRow(SQLModel, table=True):
    """What one head looks at in one prompt. ``position`` orders by model, revision, head type."""

    __tablename__ = "example"

    id: str = Field(primary_key=True)
    position: int = Field(unique=True)
    head_type: str = Field(foreign_key="head_type.id", index=True)
    model: str = Field(foreign_key="model.id", index=True)
    revision: str
    document: str


class HeadScoreRow(SQLModel, table=True):
    """One head in one evidence record; ``rank`` 1 is the highest score of the model."""

    __tablename__ = "head_score"

    evidence: str = Field(primary_key=True, foreign_key="evidence.id")
    layer: int = Field(primary_key=True)
    head: int = Field(primary_key=True)
    score: float | None
    low: float | None
    high: float | None
    control: float | None
    margin: float | None
    q: float | None
    status: str
    rank: int


class TypeResultRow(SQLModel, table=True):
    """What an entry says about one revision of a model.

    ``standing``: the one that counts where a model was run in several revisions.
    """

    __tablename__ = "type_result"

    head_type: str = Field(primary_key=True, foreign_key="head_type.id")
    model: str = Field(primary_key=True, foreign_key="model.id")
    revision: str = Field(primary_key=True)
    verdict: str = Field(index=True)
    standing: bool
    document: str


class HeadRow(SQLModel, table=True):
    """A head of which something is known: a claim names it, or evidence scores it."""

    __tablename__ = "head"

    model: str = Field(primary_key=True, foreign_key="model.id")
    layer: int = Field(primary_key=True)
    head: int = Field(primary_key=True)
    claims: int
    document: str


class EmergenceRow(SQLModel, table=True):
    """A head type over the training of a model. ``position`` orders by model and head type."""

    __tablename__ = "emergence"

    model: str = Field(primary_key=True, foreign_key="model.id")
    head_type: str = Field(primary_key=True, foreign_key="head_type.id")
    position: int = Field(unique=True)
    revision: str
    document: str


class RedirectRow(SQLModel, table=True):
    """An id that moved or was taken back; ``kind`` is that of the address (``head-types``)."""

    __tablename__ = "redirect"

    kind: str = Field(primary_key=True)
    old: str = Field(primary_key=True)
    new_kind: str | None
    new: str | None
    withdrawn: bool
    reason: str


class ChangeRow(SQLModel, table=True):
    """A change of the data, newest first by ``position``."""

    __tablename__ = "change"

    position: int = Field(primary_key=True)
    date: str
    kind: str
    summary: str
    document: str
