"""What pydantic found wrong, in plain sentences for the author of a file.

Pydantic names the branch of a union that it tried inside the place of an error, calls a field by
its Python type and a pattern by its regular expression. Here each kind of error becomes a sentence
that says what would be right, at the place that the author wrote (``catalog.error_places``).
"""

from __future__ import annotations

import types
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError

from catalog.error_places import (
    Trace,
    discriminator_of,
    fields_of,
    members_by_tag,
    model_of,
    trace_of,
    unwrapped,
)
from catalog.pattern_words import pattern_words
from catalog.problems import Path
from catalog.schema.base import Head
from catalog.suggestions import did_you_mean
from catalog.written import value_at


@dataclass(frozen=True)
class Explained:
    """One error: where (as written), whether about the field's name or its value, and what."""

    path: Path
    message: str
    at: Literal["value", "key", "parent"] = "value"
    meant: str | None = None
    """For an unknown field: the known one that it is near to."""


def explain(
    model: type[BaseModel], error: ValidationError, data: Any, plain: dict[Path, str]
) -> list[Explained]:
    """All errors of one file in the words of its author.

    Args:
        model: what the file was read as.
        error: what pydantic raised.
        data: what the file says.
        plain: unquoted values that are not text, as written (``Document.plain``).
    """
    found: list[Explained] = []
    unions: dict[Path, list[tuple[Trace, dict[str, Any]]]] = {}
    for item in error.errors(include_url=False):
        detail: dict[str, Any] = dict(item)
        trace = trace_of(model, detail["loc"])
        if trace.union is not None:
            unions.setdefault(trace.union_path, []).append((trace, detail))
            continue
        explained = _one(trace, detail, value_at(data, trace.path), plain)
        if explained is not None:
            found.append(explained)
    for path, tried in unions.items():
        found += _union(path, tried, value_at(data, path), data, plain)
    return _told_once(found)


def _told_once(found: list[Explained]) -> list[Explained]:
    """A field that is missing because it is misspelt is told at the misspelling alone."""
    misspelt = {(*item.path[:-1], item.meant) for item in found if item.meant is not None}
    return [item for item in found if item.message != _MISSING or item.path not in misspelt]


def shown(value: Any, plain: str | None = None) -> str:
    """A value as a message names it; ``plain`` is how it was written, for numbers and the like."""
    if value is None:
        return "nothing (null)"
    if isinstance(value, bool):
        return plain or str(value).lower()
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, str):
        return repr(value if len(value) <= 60 else value[:57] + "...")
    return "a list" if isinstance(value, list) else "fields (name: value)"


def _one(
    trace: Trace, detail: dict[str, Any], value: Any, plain: dict[Path, str]
) -> Explained | None:
    kind: str = detail["type"]
    context: dict[str, Any] = detail.get("ctx") or {}
    path = trace.path
    written = plain.get(path)
    if kind == "extra_forbidden":
        return _unknown_field(path, trace.owner)
    if kind == "missing":
        item = bool(path) and isinstance(path[-1], int)
        return Explained(path, "this item is missing" if item else _MISSING, "parent")
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return _tag(trace, context, value, plain)
    if kind in ("too_short", "too_long"):
        return _length(path, kind, context, value)
    if kind == "string_type":
        return Explained(path, _not_text(trace.annotation, value, written))
    if kind in ("literal_error", "enum"):
        return Explained(path, _not_among(trace.annotation, value, written))
    if kind == "string_pattern_mismatch":
        return Explained(path, f"{shown(value)} {pattern_words(context['pattern'])}")
    wanted = _WANTED.get(kind)
    if wanted is not None:
        return Explained(path, f"must be {wanted}, not {shown(value, written)}{_hint(kind, value)}")
    bound = _BOUNDS.get(kind)
    if bound is not None:
        return Explained(path, f"must be {bound[0]} {context[bound[1]]:g}, not {written or value}")
    if kind == "string_too_short":
        least = context["min_length"]
        if least == 1 or not value:
            return Explained(path, "must not be empty")
        return Explained(path, f"{shown(value)} is too short: at least {least} characters")
    if kind == "string_too_long":
        most, length = context["max_length"], len(value) if isinstance(value, str) else 0
        return Explained(path, f"is too long: {length} characters, {most} at most")
    message = str(detail["msg"]).removeprefix("Value error, ")
    return Explained(path, message)


_MISSING = "this field is missing"

_WANTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a smaller whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "model_type": "fields (name: value)",
    "model_attributes_type": "fields (name: value)",
    "dict_type": "fields (name: value)",
    "url_type": "an address that starts with https:// or http://",
    "url_parsing": "an address that starts with https:// or http://",
    "url_scheme": "an address that starts with https:// or http://",
    "url_syntax_violation": "an address that starts with https:// or http://",
    "url_too_long": "a shorter address",
}

_BOUNDS = {
    "greater_than_equal": ("at least", "ge"),
    "greater_than": ("more than", "gt"),
    "less_than_equal": ("at most", "le"),
    "less_than": ("less than", "lt"),
}


