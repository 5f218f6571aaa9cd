"""What unquoted text of a YAML file means: the core schema of YAML 1.2, in bounds.

PyYAML follows YAML 1.1, where ``no`` is false, ``1e-3`` is text, ``010`` is 8 and ``1:30`` is 90.
"""

from __future__ import annotations

import math
import re

MAX_DIGITS = 18

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_INT = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


def resolve(text: str) -> bool | int | float | str | None:
    """The value of unquoted text under the YAML 1.2 core schema.

    Raises:
        ValueError: for infinity, not-a-number and numbers that are too long to be exact.
    """
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if text[0] not in "+-.0123456789":
        return text
    if _INT.fullmatch(text):
        return _bounded(text, 10)
    if _OCTAL.fullmatch(text):
        return _bounded(text[2:], 8)
    if _HEX.fullmatch(text):
        return _bounded(text[2:], 16)
    if _FLOAT.fullmatch(text):
        value = float(text) if len(text) <= 64 else math.inf
        if not math.isfinite(value):
            raise ValueError("this number is too large or too long; quote it if it is text")
        return value
    if _NOT_FINITE.fullmatch(text):
        raise ValueError(f"{text} is not a number that can be used here; quote it if it is text")
    return text


def is_text(plain: str) -> bool:
    """Whether unquoted text is text, and no number, boolean or null."""
    try:
        return isinstance(resolve(plain), str)
    except ValueError:
        return False


def _bounded(digits: str, base: int) -> int:
    if len(digits.lstrip("+-")) > MAX_DIGITS:
        raise ValueError("this number is too large or too long; quote it if it is text")
    return int(digits, base)
