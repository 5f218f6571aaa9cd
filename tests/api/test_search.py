"""Search: words, beginnings of words, marks, misspellings, and nothing of FTS5's own language."""

from __future__ import annotations

import pytest

from catalog.search import distance
from tests.api.client import Client
from tests.api.test_errors import problem


def found(client: Client, q: str, **more: str) -> list[tuple[str, str]]:
    answer = client.get("/v1/search", params={"q": q, **more})
    assert answer.status_code == 200, answer.text
    return [(hit["kind"], hit["id"]) for hit in answer.json()["results"]]


def test_the_entry_itself_comes_first(client: Client) -> None:
    for q in ("induction", "Induction HEAD", "induc", "pattern completion", "INDUCTION"):
        assert found(client, q)[0] == ("head-type", "induction")
    assert found(client, "wild")[0] == ("paper", "wang2022ioi")
    assert found(client, "2211.00593")[0] == ("paper", "wang2022ioi")
    assert found(client, "gpt2 small")[0][0] == "model"
    assert found(client, "9.9")[0] == ("claim", "name-mover/1")


def test_every_word_must_occur(client: Client) -> None:
    assert found(client, "induction wild") == []
    assert ("head-type", "name-mover") in found(client, "copies name repeated")


def test_kinds(client: Client) -> None:
    assert {kind for kind, _ in found(client, "in", kind="paper")} == {"paper"}
    document = problem(client.get("/v1/search?q=a&kind=papr"), 422)
    assert "did you mean 'paper'" in str(document["detail"])


def test_addresses_answer(client: Client) -> None:
    for hit in client.get("/v1/search?q=in").json()["results"]:
        assert client.get(hit["address"]).status_code == 200


def test_marks_are_the_only_html(client: Client) -> None:
    hit = client.get("/v1/search", params={"q": "learning heads"}).json()["results"][0]
    assert "<mark>" in hit["snippet"]
    assert "&amp;" in client.get("/v1/search?q=context").json()["results"][0]["snippet"]


@pytest.mark.parametrize(
    ("q", "meant"),
    [
        ("inducton", "induction"),
        ("nmae mover", "name mover"),
        ("interpretabilty wild", "interpretability wild"),
        ("induction", None),
        ("zzzzqqqq", None),
    ],
)
def test_suggestions(client: Client, q: str, meant: str | None) -> None:
    answer = client.get("/v1/search", params={"q": q}).json()
    assert answer["suggestions"] == ([meant] if meant else [])
    if meant:
        assert found(client, meant)


@pytest.mark.parametrize(
    "q",
    [
        '"',
        '""" OR 1',
        "name:x",
        "NEAR(a b)",
        "a AND",
        "NOT",
        "*",
        "^a",
        "a*b",
        "-a",
        "(",
        "{a b}: c",
        "'; DROP TABLE search; --",
        "a" * 200,
        "é" * 200,
        " ".join("ab" for _ in range(60)),
        "\N{PILE OF POO}",
        "%",
        "_",
    ],
)
def test_no_query_is_a_command(client: Client, q: str) -> None:
    assert client.get("/v1/search", params={"q": q}).status_code == 200


@pytest.mark.parametrize("q", ["", "\0", "a\0b", "a" * 201, "\x1b[2J"])
def test_what_is_no_text(client: Client, q: str) -> None:
    problem(client.get("/v1/search", params={"q": q}), 422)


def test_the_question_is_needed(client: Client) -> None:
    assert "'q': missing" in str(problem(client.get("/v1/search"), 422)["detail"])


def test_pages(client: Client) -> None:
    every = found(client, "head", per_page="200")
    pages = [found(client, "head", per_page="1", page=str(n + 1)) for n in range(len(every))]
    assert [hit for page in pages for hit in page] == every
    problem(client.get(f"/v1/search?q=head&per_page=1&page={len(every) + 1}"), 422)


@pytest.mark.parametrize(
    ("one", "other", "far"),
    [("", "", 0), ("abc", "abc", 0), ("abc", "acb", 1), ("abc", "ab", 1), ("kitten", "sitting", 3)],
)
def test_distance(one: str, other: str, far: int) -> None:
    assert distance(one, other) == distance(other, one) == far
