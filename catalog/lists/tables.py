"""The lists there are, and what each can be asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, get_args

from pydantic import BaseModel
from sqlmodel import SQLModel

from catalog import rows
from catalog.lists.fields import Field, Kind, Parameter, parameters_of
from catalog.responses import (
    ClaimResult,
    ClaimVerdict,
    Emergence,
    EvidenceSummary,
    HeadTypeSummary,
    ModelSummary,
    PaperSummary,
)
from catalog.schema import Change, Example
from catalog.schema.base import Method, Stage, Strength
from catalog.schema.evidence import Verdict

MOST_PER_PAGE = 200
PER_PAGE = 100

PAGING = (
    Parameter("page", Kind.NUMBER, "Which page, from 1", 1, low=1, high=10**6),
    Parameter(
        "per_page",
        Kind.NUMBER,
        f"Results a page, at most {MOST_PER_PAGE} (default {PER_PAGE})",
        20,
        low=1,
        high=MOST_PER_PAGE,
    ),
)


@dataclass(frozen=True)
class Listing:
    """A list: what its items are, where they stand, and the fields that it can be asked by."""

    name: str
    """As in the address: ``head-types``."""
    item: type[BaseModel]
    row: type[SQLModel]
    text: Any
    """The column with the items as JSON."""
    fields: tuple[Field, ...]

    @cached_property
    def parameters(self) -> dict[str, Parameter]:
        """Every query parameter, by name."""
        made = [p for field in self.fields for p in parameters_of(field)]
        sorts = tuple(f.name for f in self.fields if f.column is not None and f.name != "since")
        groups = tuple(f.name for f in self.fields if f.kind in _GROUPED and f.name != "since")
        selects = tuple(self.item.model_fields)
        directions = (*sorts, *(f"-{name}" for name in sorts))
        made += [
            Parameter(
                "sort",
                Kind.CHOICE,
                "Fields to sort by, with commas between; `-` before one: from high to low",
                f"-{sorts[0]}",
                directions,
                many=True,
            ),
            Parameter(
                "select",
                Kind.CHOICE,
                "Only these members of every result, with commas between",
                selects[0],
                selects,
                many=True,
            ),
            Parameter(
                "group_by",
                Kind.CHOICE,
                "Count results by the values of this field instead of listing them",
                groups[0],
                groups,
            ),
            *PAGING,
        ]
        return {parameter.name: parameter for parameter in made}

    def field(self, name: str) -> Field:
        """The field of this name.

        Raises:
            KeyError: if there is none.
        """
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(name)


_GROUPED = frozenset({Kind.CHOICE, Kind.NAME, Kind.NUMBER, Kind.YES_NO, Kind.DATE})
_STAGES = tuple(str(stage) for stage in Stage)
_STRENGTHS = tuple(str(kind) for kind in Strength)
_METHODS = tuple(str(method) for method in Method)
_CHECKED = ("read", "secondary", "unchecked")
_VERDICTS = get_args(Verdict)


def _head_type(column: Any, means: str = "Id of a head type") -> Field:
    return Field("head_type", Kind.NAME, means, "induction", column, names="head type")


def _model(column: Any, means: str = "Id, hub id or alias of a model") -> Field:
    return Field("model", Kind.NAME, means, "gpt2", column, names="model")


def _paper(column: Any, means: str = "Id of a paper") -> Field:
    return Field("paper", Kind.NAME, means, "olsson2022induction", column, names="paper")


_H, _P, _M = rows.HeadTypeRow, rows.PaperRow, rows.ModelRow
_C, _E, _X = rows.ClaimRow, rows.EvidenceRow, rows.ChangeRow

HEAD_TYPES = Listing(
    "head-types",
    HeadTypeSummary,
    _H,
    _H.summary,
    (
        Field("name", Kind.TEXT, "Its name", "Induction head", _H.name),
        Field("year", Kind.NUMBER, "Year of the paper that introduces it", 2022, _H.year),
        Field("stage", Kind.CHOICE, "Its stage", "latent-reasoning", _H.stage, _STAGES),
        Field("group", Kind.NAME, "Its group within the stage", "Overall Structure", _H.group),
        Field(
            "placed_by",
            Kind.CHOICE,
            "Who put it there",
            "survey",
            _H.placed_by,
            ("survey", "headbook"),
        ),
        Field(
            "level",
            Kind.CHOICE,
            "How far a machine can look for it",
            "core",
            _H.level,
            ("core", "needs-capable-model", "needs-dataset", "not-automatable"),
        ),
        Field("runnable", Kind.YES_NO, "Whether its recipes can be run", True, _H.runnable),
        Field("claims", Kind.NUMBER, "Number of published claims", 1, _H.claims),
        Field(
            "strength",
            Kind.CHOICE,
            "A kind of evidence shown for it in some model",
            "pattern",
            choices=_STRENGTHS,
        ),
        Field(
            "verdict",
            Kind.CHOICE,
            "What a run on some model came to",
            "found",
            choices=_VERDICTS,
        ),
        Field(
            "checked",
            Kind.CHOICE,
            "How one of its claims was checked",
            "read",
            choices=_CHECKED,
        ),
        _model(None, "Id or alias of a model that a claim or a run is about"),
        Field(
            "found_in",
            Kind.NAME,
            "Id or alias of a model in which the verifier found it",
            "reference",
            names="model",
        ),
        _paper(None, "Id of a paper that its entry or a claim cites"),
    ),
)

PAPERS = Listing(
    "papers",
    PaperSummary,
    _P,
    _P.summary,
    (
        Field("year", Kind.NUMBER, "Its year", 2022, _P.year),
        Field("title", Kind.TEXT, "Its title", "Attention Is All You Need", _P.title),
        Field("authors", Kind.TEXT, "Its authors, in short", "Olsson et al.", _P.authors),
        Field("venue", Kind.TEXT, "Where it appeared", "ICLR 2023", _P.venue),
        Field("claims", Kind.NUMBER, "Number of its claims", 1, _P.claims),
        Field(
            "checked",
            Kind.CHOICE,
            "How its bibliographic line was checked",
            "read",
            _P.checked,
            _CHECKED,
        ),
        _head_type(None, "Id of a head type that cites it"),
        _model(None, "Id or alias of a model that a claim of it is about"),
    ),
)

MODELS = Listing(
    "models",
    ModelSummary,
    _M,
    _M.summary,
    (
        Field("name", Kind.TEXT, "Its name", "GPT-2 small", _M.name),
        Field("architecture", Kind.NAME, "Its class", "GPT2LMHeadModel", _M.architecture),
        Field("layers", Kind.NUMBER, "Number of layers", 12, _M.layers),
        Field("heads", Kind.NUMBER, "Query heads a layer", 12, _M.heads),
        Field("kv_heads", Kind.NUMBER, "Key-value heads a layer", 12, _M.kv_heads),
        Field("parameters", Kind.NUMBER, "Number of parameters", 124439808, _M.parameters),
        Field("claims", Kind.NUMBER, "Number of claims about it", 1, _M.claims),
        Field("shipped", Kind.YES_NO, "Whether it comes with Headbook", True, _M.shipped),
        Field("verified", Kind.YES_NO, "Whether there is evidence for it", True, _M.verified),
        Field(
            "checked",
            Kind.CHOICE,
            "How its figures were checked",
            "read",
            _M.checked,
            _CHECKED,
        ),
        Field(
            "found",
            Kind.NAME,
            "Id of a head type that the verifier found in it",
            "induction",
            names="head type",
        ),
        _head_type(None, "Id of a head type that a claim about it or a run on it is of"),
        _paper(None, "Id of a paper with claims about it"),
    ),
)

CLAIMS = Listing(
    "claims",
    ClaimResult,
    _C,
    _C.document,
    (
        _head_type(_C.head_type),
        _model(_C.model),
        _paper(_C.paper),
        Field("year", Kind.NUMBER, "Year of the paper", 2022, _C.year),
        Field(
            "verdict",
            Kind.CHOICE,
            "What the check came to",
            "not-run",
            _C.verdict,
            get_args(ClaimVerdict),
        ),
        Field("checked", Kind.CHOICE, "How it was checked", "read", _C.checked, _CHECKED),
        Field(
            "list",
            Kind.CHOICE,
            "How the heads are meant",
            "exhaustive",
            _C.list,
            ("exhaustive", "top-k", "examples"),
        ),
        Field("head", Kind.NAME, "A head that it names", "9.9"),
        Field(
            "method",
            Kind.CHOICE,
            "How the paper found them",
            "path-patching",
            choices=_METHODS,
        ),
    ),
)

EVIDENCE = Listing(
    "evidence",
    EvidenceSummary,
    _E,
    _E.summary,
    (
        _head_type(_E.head_type),
        _model(_E.model),
        Field("revision", Kind.NAME, "Revision of the model", "v2", _E.revision),
        Field("recipe", Kind.NAME, "Id of the recipe", "prefix-matching", _E.recipe),
        Field("measure", Kind.NAME, "What was measured", "attention", _E.measure),
        Field("verdict", Kind.CHOICE, "What the run came to", "found", _E.verdict, _VERDICTS),
        Field(
            "stale", Kind.YES_NO, "Whether the recipe has changed since it was run", False, _E.stale
        ),
        Field("found", Kind.NAME, "A head that was found", "1.0"),
    ),
)

CHANGES = Listing(
    "changes",
    Change,
    _X,
    _X.document,
    (
        Field("date", Kind.DATE, "Its date", "2026-01-31", _X.date),
        Field(
            "since",
            Kind.DATE,
            "Changes of this day and later",
            "2026-01-31",
            _X.date,
            only=("since",),
        ),
        Field(
            "kind",
            Kind.CHOICE,
            "What changed",
            "added",
            _X.kind,
            ("added", "corrected", "renamed", "withdrawn", "evidence"),
        ),
    ),
)

EMERGENCE = Listing(
    "emergence",
    Emergence,
    rows.EmergenceRow,
    rows.EmergenceRow.document,
    (
        _head_type(rows.EmergenceRow.head_type),
        _model(rows.EmergenceRow.model),
        Field("revision", Kind.NAME, "What the training led to", "v3", rows.EmergenceRow.revision),
    ),
)

EXAMPLES = Listing(
    "examples",
    Example,
    rows.ExampleRow,
    rows.ExampleRow.document,
    (
        _head_type(rows.ExampleRow.head_type),
        _model(rows.ExampleRow.model),
        Field("revision", Kind.NAME, "Revision of the model", "v2", rows.ExampleRow.revision),
    ),
)

LISTS = (HEAD_TYPES, PAPERS, MODELS, CLAIMS, EVIDENCE, CHANGES, EMERGENCE, EXAMPLES)
