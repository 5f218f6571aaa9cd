"""What routes are given: a session, what was asked for, and how to answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, Path, Request
from fastapi.openapi.models import Example
from sqlmodel import Session
from starlette.responses import Response

from api.negotiation import ASKED, chosen
from catalog.database import Edition, Reader
from catalog.formats.rendering import FORMATS, Answer, render, writers_of
from catalog.lists.fields import Parameter, Value, parse
from catalog.lists.pages import Page
from catalog.lists.reading import query_of, read
from catalog.lists.tables import Listing


class Asked:
    """One request: its session, its parameters, and the format that it wants."""

    def __init__(self, request: Request, edition: Edition, session: Session) -> None:
        self.request = request
        self.edition = edition
        self.session = session
        self.path, self.suffix = request.scope[ASKED]

    def answer(self, answer: Answer) -> Response:
        """The answer in the format that was asked for.

        Raises:
            WrongQuery: if there are parameters: one document has none.
            NotAcceptable: if there is no such format.
        """
        self.values({})
        return self._rendered(answer)

    def listing(self, listing: Listing, **fixed: str) -> Response:
        """A page of a list; ``fixed``: what the address itself sets.

        Raises:
            WrongQuery: with everything that is wrong with the parameters.
            NotAcceptable: if there is no such format.
        """
        query = query_of(self.session, listing, self._given(), fixed)
        return self.page(read(self.session, listing, query, self.edition.kept))

    def page(self, page: Page) -> Response:
        """A page, with links to the others if there are any.

        Raises:
            NotAcceptable: if there is no such format.
        """
        made = self._rendered(page)
        meta = page.meta
        others = {"first": 1, "prev": meta.page - 1, "next": meta.page + 1, "last": meta.pages}
        links = [
            f'<{self._address(number)}>; rel="{name}"'
            for name, number in others.items()
            if 1 <= number <= meta.pages
        ]
        if meta.pages > 1:
            made.headers["link"] = ", ".join(links)
        return made

    def format(self, offered: list[str]) -> str:
        """The suffix of the format to answer in.

        Raises:
            NotAcceptable: if there is none.
        """
        return chosen(offered, self.suffix, self.request.headers.get("accept"))

    def values(self, parameters: dict[str, Parameter]) -> dict[str, Value]:
        """The parameters that were given.

        Raises:
            WrongQuery: with everything that is wrong.
        """
        return parse(parameters, self._given())

    def _given(self) -> list[tuple[str, str]]:
        return self.request.query_params.multi_items()

    def _rendered(self, answer: Answer) -> Response:
        suffix = self.format(list(writers_of(answer)))
        return Response(render(answer, suffix, self.session), media_type=FORMATS[suffix].media_type)

    def _address(self, number: int) -> str:
        """The same address at another page."""
        others = [(name, value) for name, value in self._given() if name != "page"]
        return f"{self.path}?{urlencode([*others, ('page', str(number))])}"


async def _asked(request: Request) -> AsyncIterator[Asked]:
    """Asynchronous, and the routes with it: a look-up takes less time than changing threads."""
    reader: Reader = request.app.state.reader
    edition = reader.edition()
    with edition.session() as session:
        yield Asked(request, edition, session)


AskedDep = Annotated[Asked, Depends(_asked)]


def example(value: str) -> dict[str, Example]:
    """A value that a parameter of the path may have; tests ask for it."""
    return {"usual": {"value": value}}


HeadTypeId = Annotated[
    str,
    Path(
        max_length=200,
        description="Id of a head type",
        openapi_examples=example("induction"),
    ),
]
PaperId = Annotated[
    str,
    Path(
        max_length=200,
        description="Id of a paper",
        openapi_examples=example("olsson2022induction"),
    ),
]
ModelName = Annotated[
    str,
    Path(
        max_length=200,
        description="Id (`openai-community--gpt2`) or alias (`gpt2`) of a model",
        openapi_examples=example("gpt2"),
    ),
]
