"""What routes are given: a session, and the certainty that every parameter is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, FastAPI, Path, Query, Request
from sqlmodel import Session

from api.errors import ParameterError, WrongParameters
from catalog.database import Reader


async def _session(request: Request) -> AsyncIterator[Session]:
    """A read-only session.

    Asynchronous, and the routes with it, because a look-up takes less time than handing it to
    another thread.
    """
    reader: Reader = request.app.state.reader
    with reader.session() as session:
        yield session


async def known_parameters(request: Request) -> None:
    """Refuse query parameters that the route does not have, and those given twice.

    Raises:
        WrongParameters: naming the parameters that there are.
    """
    if not request.scope["query_string"]:
        return
    names = _query_parameters(request.app)[request.scope["endpoint"].__name__]
    has = f"there are: {', '.join(names)}" if names else "this address takes none"
    errors = []
    for name, times in Counter(name for name, _ in request.query_params.multi_items()).items():
        shown = name if len(name) <= 60 else f"{name[:57]}..."
        if name not in names:
            errors.append(ParameterError(place="query", name=shown, message=f"unknown; {has}"))
        elif times > 1:
            errors.append(ParameterError(place="query", name=shown, message="given twice"))
    if errors:
        raise WrongParameters(errors)


def _query_parameters(app: FastAPI) -> dict[str, list[str]]:
    """Names of the query parameters of every route, by operation (the name of its function)."""
    known: dict[str, list[str]] | None = getattr(app.state, "query_parameters", None)
    if known is None:
        operations = [item["get"] for item in app.openapi()["paths"].values()]
        known = {
            operation["operationId"]: sorted(
                p["name"] for p in operation.get("parameters", ()) if p["in"] == "query"
            )
            for operation in operations
        }
        app.state.query_parameters = known
    return known


SessionDep = Annotated[Session, Depends(_session)]

HeadTypeId = Annotated[str, Path(max_length=200, description="Id of a head type: induction")]
PaperId = Annotated[str, Path(max_length=200, description="Id of a paper: olsson2022induction")]
ModelName = Annotated[
    str,
    Path(max_length=200, description="Id (openai-community--gpt2) or alias (gpt2) of a model"),
]
HeadTypeFilter = Annotated[
    str | None, Query(max_length=200, description="Id of a head type: induction")
]
PaperFilter = Annotated[
    str | None, Query(max_length=200, description="Id of a paper: olsson2022induction")
]
ModelFilter = Annotated[
    str | None, Query(max_length=200, description="Id, hub id or alias of a model: gpt2")
]
