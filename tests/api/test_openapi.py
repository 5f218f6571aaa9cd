"""The OpenAPI document: nothing undocumented, and its own examples are run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from api.app import create_app
from catalog import database, places
from catalog.loading import load
from tests.api.client import Client


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Client:
    """The API on the shipped entries, whose names the examples use."""
    file: Path = tmp_path_factory.mktemp("shipped") / "headbook.sqlite"
    database.build(load(places.data_root() / "entries"), file)
    return Client(create_app(file))


def routes(app: FastAPI) -> set[str]:
    """The paths of all routes, also of those that hide from the document."""
    found: set[str] = set()
    stack: list[Any] = list(app.router.routes)
    while stack:
        route = stack.pop()
        if isinstance(route, APIRoute):
            found.add(route.path)
        elif hasattr(route, "original_router"):
            prefix = route.include_context.prefix
            found |= {prefix + inner.path for inner in route.original_router.routes}
        else:
            found.add(getattr(route, "path", repr(route)))
    return found


def test_no_route_is_undocumented(app: FastAPI) -> None:
    documented = set(app.openapi()["paths"])
    assert {path.replace(":path}", "}") for path in routes(app)} == documented


def test_operation_ids_are_unique(app: FastAPI) -> None:
    ids = [item["get"]["operationId"] for item in app.openapi()["paths"].values()]
    assert len(set(ids)) == len(ids)


def test_links_lead_to_operations(app: FastAPI) -> None:
    paths = app.openapi()["paths"]
    operations = {item["get"]["operationId"]: item["get"] for item in paths.values()}
    links = [
        link
        for operation in operations.values()
        for link in operation["responses"]["200"].get("links", {}).values()
    ]
    assert len(links) > 10
    for link in links:
        target = operations[link["operationId"]]
        needed = {p["name"] for p in target["parameters"] if p["in"] == "path"}
        assert set(link["parameters"]) == needed


def test_every_parameter_has_words_and_an_example(app: FastAPI) -> None:
    for path, item in app.openapi()["paths"].items():
        for parameter in item["get"].get("parameters", []):
            assert parameter["description"], f"{path}: {parameter['name']}"
            assert "example" in parameter or "examples" in parameter, f"{path}: {parameter['name']}"


def examples(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every path with the examples of its path, alone and with each example of its query."""
    for path, item in document["paths"].items():
        parameters = item["get"].get("parameters", [])
        for parameter in parameters:
            if parameter["in"] == "path":
                value = parameter["examples"]["usual"]["value"]
                path = path.replace(f"{{{parameter['name']}}}", value)
        query = [p for p in parameters if p["in"] == "query"]
        needed = {p["name"]: _sent(p["example"]) for p in query if p.get("required")}
        yield path, needed
        for parameter in query:
            yield path, {**needed, parameter["name"]: _sent(parameter["example"])}


def _sent(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(str(one) for one in value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_examples_are_run(shipped: Client, app: FastAPI) -> None:
    run = 0
    for path, query in examples(app.openapi()):
        answer = shipped.get(path, params=query)
        assert answer.status_code == 200, (path, query, answer.text[:300])
        run += 1
    assert run > 200


def test_every_suffix_is_answered(shipped: Client, app: FastAPI) -> None:
    for path, item in app.openapi()["paths"].items():
        for parameter in item["get"].get("parameters", []):
            if parameter["in"] == "path":
                value = parameter["examples"]["usual"]["value"]
                path = path.replace(f"{{{parameter['name']}}}", value)
        if path == "/v1":
            continue
        query = {"q": "head"} if path == "/v1/search" else {}
        for suffix in item["get"].get("x-suffixes", []):
            assert shipped.get(path + suffix, params=query).status_code == 200, path + suffix


def test_what_is_not_documented_is_refused(shipped: Client, app: FastAPI) -> None:
    for path, item in app.openapi()["paths"].items():
        operation = item["get"]
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "path":
                value = parameter["examples"]["usual"]["value"]
                path = path.replace(f"{{{parameter['name']}}}", value)
        if operation["operationId"] in ("health", "readiness"):
            continue  # whoever watches a server may add what it likes
        answer = shipped.get(path, params={"undocumented": "1"})
        assert answer.status_code == 422, path
        assert any(e["name"] == "undocumented" for e in answer.json()["errors"])
