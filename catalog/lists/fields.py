"""What a list can be asked for: fields, the operators on them, and the parameters they make.

Both are data. The API documents its parameters from here, refuses others with the name that was
probably meant, and translates the rest into SQL (``catalog.lists.reading``).
"""

from __future__ import annotations

import datetime
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from sqlalchemy import ColumnElement

from catalog.suggestions import did_you_mean

Value = str | int | bool | tuple[str, ...] | tuple[int, ...]


class Kind(StrEnum):
    """What values of a field are."""

    TEXT = "text"
    NAME = "name"
    CHOICE = "choice"
    NUMBER = "number"
    DATE = "date"
    YES_NO = "yes-no"


@dataclass(frozen=True)
class Operator:
    """How a value is compared; ``suffix`` is added to the name of the field: ``year_gte``."""

    suffix: str
    words: str
    compare: Callable[[ColumnElement[Any], Any], ColumnElement[bool]]
    many: bool = False
    """Whether it takes several values with commas between."""


def _contains(column: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    return column.icontains(text, autoescape=True)


OPERATORS: dict[str, Operator] = {
    "is": Operator("", "is", operator.eq),
    "not": Operator("_not", "is not", operator.ne),
    "in": Operator("_in", "is one of, with commas between", lambda c, v: c.in_(v), many=True),
    "gte": Operator("_gte", "is at least", operator.ge),
    "gt": Operator("_gt", "is more than", operator.gt),
    "lte": Operator("_lte", "is at most", operator.le),
    "lt": Operator("_lt", "is less than", operator.lt),
    "since": Operator("", "is this day or later", operator.ge),
    "contains": Operator("_contains", "contains, in any case", _contains),
}

OPERATORS_OF: dict[Kind, tuple[str, ...]] = {
    Kind.TEXT: ("is", "contains"),
    Kind.NAME: ("is", "not", "in"),
    Kind.CHOICE: ("is", "not", "in"),
    Kind.NUMBER: ("is", "not", "in", "gte", "gt", "lte", "lt"),
    Kind.DATE: ("is", "gte", "gt", "lte", "lt"),
    Kind.YES_NO: ("is",),
}


@dataclass(frozen=True)
class Field:
    """A property that a list is filtered by.

    ``column`` holds it; without one it is a facet: entries may have several values of it, ``is``
    then means "has this value", ``not`` "has not".
    """

    name: str
    kind: Kind
    means: str
    example: str | int | bool
    column: Any = None
    choices: tuple[str, ...] = ()
    names: Literal["head type", "paper", "model"] | None = None
    """What the values are names of; aliases answer too."""
    only: tuple[str, ...] | None = None
    """The operators, where not all of the kind make sense."""

    @property
    def operators(self) -> tuple[str, ...]:
        if self.only is not None:
            return self.only
        every = OPERATORS_OF[self.kind]
        return every if self.column is not None else tuple(o for o in every if o in _OF_FACETS)


_OF_FACETS = frozenset({"is", "not", "in"})


@dataclass(frozen=True)
class Parameter:
    """One query parameter: ``year_gte``."""

    name: str
    kind: Kind
    means: str
    example: str | int | bool
    choices: tuple[str, ...] = ()
    many: bool = False
    required: bool = False
    low: int = -(10**9)
    high: int = 10**9
    field: Field | None = None
    operator: str = "is"


def parameters_of(field: Field) -> list[Parameter]:
    """The parameters of a field, one for each operator."""
    return [
        Parameter(
            name=field.name + OPERATORS[name].suffix,
            kind=field.kind,
            means=field.means
            if not OPERATORS[name].suffix
            else f"`{field.name}` {OPERATORS[name].words}",
            example=field.example,
            choices=field.choices,
            many=OPERATORS[name].many,
            field=field,
            operator=name,
        )
        for name in field.operators
    ]


@dataclass(frozen=True)
class WrongParameter:
    """What is wrong with one parameter, and what would be right."""

    name: str
    message: str


class WrongQuery(ValueError):
    """Parameters that there are not, or whose values cannot be."""

    def __init__(self, errors: list[WrongParameter]) -> None:
        super().__init__("; ".join(f"'{error.name}': {error.message}" for error in errors))
        self.errors = errors


def parse(parameters: dict[str, Parameter], given: list[tuple[str, str]]) -> dict[str, Value]:
    """The values of the parameters that were given.

    Raises:
        WrongQuery: with everything that is wrong.
    """
    errors: list[WrongParameter] = []
    values: dict[str, Value] = {}
    seen: set[str] = set()
    told: set[str] = set()
    for name, text in given:
        if name in told:
            continue
        known = parameters.get(name)
        shown = name if len(name) <= 60 else f"{name[:57]}..."
        if known is None:
            errors.append(WrongParameter(shown, _unknown(name, parameters)))
            told.add(name)
        elif name in seen:
            errors.append(WrongParameter(shown, "given twice"))
            told.add(name)
        else:
            try:
                values[name] = value_of(known, text)
            except ValueError as error:
                errors.append(WrongParameter(name, str(error)))
        seen.add(name)
        if len(errors) >= _TOLD:
            break
    missing = [known for name, known in parameters.items() if known.required and name not in seen]
    errors += [WrongParameter(known.name, f"missing: {known.means}") for known in missing]
    if errors:
        raise WrongQuery(errors)
    return values


_TOLD = 10
"""Errors that are told at most, so that a long query does not make a longer answer."""


def _unknown(name: str, parameters: dict[str, Parameter]) -> str:
    if not parameters:
        return "unknown; this address takes none"
    near = did_you_mean(name, parameters)
    better = f"did you mean '{near}'? " if near else ""
    plain = [one for one, known in parameters.items() if not OPERATORS[known.operator].suffix]
    return f"unknown; {better}there are: {', '.join(sorted(plain))}"


def value_of(parameter: Parameter, text: str) -> Value:
    """A value as it is meant.

    Raises:
        ValueError: saying what would be right.
    """
    if not parameter.many:
        return _one(parameter, text)
    parts = text.split(",")
    if len(parts) > _MOST:
        raise ValueError(f"more than {_MOST} values")
    if text and not all(parts):
        raise ValueError("empty between commas, or before or after one; leave that comma out")
    several = [_one(parameter, part) for part in parts]
    return tuple(several)  # type: ignore[return-value]


_MOST = 50
_LONGEST = 200


def _one(parameter: Parameter, text: str) -> str | int | bool:
    short = text if len(text) <= 60 else f"{text[:57]}..."
    shown = repr(short)
    if not text:
        raise ValueError("empty; give a value, or leave the parameter out")
    if len(text) > _LONGEST:
        raise ValueError(f"longer than {_LONGEST} characters")
    if any(ord(letter) < 32 or 0xD800 <= ord(letter) <= 0xDFFF for letter in text):
        raise ValueError("control characters are not allowed")
    if parameter.kind is Kind.NUMBER:
        if not re.fullmatch(r"-?[0-9]+", text):
            raise ValueError(f"{shown} is no whole number")
        number = int(text)
        if not parameter.low <= number <= parameter.high:
            raise ValueError(f"must be {parameter.low} to {parameter.high}, not {short}")
        return number
    if parameter.kind is Kind.YES_NO:
        if text not in ("true", "false"):
            raise ValueError(f"true or false, not {shown}")
        return text == "true"
    if parameter.kind is Kind.DATE:
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            raise ValueError(f"{shown} is no date: year-month-day, like 2025-01-31")
        try:
            datetime.date.fromisoformat(text)
        except ValueError:
            raise ValueError(f"there is no day {text}") from None
    if parameter.kind is Kind.CHOICE and text not in parameter.choices:
        near = did_you_mean(text, parameter.choices)
        better = f"did you mean '{near}'? " if near else ""
        listed = ", ".join(f"'{choice}'" for choice in parameter.choices)
        raise ValueError(f"there is no {shown}; {better}one of {listed}")
    return text
