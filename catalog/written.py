"""What a file says, before or without validation: parts of an entry that is not valid as a whole.

A mistake in one field must not hide mistakes elsewhere, so checks between entries read what is
written. A part that is not valid by itself (text that is no id) is passed over here: its own
problem is told already.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any, TypeGuard

from pydantic import BaseModel, TypeAdapter, ValidationError

from catalog.problems import Path
from catalog.schema.base import Head, ModelId, PaperKey, Slug

PAPER_KEY: TypeAdapter[str] = TypeAdapter(PaperKey)
MODEL_ID: TypeAdapter[str] = TypeAdapter(ModelId)
SLUG: TypeAdapter[str] = TypeAdapter(Slug)
HEAD: TypeAdapter[str] = TypeAdapter(Head)


def value_at(data: Any, path: Path) -> Any:
    """What the file says at a place; None where it says nothing."""
    for step in path:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def items(data: Any, field: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The items of a list that have fields, with their index."""
    value = data.get(field) if isinstance(data, dict) else None
    for i, item in enumerate(value if isinstance(value, list) else ()):
        if isinstance(item, dict):
            yield i, item


def texts(value: Any) -> Iterator[tuple[Path, str]]:
    """A text, or the texts of a list, with their place below ``value``."""
    if isinstance(value, str):
        yield (), value
    elif isinstance(value, list):
        yield from (((i,), item) for i, item in enumerate(value) if isinstance(item, str))


def fields_named(data: Any, name: str, below: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every field of this name at any depth, with its place."""
    waiting: list[tuple[Path, Any]] = [(below, data)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict):
            if name in value:
                yield (*path, name), value[name]
            waiting += [((*path, key), inner) for key, inner in value.items()]


def is_a(value: Any, kind: TypeAdapter[str]) -> TypeGuard[str]:
    """Whether a value is text of this form."""
    return isinstance(value, str) and part(kind, value) is not None


def part(kind: TypeAdapter[Any], value: Any) -> Any:
    """A part of an entry, validated by itself, or None if it is not valid."""
    try:
        return kind.validate_json(json.dumps(value))
    except ValidationError:
        return None


@cache
def defaults(model: type[BaseModel]) -> dict[str, Any]:
    """Defaults of the fields that a file may leave out."""
    return {
        info.alias or name: info.default
        for name, info in model.model_fields.items()
        if not info.is_required()
    }
