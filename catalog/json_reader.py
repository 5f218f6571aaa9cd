"""JSON as strictly as YAML: what evidence is written in."""

from __future__ import annotations

import json
import math
from typing import Any

from catalog.file_text import Unreadable, decode


def read_json(content: bytes, max_bytes: int) -> Any:
    """Read JSON as strictly as YAML: no duplicate keys, no NaN, nothing that is no number or text.

    Raises:
        Unreadable: with the place and what is wrong.
    """
    text = decode(content, max_bytes)
    try:
        data = json.loads(
            text,
            object_pairs_hook=_once,
            parse_constant=_refuse,
            parse_int=_integer,
            parse_float=_finite,
        )
        json.dumps(data, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise Unreadable(error.lineno, error.colno, f"not valid JSON: {error.msg}") from None
    except UnicodeEncodeError:
        raise Unreadable(1, 1, "half a surrogate pair (\\ud800-\\udfff) is no character") from None
    except RecursionError:
        raise Unreadable(1, 1, "nested too deep") from None
    except ValueError as error:
        raise Unreadable(1, 1, f"not valid JSON: {error}") from None
    return data


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in fields if names.count(name) > 1)
        raise ValueError(f"the field '{twice[:60]}' is given twice")
    return fields


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not a JSON number; write null where a number does not exist")


def _integer(digits: str) -> int:
    if len(digits) > 20:
        raise ValueError(f"the number {digits[:20]}... is too long")
    return int(digits)


def _finite(text: str) -> float:
    value = float(text) if len(text) <= 64 else math.inf
    if not math.isfinite(value):
        raise ValueError(f"the number {text[:20]} is too large or too long")
    return value
