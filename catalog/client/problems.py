"""What goes wrong between a client and the API."""

from __future__ import annotations

from typing import Any


class HeadbookError(Exception):
    """The API answered with a problem document.

    Args:
        status: the status.
        detail: what is wrong, and what would be right.
        document: the whole problem document.
    """

    def __init__(self, status: int, detail: str, document: dict[str, Any]) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.document = document


class Missing(HeadbookError):
    """There is nothing of this name (404), or no longer (410)."""

    @property
    def suggestion(self) -> str | None:
        """The name that was probably meant."""
        found: str | None = self.document.get("suggestion")
        return found

    @property
    def successor(self) -> str | None:
        """Where to read on, if the entry was withdrawn."""
        found: str | None = self.document.get("successor")
        return found


class WrongRequest(HeadbookError):
    """Parameters that there are not, or whose values cannot be (422)."""


class NotReachable(Exception):
    """No answer came, or one that is not of this API."""
