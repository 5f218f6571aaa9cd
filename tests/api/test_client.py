"""The Python client against a real server."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from catalog.client import AsyncHeadbook, Headbook, HeadbookError, Missing, NotReachable
from catalog.client.problems import WrongRequest
from tests.api.served import serving
from tests.small_entries import GPT2, PINNED, TINY


@pytest.fixture(scope="module")
def address(file: Path) -> Iterator[str]:
    with serving("--database", str(file)) as found:
        yield found


@pytest.fixture
def book(address: str) -> Iterator[Headbook]:
    with Headbook(address) as made:
        yield made


def test_typed_answers(book: Headbook) -> None:
    assert book.head_type("induction").name == "Induction head"
    assert book.paper("wang2022ioi").year == 2022
    assert book.model("gpt2-small").id == GPT2
    assert book.head("gpt2", "9.9").claim_results[0].heads == ("9.9", "9.6", "10.0")
    assert book.heads("tiny").heads_per_layer == 4
    record = book.evidence(f"{TINY}/{PINNED}/induction.prefix-matching")
    assert record.record.scores is not None
    assert record.record.scores.mean[1] == (0.1, 0.3, 0.9, 0.8)
    assert book.stats().claims == 2
    assert [stage.head_types for stage in book.stages()] == [0, 1, 0, 2]


def test_lists_and_filters(book: Headbook) -> None:
    late = book.head_types(stage="expression-preparation", year_gte=2022)
    assert [entry.id for entry in late] == ["backup", "name-mover"]
    assert [c.id for c in book.claims(model="gpt2")] == ["name-mover/1"]
    assert [m.id for m in book.models(verified=True)] == [TINY]
    assert {r.verdict for r in book.evidence_list(verdict_not="found")} == {"not-found"}
    assert [p.id for p in book.papers(sort=["-year", "title"])] == [
        "olsson2022induction",
        "wang2022ioi",
    ]
    assert len(list(book.changes())) == 2
    assert list(book.emergence("tiny")) == []


def test_pages_are_read_as_they_are_needed(book: Headbook) -> None:
    asked: list[str] = []
    book._client.event_hooks["request"] = [lambda request: asked.append(str(request.url))]
    found = book.head_types(per_page=1)
    assert asked == []
    assert next(found).id == "induction"
    assert len(asked) == 1
    assert [entry.id for entry in found] == ["backup", "name-mover"]
    assert len(asked) == 3


def test_what_has_not_changed_is_not_sent_again(book: Headbook) -> None:
    first = book.head_type("induction")
    assert book.memory.spared == 0
    assert book.head_type("induction") == first
    assert book.memory.spared == 1


def test_search(book: Headbook) -> None:
    hits = list(book.search("induc"))
    assert hits[0].id == "induction"
    assert "<mark>" in hits[0].snippet
    assert book.suggestions("inducton") == ("induction",)
    assert [hit.kind for hit in book.search("wild", kind="paper")] == ["paper"]


def test_problems_are_exceptions(book: Headbook) -> None:
    with pytest.raises(Missing, match="did you mean 'induction'") as missing:
        book.head_type("inductoin")
    assert missing.value.suggestion == "induction"
    with pytest.raises(Missing) as gone:
        book.head_type("oracle")
    assert (gone.value.status, gone.value.successor) == (410, "/v1/head-types/backup")
    with pytest.raises(WrongRequest, match="did you mean 'year'"):
        list(book.head_types(yaer=2022))
    assert book.head_type("pattern-copier").id == "induction"  # it moved, and is followed
    for hostile in ("../../etc/passwd", "a/b", "%00", "\0", "?x=1"):
        with pytest.raises(HeadbookError):
            book.head_type(hostile)


def test_what_is_no_api() -> None:
    with pytest.raises(NotReachable, match="does not answer"):
        Headbook("http://127.0.0.1:1").stats()
    transport = httpx.MockTransport(lambda _: httpx.Response(200, text="<html>"))
    with pytest.raises(NotReachable, match="no Counts"):
        Headbook(client=httpx.Client(transport=transport)).stats()
    transport = httpx.MockTransport(lambda _: httpx.Response(502, text="<html>"))
    with pytest.raises(NotReachable, match="502"):
        Headbook(client=httpx.Client(transport=transport)).stats()


def test_members_of_a_newer_server_are_left_out(book: Headbook) -> None:
    known = book.stats()
    body = known.model_dump_json()[:-1] + ',"later":{"more":1}}'
    transport = httpx.MockTransport(lambda _: httpx.Response(200, text=body))
    assert Headbook(client=httpx.Client(transport=transport)).stats() == known


def test_asynchronous(address: str) -> None:
    async def ask() -> None:
        async with AsyncHeadbook(address) as book:
            one, other = await asyncio.gather(book.head_type("induction"), book.model("tiny"))
            assert (one.id, other.id) == ("induction", TINY)
            found = [entry.id async for entry in book.head_types(per_page=1)]
            assert found == ["induction", "backup", "name-mover"]
            assert (await book.head("gpt2", "9.9")).head == "9.9"
            assert await book.suggestions("inducton") == ("induction",)
            assert await book.head_type("induction") == one
            assert book.memory.spared == 1
            with pytest.raises(Missing):
                await book.paper("nobody")

    asyncio.run(ask())


def test_both_clients_have_the_same_methods_with_the_same_parameters_and_words() -> None:
    def methods(kind: type) -> dict[str, tuple[str, object]]:
        return {
            name: (method.__doc__, inspect.signature(method).parameters)
            for name, method in vars(kind).items()
            if not name.startswith("_")
        }

    assert methods(Headbook) == methods(AsyncHeadbook)
