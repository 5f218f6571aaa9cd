"""The text of a file, and what is wrong with it at a place of the text."""

from __future__ import annotations

import re
from dataclasses import dataclass

from catalog.problems import Path

_REFUSED = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]|\r(?!\n)"
)


@dataclass(frozen=True)
class Flaw:
    """Something wrong at a place in the text, before it is known what the data should be."""

    line: int
    column: int
    path: Path
    message: str


class Unreadable(Exception):
    """Text that is no document at all; ``flaw`` says where and why."""

    def __init__(self, line: int, column: int, message: str) -> None:
        super().__init__(message)
        self.flaw = Flaw(line, column, (), message)


def decode(content: bytes, max_bytes: int) -> str:
    """The text of a file.

    Raises:
        Unreadable: if it is too large, no UTF-8, or holds characters that text does not.
    """
    if len(content) > max_bytes:
        raise Unreadable(1, 1, f"the file is larger than {max_bytes:,} bytes")
    if content.startswith(b"\xef\xbb\xbf"):
        raise Unreadable(1, 1, "the file starts with a byte order mark; save it without (UTF-8)")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line, column = _place_at(content[: error.start].decode("utf-8"))
        raise Unreadable(
            line, column, f"byte 0x{content[error.start]:02x} is not UTF-8; save the file as UTF-8"
        ) from None
    refused = _REFUSED.search(text)
    if refused:
        line, column = _place_at(text[: refused.start()])
        raise Unreadable(
            line, column, f"the character U+{ord(refused.group()):04X} is not allowed; delete it"
        )
    return text


def _place_at(before: str) -> tuple[int, int]:
    """Line and column, from 1, right after the text ``before``."""
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
