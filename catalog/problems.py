"""Problems in files: what is wrong, where, and how they are shown to the person who made them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

Path = tuple[str | int, ...]
"""Where a value is inside a file: field names and list indices from the top."""

Format = Literal["text", "json", "github"]


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in one file.

    Attributes:
        file: where the file is, from the folder that holds ``entries``, with forward slashes.
        line: from 1; None for a problem with the file itself.
        column: from 1; None for a problem with the file itself.
        path: the place inside the data as the author wrote it, ``recipes[0].measure.top``.
        message: what is wrong and what would be right.
    """

    file: str
    line: int | None
    column: int | None
    path: str
    message: str

    @property
    def order(self) -> tuple[str, int, int, str, str]:
        """Sort key: by file, then by place."""
        return (self.file, self.line or 0, self.column or 0, self.path, self.message)

    def __str__(self) -> str:
        place = self.file
        if self.line is not None:
            place += f":{self.line}:{self.column or 1}"
        place += f" {self.path}:" if self.path else ":"
        return _one_line(f"{place} {self.message}")


class InvalidEntries(ValueError):
    """Entries that cannot be used; ``problems`` holds everything that is wrong with them."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = in_order(problems)
        shown = [str(problem) for problem in self.problems[:20]]
        more = len(self.problems) - len(shown)
        if more:
            shown.append(f"... and {more} more; `headbook validate` shows all")
        super().__init__("\n".join(shown))


def in_order(problems: Iterable[Problem]) -> list[Problem]:
    """Each problem once, sorted by file and place."""
    return sorted(set(problems), key=lambda problem: problem.order)


def written_path(path: Sequence[str | int]) -> str:
    """``("recipes", 0, "measure", "top")`` -> ``recipes[0].measure.top``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part and all(letter.isalnum() or letter in "_-" for letter in part):
            text += f".{part}" if text else part
        else:
            text += f"[{json.dumps(part[:60], ensure_ascii=False)}]"
    return text


def render(problems: Iterable[Problem], form: Format, *, files: int = 0) -> str:
    """All problems as text, as JSON or as GitHub workflow commands, sorted.

    Args:
        problems: what to show.
        form: ``text`` and ``github`` give a line a problem, ``json`` one object.
        files: how many files were read, for ``json``.
    """
    ordered = in_order(problems)
    if form == "json":
        shown = {"files": files, "errors": [asdict(problem) for problem in ordered]}
        return json.dumps(shown, indent=2, ensure_ascii=True)
    if form == "github":
        return "\n".join(_annotation(problem) for problem in ordered)
    return "\n".join(str(problem) for problem in ordered)


def _annotation(problem: Problem) -> str:
    properties = [f"file={_property(problem.file)}"]
    if problem.line is not None:
        properties += [f"line={problem.line}", f"col={problem.column or 1}"]
    text = f"{problem.path}: {problem.message}" if problem.path else problem.message
    return f"::error {','.join(properties)}::{_data(text)}"


def _data(text: str) -> str:
    """Escape as the runner unescapes it: the percent sign first."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _one_line(text: str) -> str:
    """Control characters (a file name may hold them) as escapes: a problem is one line."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii")
        for letter in text
    )
