"""What both clients share: requests as data, answers read, ETags remembered."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ValidationError

from catalog.client.problems import HeadbookError, Missing, NotReachable, WrongRequest

Answer = TypeVar("Answer", bound=BaseModel)
Filter = str | int | bool | list[str] | tuple[str, ...]

TIMEOUT = 30.0
_KEPT = 500


@dataclass(frozen=True)
class Known:
    """An answer that was read before."""

    tag: str
    content: bytes
    next_page: str | None


class Memory:
    """Answers by address, with their ETags: what has not changed is not sent again."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Known] = OrderedDict()
        self.spared = 0
        """How often the server said that nothing has changed."""

    def headers(self, address: str) -> dict[str, str]:
        """What to send along."""
        known = self._known.get(address)
        return {"If-None-Match": known.tag} if known else {}

    def read(self, address: str, response: httpx.Response) -> Known:
        """The answer: that which came, or the one that has not changed.

        Raises:
            HeadbookError: if the answer is a problem document.
            NotReachable: if it is nothing of this API.
        """
        if response.status_code == 304 and address in self._known:
            self.spared += 1
            self._known.move_to_end(address)
            return self._known[address]
        if response.status_code != 200:
            raise problem(response)
        following = response.links.get("next", {}).get("url")
        known = Known(response.headers.get("etag", ""), response.content, following)
        if known.tag:
            self._known[address] = known
            if len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return known


def problem(response: httpx.Response) -> Exception:
    """What an answer that is none means."""
    try:
        document = response.json()
        status, detail = int(document["status"]), str(document["detail"])
    except (ValueError, KeyError, TypeError):
        return NotReachable(
            f"{response.url} answers {response.status_code}, and not as Headbook's API does"
        )
    if status in (404, 410):
        return Missing(status, detail, document)
    if status == 422:
        return WrongRequest(status, detail, document)
    return HeadbookError(status, detail, document)


def parsed(kind: type[Answer], content: bytes | str) -> Answer:
    """An answer as its model; members that a newer server adds are left out.

    Raises:
        NotReachable: if it is not such an answer.
    """
    try:
        return kind.model_validate_json(content, extra="ignore")
    except ValidationError as error:
        raise NotReachable(f"this is no {kind.__name__} of Headbook's API: {error}") from error


def results(kind: type[Answer], content: bytes) -> list[Answer]:
    """The results of a page.

    Raises:
        NotReachable: if it is no page.
    """
    try:
        texts = [json.dumps(result) for result in json.loads(content)["results"]]
    except (ValueError, KeyError, TypeError) as error:
        raise NotReachable("this is no page of Headbook's API") from error
    return [parsed(kind, text) for text in texts]


def path(*parts: str) -> str:
    """A path of the API; slashes in names are kept for evidence, everything else is quoted."""
    return "/v1/" + "/".join(
        quote(part, safe="/" if parts[0] == "evidence" else "") for part in parts
    )


def filters(given: Mapping[str, Filter | None]) -> dict[str, str]:
    """Parameters as they are sent; those that are None are left out."""
    return {name: _text(value) for name, value in given.items() if value is not None}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(value) if isinstance(value, list | tuple) else str(value)


def address_of(where: str, parameters: Mapping[str, str]) -> str:
    """Path and query, the key of an answer."""
    return str(httpx.URL(where, params=dict(parameters))) if parameters else where
