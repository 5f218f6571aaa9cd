"""The Model Context Protocol server, spoken to by the SDK's own client."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters

from api.agents import create_server
from catalog.commands import mcp as command
from catalog.commands.errors import CommandError
from tests.api.served import ROOT
from tests.small_entries import GPT2


def call(server: Any, name: str, **arguments: str) -> Any:
    async def ask() -> Any:
        async with Client(server) as client:
            return await client.call_tool(name, arguments)

    return asyncio.run(ask())


def told(result: Any) -> str:
    return "".join(part.text for part in result.content)


def test_tools_are_described(file: Path) -> None:
    async def ask() -> Any:
        async with Client(create_server(file)) as client:
            return (await client.list_tools()).tools

    tools = {tool.name: tool for tool in asyncio.run(ask())}
    assert set(tools) == {"search_catalog", "read_entry", "look_up_head"}
    assert all(tool.description for tool in tools.values())


def test_search(file: Path) -> None:
    found = call(create_server(file), "search_catalog", query="induc").structured_content
    assert found["results"][0]["id"] == "induction"
    nothing = call(create_server(file), "search_catalog", query="inducton").structured_content
    assert (nothing["results"], nothing["suggestions"]) == ([], ["induction"])


@pytest.mark.parametrize(
    ("kind", "name", "told_id"),
    [
        ("head-type", "induction", "induction"),
        ("paper", "wang2022ioi", "wang2022ioi"),
        ("model", "gpt2", GPT2),
    ],
)
def test_read_entry(file: Path, kind: str, name: str, told_id: str) -> None:
    answer = call(create_server(file), "read_entry", kind=kind, id=name)
    assert not answer.is_error
    assert f'"{told_id}"' in told(answer)


def test_look_up_head(file: Path) -> None:
    answer = call(create_server(file), "look_up_head", model="gpt2", head="9.9")
    (claim,) = answer.structured_content["claim_results"]
    assert (claim["id"], claim["verdict"]) == ("name-mover/1", "not-run")


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("read_entry", {"kind": "head-type", "id": "inductoin"}, "did you mean 'induction'"),
        ("look_up_head", {"model": "gpt22", "head": "9.9"}, "did you mean"),
        ("look_up_head", {"model": "gpt2", "head": "9,9"}, "'layer.head'"),
        ("look_up_head", {"model": "gpt2", "head": "99.0"}, "12 layers of 12 heads"),
        ("search_catalog", {"query": "a\0b"}, "control characters"),
    ],
)
def test_mistakes_are_told(file: Path, name: str, arguments: dict[str, str], message: str) -> None:
    answer = call(create_server(file), name, **arguments)
    assert answer.is_error
    assert message in told(answer)


def test_the_command_speaks_over_standard_input(file: Path) -> None:
    program = "from catalog.commands.main import main; main()"
    server = StdioServerParameters(
        command=sys.executable,
        args=["-c", program, "mcp", "--database", str(file)],
        cwd=str(ROOT),
        env={"PYTHONPATH": str(ROOT)},
    )
    answer = call(server, "look_up_head", model="gpt2", head="9.9")
    assert answer.structured_content["head"] == "9.9"


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "api.agents", raising=False)
    monkeypatch.setitem(sys.modules, "mcp", None)
    monkeypatch.setitem(sys.modules, "mcp.server", None)
    with pytest.raises(CommandError, match=r"pip install 'headbook\[mcp\]'"):
        command.mcp()


def test_without_a_database(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="run: headbook db"):
        command.mcp(tmp_path / "none.sqlite")
