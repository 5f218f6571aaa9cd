"""Answers that were worked out already, and what HTTP asks of every answer.

All that the API answers follows from the version of the data and the request, so an answer is
worked out once: its bytes, also compressed, and its headers stand on a shelf under address and
Accept header, and are sent from there before any route is looked for. When another database takes
the place of the one that is served, the shelf is emptied.

What every answer gets: a request id, CORS, Vary, and, if it is one that may be kept, a strong ETag
(over data, software, address and format), Last-Modified, Cache-Control and 304 where the asker has
it already.
"""

from __future__ import annotations

import gzip
import hashlib
import itertools
import re
import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from email.utils import formatdate, parsedate_to_datetime

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from catalog import __version__
from catalog.database import DatabaseError, Edition, Reader

Headers = list[tuple[bytes, bytes]]

REQUEST_ID = "headbook.request-id"
"""Key in the scope."""

_LIMIT = 32 * 2**20
_LARGEST = 4 * 2**20
_WORTH_COMPRESSING = 500
_CACHE = b"public, max-age=300"
_EVERY: Headers = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"ETag, Link, X-Request-ID"),
    (b"vary", b"Accept, Accept-Encoding"),
    (b"x-content-type-options", b"nosniff"),
]
_OWN = frozenset(
    {
        b"access-control-allow-origin",
        b"access-control-expose-headers",
        b"cache-control",
        b"etag",
        b"last-modified",
        b"vary",
    }
)
_SANE_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")


@dataclass
class Kept:
    """An answer; ``body`` is None where it is too large to be kept."""

    tag: bytes
    validators: Headers
    """Headers of a 304 too."""
    headers: Headers
    """Further headers, without length and encoding."""
    body: bytes | None
    modified: int
    plain: Headers = field(init=False)
    packed: Headers = field(init=False)
    _gzip: bytes | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        first = (b"etag", b'"' + self.tag + b'"')
        self.plain = [first, *self.validators, *self.headers]
        if self.body is not None:
            self.plain.append((b"content-length", b"%d" % len(self.body)))
        self.packed = []

    def compressed(self) -> bytes | None:
        """The body compressed, if that is shorter; worked out when it is first asked for."""
        if self._gzip is None and self.body is not None:
            packed = gzip.compress(self.body, 6, mtime=0)
            self._gzip = packed if len(packed) < len(self.body) else b""
            first = (b"etag", b'"' + self.tag + b'-gzip"')
            self.packed = [
                first,
                *self.validators,
                *self.headers,
                (b"content-encoding", b"gzip"),
                (b"content-length", b"%d" % len(packed)),
            ]
        return self._gzip or None

    @property
    def size(self) -> int:
        return 1000 + 2 * len(self.body or b"")

    def known_to(self, headers: dict[bytes, bytes]) -> bool:
        """Whether the asker has it already."""
        tags = headers.get(b"if-none-match")
        if tags is not None:
            given = {tag.strip().removeprefix(b"W/") for tag in tags.split(b",")}
            own = {b'"' + self.tag + b'"', b'"' + self.tag + b'-gzip"', b"*"}
            return not given.isdisjoint(own)
        since = headers.get(b"if-modified-since")
        if since is None:
            return False
        try:
            return parsedate_to_datetime(since.decode("latin-1")).timestamp() >= self.modified
        except (ValueError, TypeError, OverflowError):
            return False


_Key = tuple[bytes, bytes, bytes | None]
"""Path, query and Accept header."""


