"""Text on a terminal: styled there, plain in a pipe or a file."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Sequence

import typer
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

_PIPE_WIDTH = 100


class Page:
    """What is printed, top to bottom. Text is never read as markup."""

    def __init__(self) -> None:
        out = Console(highlight=False, markup=False, emoji=False)
        if not out.is_terminal:
            out = Console(highlight=False, markup=False, emoji=False, width=_PIPE_WIDTH)
        elif not shutil.get_terminal_size((0, 0)).columns:
            out.width = _PIPE_WIDTH
        self._out = out

    def _print(self, what: RenderableType = "") -> None:
        """Print without the blanks that pad lines to the width of the terminal."""
        with self._out.capture() as captured:
            self._out.print(what)
        text = captured.get()
        if not self._out.is_terminal:
            text = "".join(f"{line.rstrip()}\n" for line in text.splitlines())
        typer.echo(text, nl=False)

    def title(self, name: str, note: str) -> None:
        self._print(Text(_clean(name), style="bold") + Text(f"  {_clean(note)}", style="not bold"))

    def heading(self, text: str) -> None:
        self._print()
        self._print(Text(_clean(text), style="bold"))

    def line(self, text: str, indent: int = 0) -> None:
        self._print(Padding(Text(_clean(text)), (0, 0, 0, indent), expand=False))

    def prose(self, text: str, indent: int = 0) -> None:
        """Markdown as it is written, with paragraphs filled to the width that there is."""
        paragraphs = re.split(r"\n[ \t]*\n", text)
        filled = (re.sub(r"\n(?![ \t]*([-*>|]|[0-9]+\.) )", " ", part) for part in paragraphs)
        self.line("\n\n".join(filled), indent)

    def fact(self, name: str, value: object) -> None:
        """``name: value``; nothing if there is no value."""
        if value not in (None, "", ()):
            self._print(Text(f"{name}: ", style="dim") + Text(_clean(str(value))))

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Rows below their column names; the last column wraps."""
        table = Table(box=None, pad_edge=False, show_edge=False, header_style="dim")
        for name in columns[:-1]:
            table.add_column(name, overflow="fold", max_width=34)
        table.add_column(columns[-1], overflow="fold")
        for row in rows:
            table.add_row(*(Text(_clean(cell)) for cell in row))
        self._print(Padding(table, (0, 0, 0, 2), expand=False))


def _clean(text: str) -> str:
    """Text without characters that a terminal would obey."""
    return "".join(
        letter if letter.isprintable() or letter == "\n" else "\N{REPLACEMENT CHARACTER}"
        for letter in text
    )