def _hint(kind: str, value: Any) -> str:
    if not isinstance(value, str):
        return ""
    if kind == "bool_type" and value.casefold() in ("yes", "on", "y", "no", "off", "n"):
        return f"; write {'true' if value.casefold() in ('yes', 'on', 'y') else 'false'}"
    if kind in ("int_type", "float_type"):
        try:
            float(value)
        except ValueError:
            return ""
        return "; write it without quotes"
    if kind == "tuple_type" and value and len(value) <= 60 and "\n" not in value:
        return f"; write [{value}]"
    return ""


def _unknown_field(path: Path, owner: type[BaseModel] | None) -> Explained:
    known = list(fields_of(owner)) if owner else []
    near = did_you_mean(str(path[-1]), known)
    if near:
        return Explained(path, f"unknown field; did you mean '{near}'?", "key", near)
    return Explained(path, f"unknown field (fields here: {', '.join(known)})", "key")


def _tag(trace: Trace, context: dict[str, Any], value: Any, plain: dict[Path, str]) -> Explained:
    name = str(context.get("discriminator", "")).strip("'")
    bare, metadata = unwrapped(trace.annotation)
    known = list(members_by_tag(bare, discriminator_of(metadata) or name))
    path = (*trace.path, name)
    if not isinstance(value, dict) or name not in value:
        also = " (or 'tokens', for measures that read weights only)" if name == "builder" else ""
        return Explained(path, f"this field is missing{also}; one of {', '.join(known)}", "parent")
    given = value[name]
    near = did_you_mean(given, known) if isinstance(given, str) else None
    if near:
        return Explained(
            path, f"unknown {name} '{given}'; did you mean '{near}'? (one of {', '.join(known)})"
        )
    return Explained(
        path, f"unknown {name} {shown(given, plain.get(path))}; one of {', '.join(known)}"
    )


def _length(path: Path, kind: str, context: dict[str, Any], value: Any) -> Explained | None:
    length = len(value) if isinstance(value, list) else 0
    if kind == "too_long":
        most = context["max_length"]
        return Explained(path, f"has {length} items; {most} at most")
    least = context["min_length"]
    if length >= least:  # only too short because items are wrong, which is told for each
        return None
    if length == 0:
        return Explained(
            path, f"must not be empty{'' if least == 1 else f': {least} items or more'}"
        )
    return Explained(path, f"has {length} item{'s' * (length > 1)}; {least} or more are needed")


def _not_text(annotation: Any, value: Any, written: str | None) -> str:
    if annotation == Head and isinstance(value, int | float) and not isinstance(value, bool):
        text = written or str(value)
        if "." not in text:
            return f'a head is written "layer.head" in quotes, like "9.10"; not {shown(value)}'
        return f'write heads in quotes: "{text}" (without quotes YAML reads the number {value})'
    if isinstance(value, bool | int | float):
        text = written or str(value)
        return f'must be text, not {shown(value, written)}; write it in quotes: "{text}"'
    if value is None and written:
        return f'must be text, not {shown(value)}; write "{written}" in quotes if it is meant'
    return f"must be text, not {shown(value)}"


def _not_among(annotation: Any, value: Any, written: str | None) -> str:
    bare, _ = unwrapped(annotation)
    if isinstance(bare, type) and issubclass(bare, Enum):
        known = [str(member.value) for member in bare]
    else:
        known = [
            str(item).lower() if isinstance(item, bool) else str(item) for item in get_args(bare)
        ]
    if len(known) == 1:
        return f"must be {known[0]}, not {shown(value, written)}"
    near = did_you_mean(value, known) if isinstance(value, str) else None
    if near:
        return f"unknown value {shown(value)}; did you mean '{near}'? (one of {', '.join(known)})"
    return f"must be one of {', '.join(known)}, not {shown(value, written)}"


def _union(
    path: Path,
    tried: list[tuple[Trace, dict[str, Any]]],
    value: Any,
    data: Any,
    plain: dict[Path, str],
) -> list[Explained]:
    """A value that may be one of several things: fields, if it has fields; else what it may be."""
    if isinstance(value, dict):
        inside = [
            _one(trace, detail, value_at(data, trace.path), plain)
            for trace, detail in tried
            if trace.branch is not None
        ]
        return [explained for explained in inside if explained is not None]
    members = get_args(unwrapped(tried[0][0].union)[0])
    if isinstance(value, int) and not isinstance(value, bool):
        for _, detail in tried:
            if detail["type"] in _BOUNDS:
                words, key = _BOUNDS[detail["type"]]
                return [Explained(path, f"must be {words} {detail['ctx'][key]:g}, not {value}")]
    wanted = " or ".join(_may_be(member) for member in members if member is not types.NoneType)
    return [Explained(path, f"must be {wanted}, not {shown(value, plain.get(path))}")]


def _may_be(annotation: Any) -> str:
    bare, _ = unwrapped(annotation)
    if get_origin(bare) is Literal:
        return " or ".join(f"'{item}'" for item in get_args(bare))
    if model_of(bare) is not None:
        return "fields (name: value)"
    names = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}
    return names.get(bare, "a list" if get_origin(bare) in (tuple, list) else "a value")
