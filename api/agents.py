"""A server of the Model Context Protocol: the catalog as tools for agents.

It answers with what the API answers, read from the same database by the same queries. Only
``headbook mcp`` needs the ``mcp`` package (``pip install 'headbook[mcp]'``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field, ValidationError

from catalog import __version__, queries
from catalog.database import Reader
from catalog.lists.fields import WrongQuery, value_of
from catalog.names import NotFound
from catalog.responses import HeadDetail, HeadTypeDetail, ModelDetail, PaperDetail
from catalog.search import PARAMETERS, Found, search

_INSTRUCTIONS = """\
Headbook is a catalog of attention head types of language models: definitions, published claims
about heads of named models, and evidence from running detection recipes. A verdict "not-run" means
that nobody has checked a claim by machine yet: say so when you cite it. Cite papers by the keys
that are given.
"""

Text = Annotated[str, Field(min_length=1, max_length=200)]


def create_server(database: Path) -> MCPServer:
    """The server with its tools.

    Raises:
        catalog.database.DatabaseError: if the database is missing or outdated.
    """
    reader = Reader(database)
    server = MCPServer("headbook", instructions=_INSTRUCTIONS, version=__version__)

    @server.tool()
    def search_catalog(
        query: Annotated[Text, Field(description="Words; the last may be the beginning of one")],
        kind: Literal["head-type", "paper", "model", "claim"] | None = None,
    ) -> Found:
        """Find head types, papers, models and claims by words; best first, at most 20.

        Where nothing is found, `suggestions` says what was probably meant.
        """
        edition = reader.edition()
        try:
            words = value_of(PARAMETERS["q"], query)
            with edition.session() as session:
                given = {"q": words, **({"kind": kind} if kind else {})}
                page = search(session, given, edition.kept)
        except (WrongQuery, ValueError) as error:
            raise ToolError(str(error)) from error
        return Found.model_validate_json(page.text())

    @server.tool()
    def read_entry(
        kind: Literal["head-type", "paper", "model"],
        id: Annotated[Text, Field(description="Its id, as search gives it; aliases of models")],  # noqa: A002
    ) -> HeadTypeDetail | PaperDetail | ModelDetail:
        """Read all of one entry: a head type, a paper or a model."""
        try:
            with reader.session() as session:
                match kind:
                    case "head-type":
                        return queries.head_type(session, id)
                    case "paper":
                        return queries.paper(session, id)
                    case "model":
                        return queries.model(session, id)
        except NotFound as error:
            raise ToolError(str(error)) from error

    @server.tool()
    def look_up_head(
        model: Annotated[Text, Field(description="Id or alias of the model: gpt2")],
        head: Annotated[Text, Field(description="layer.head, both from 0: 9.9")],
    ) -> HeadDetail:
        """What is known of one attention head: claims that name it, and its scores."""
        try:
            with reader.session() as session:
                return queries.head(session, model, head)
        except ValidationError:
            raise ToolError("a head is written 'layer.head', both from 0, like '9.10'") from None
        except NotFound as error:
            raise ToolError(str(error)) from error

    return server
