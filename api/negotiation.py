"""In which format to answer: by the end of the address, or else by the Accept header."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.types import ASGIApp, Receive, Scope, Send

from catalog.formats.rendering import FORMATS

ASKED = "headbook.asked"
"""Key in the scope: the path as it was asked for, and its suffix."""


class NotAcceptable(Exception):
    """The answer is not there in any format that was asked for.

    Args:
        offered: suffixes of the formats that there are.
        suffix: the suffix that was asked for, if one was.
    """

    def __init__(self, offered: Iterable[str], suffix: str | None) -> None:
        self.offered = tuple(offered)
        self.suffix = suffix
        super().__init__("not acceptable")


class Suffixes:
    """Take ``.yaml`` and the like from the end of an address, so that routes need not know them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path: str = scope["path"]
            suffix = suffix_of(path)
            scope[ASKED] = (path, suffix)
            if suffix is not None and path.startswith("/v1/"):
                scope["path"] = path.removesuffix(f".{suffix}")
        await self._app(scope, receive, send)


def suffix_of(path: str) -> str | None:
    """The known format that an address ends with."""
    stem, dot, suffix = path.rpartition(".")
    known = dot and suffix in FORMATS and not stem.endswith("/")
    return suffix if known else None


def chosen(offered: Iterable[str], suffix: str | None, accept: str | None) -> str:
    """The suffix of the format to answer in.

    Args:
        offered: suffixes of the formats there are, the usual one first.
        suffix: the suffix of the address, which decides if there is one.
        accept: the Accept header.

    Raises:
        NotAcceptable: if there is none.
    """
    offered = list(offered)
    if suffix is not None:
        if suffix not in offered:
            raise NotAcceptable(offered, suffix)
        return suffix
    if accept is None or not accept.strip():
        return offered[0]
    ranges = _ranges(accept)
    best = max(offered, key=lambda one: (_quality(one, ranges), -offered.index(one)))
    if _quality(best, ranges) <= 0:
        raise NotAcceptable(offered, None)
    return best


_MOST_RANGES = 50


def _ranges(accept: str) -> dict[str, float]:
    """Media ranges with their weights."""
    found: dict[str, float] = {}
    for part in accept.split(",")[:_MOST_RANGES]:
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weight = 1.0
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key.strip() == "q":
                try:
                    weight = min(max(float(value), 0.0), 1.0)
                except ValueError:
                    weight = 0.0
        if weight == weight:  # not NaN
            found[name] = max(weight, found.get(name, 0.0))
    return found


def _quality(suffix: str, ranges: dict[str, float]) -> float:
    """How welcome a format is: the weight of the most exact range that it fits."""
    made = FORMATS[suffix]
    types = [made.media_type.partition(";")[0], *made.also]
    exact = [ranges[name] for name in types if name in ranges]
    if exact:
        return max(exact)
    kinds = {f"{name.partition('/')[0]}/*" for name in types}
    wide = [ranges[name] for name in kinds if name in ranges]
    return max(wide) if wide else ranges.get("*/*", 0.0)
