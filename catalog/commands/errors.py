"""The one error that subcommands raise."""

from __future__ import annotations


class CommandError(Exception):
    """Something the person at the keyboard can mend; its text says what and how.

    Args:
        message: what is wrong and what would be right.
        exit_code: 2 for wrong use, 1 for everything else.
    """

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code