class Shelf:
    """Middleware: answers from the shelf, and puts there what the application answers."""

    def __init__(self, app: ASGIApp, reader: Reader, prefix: str) -> None:
        self._app = app
        self._reader = reader
        self._prefix = prefix
        self._inside = f"{prefix}/"
        self._edition: Edition | None = None
        self._kept: OrderedDict[_Key, Kept] = OrderedDict()
        self._size = 0
        process = secrets.token_hex(4).encode()
        self._ids = (b"%s-%x" % (process, number) for number in itertools.count(1))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers: dict[bytes, bytes] = dict(scope["headers"])
        identity = headers.get(b"x-request-id")
        if identity is None or not _SANE_ID.fullmatch(identity):
            identity = next(self._ids)
        scope[REQUEST_ID] = identity
        method = scope["method"]
        edition = self._current()
        if (
            edition is None
            or method not in ("GET", "HEAD")
            or not (scope["path"].startswith(self._inside) or scope["path"] == self._prefix)
        ):
            await self._app(scope, receive, _with_headers(send, identity))
            return
        path = scope.get("raw_path") or scope["path"].encode()
        key = (path, scope["query_string"], headers.get(b"accept"))
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
            if kept.body is not None or method == "HEAD" or kept.known_to(headers):
                await _send(kept, scope, headers, send)
                return
        await self._work_out(edition, key, scope, receive, send)

    def _current(self) -> Edition | None:
        """The data as they are now, the shelf emptied if they are new; None if they are gone."""
        try:
            edition = self._reader.edition()
        except DatabaseError:
            return None  # the route says so
        if edition is not self._edition:
            self._edition = edition
            self._kept.clear()
            self._size = 0
        return edition

    async def _work_out(
        self, edition: Edition, key: _Key, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Let the application answer, and keep that if it may be kept.

        Small answers are held back until they are whole. Of large ones only the headers are kept.
        """
        asked: dict[bytes, bytes] = dict(scope["headers"])
        answer = _with_headers(send, scope[REQUEST_ID])
        without_body = scope["method"] == "HEAD"
        held: Headers | None = None
        parts: list[bytes] = []
        done = False

        async def collect(message: Message) -> None:
            nonlocal held, done
            if done:
                return
            if message["type"] != "http.response.start":
                if held is None:
                    await send({**message, "body": b""} if without_body else message)
                    return
                parts.append(message.get("body", b""))
                if not message.get("more_body"):
                    await _send(self._keep(edition, key, held, b"".join(parts)), scope, asked, send)
                return
            headers: Headers = list(message["headers"])
            about = dict(headers)
            if message["status"] != 200 or about.get(b"cache-control") == b"no-store":
                await answer(message)
            elif int(about.get(b"content-length", _LARGEST)) < _LARGEST:
                held = headers
            else:
                kept = self._keep(edition, key, headers, None)
                done = without_body or kept.known_to(asked)
                if done:
                    await _send(kept, scope, asked, send)
                else:
                    await answer({**message, "headers": kept.plain})

        await self._app({**scope, "method": "GET"}, receive, collect)

    def _keep(self, edition: Edition, key: _Key, headers: Headers, body: bytes | None) -> Kept:
        about = dict(headers)
        over = (edition.dataset.encode(), __version__.encode(), *key[:2], about[b"content-type"])
        modified = int(edition.modified)
        kept = Kept(
            tag=hashlib.sha256(b"\0".join(over)).hexdigest()[:32].encode(),
            validators=[
                (b"cache-control", _CACHE),
                (b"last-modified", formatdate(modified, usegmt=True).encode()),
                *_EVERY,
            ],
            headers=[
                (name, value)
                for name, value in headers
                if name not in _OWN and (name != b"content-length" or body is None)
            ],
            body=body,
            modified=modified,
        )
        if edition is self._edition:
            self._kept[key] = kept
            self._size += kept.size
            while self._size > _LIMIT and len(self._kept) > 1:
                self._size -= self._kept.popitem(last=False)[1].size
        return kept


async def _send(kept: Kept, scope: Scope, asked: dict[bytes, bytes], send: Send) -> None:
    identity = (b"x-request-id", scope[REQUEST_ID])
    body, headers = kept.body, kept.plain
    if body is not None and len(body) >= _WORTH_COMPRESSING and _takes_gzip(asked):
        packed = kept.compressed()
        if packed is not None:
            body, headers = packed, kept.packed
    if kept.known_to(asked):
        headers = [headers[0], *kept.validators, identity]  # the first is the ETag
        await send({"type": "http.response.start", "status": 304, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
        return
    await send({"type": "http.response.start", "status": 200, "headers": [*headers, identity]})
    empty = body is None or scope["method"] == "HEAD"
    await send({"type": "http.response.body", "body": b"" if empty else body})


def _takes_gzip(asked: dict[bytes, bytes]) -> bool:
    given = asked.get(b"accept-encoding", b"")
    if b"gzip" not in given:
        return False
    for part in given.split(b","):
        name, _, weight = part.partition(b";")
        if name.strip().lower() == b"gzip":
            return weight.replace(b" ", b"").rstrip(b".0") not in (b"q=", b"q")
    return False


def _with_headers(send: Send, identity: bytes) -> Send:
    """Add what every answer has to one that is not kept."""

    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = {name for name, _ in _EVERY}
            others = [(name, value) for name, value in message["headers"] if name not in own]
            headers = [*others, *_EVERY, (b"x-request-id", identity)]
            message = {**message, "headers": headers}
        await send(message)

    return with_headers
