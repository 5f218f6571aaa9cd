"""Filters, order, selection, groups and pages of every list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session

from catalog.database import Reader
from catalog.lists.fields import Kind
from catalog.lists.kept import Kept
from catalog.lists.reading import query_of, read
from catalog.lists.tables import EVIDENCE, HEAD_TYPES, LISTS, Listing
from tests.api.client import Client
from tests.benchmarks.large_catalog import write_large
from tests.small_entries import GPT2, OLDER, TINY


def ids(client: Client, path: str) -> list[str]:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return [item["id"].rpartition("/")[2] for item in answer.json()["results"]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["induction", "backup", "name-mover"]),
        ("stage=in-context-identification", ["induction"]),
        ("stage_not=in-context-identification", ["backup", "name-mover"]),
        ("stage_in=in-context-identification,latent-reasoning", ["induction"]),
        ("name_contains=MOVER", ["name-mover"]),
        ("name_contains=%25", []),  # no wildcard of SQL
        ("name=Induction%20head", ["induction"]),
        ("year_gte=2022", ["induction", "backup", "name-mover"]),
        ("year_gt=2022", []),
        ("year_lt=2022", []),
        ("claims_gte=1", ["induction", "name-mover"]),
        ("runnable=true", ["induction"]),
        ("strength=pattern", ["induction"]),
        ("strength_in=pattern,necessary", ["induction"]),
        ("strength_not=pattern", ["backup", "name-mover"]),
        ("model=gpt2", ["name-mover"]),
        ("model=TINY", ["induction"]),
        ("found_in=tiny/grouped", ["induction"]),
        ("checked=read", ["induction", "name-mover"]),
        ("verdict=found", ["induction"]),
        ("paper=wang2022ioi&stage=expression-preparation", ["backup", "name-mover"]),
        ("sort=name", ["backup", "induction", "name-mover"]),
        ("sort=-name", ["name-mover", "induction", "backup"]),
        ("sort=-claims,name", ["induction", "name-mover", "backup"]),
        ("per_page=2", ["induction", "backup"]),
        ("per_page=2&page=2", ["name-mover"]),
    ],
)
def test_head_types(client: Client, query: str, found: list[str]) -> None:
    assert ids(client, f"/v1/head-types?{query}") == found


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("papers?head_type=name-mover&sort=-year,title", ["olsson2022induction", "wang2022ioi"]),
        ("papers?model=gpt2", ["wang2022ioi"]),
        ("models?layers_lt=12", [TINY]),
        ("models?found=induction", [TINY]),
        ("claims?head=9.9", ["1"]),
        ("claims?method=path-patching&model=tiny", ["1"]),
        ("claims?year=2022&list=exhaustive", ["1"]),
        ("evidence?verdict=not-found", ["induction.prefix-matching"]),
        (f"evidence?revision={OLDER}&recipe=copying", ["induction.copying"]),
        ("head-types/induction/evidence?verdict_not=found", ["induction.prefix-matching"]),
    ],
)
def test_other_lists(client: Client, path: str, found: list[str]) -> None:
    assert ids(client, f"/v1/{path}") == found


def test_stale_records_and_the_others_are_all(client: Client) -> None:
    stale = client.get("/v1/evidence?stale=true").json()["results"]
    fresh = client.get("/v1/evidence?stale=false").json()["results"]
    assert all(record["stale"] for record in stale)
    assert not any(record["stale"] for record in fresh)
    assert len(stale) + len(fresh) == 4


def test_changes_since(client: Client) -> None:
    every = client.get("/v1/changes").json()["results"]
    latest = every[0]["date"]
    found = client.get("/v1/changes", params={"since": latest}).json()["results"]
    assert found == [change for change in every if change["date"] >= latest]
    assert client.get("/v1/changes?since=2999-01-01").json()["results"] == []
    for day in ("2026-02-30", "2026-13-01", "0000-01-01"):
        answer = client.get(f"/v1/changes?since={day}")
        assert answer.status_code == 422
        assert f"there is no day {day}" in answer.json()["detail"]


def test_envelope(client: Client) -> None:
    answer = client.get("/v1/head-types?per_page=2&page=2&stage_not=latent-reasoning")
    dataset = client.get("/v1/stats").json()["dataset"]
    assert answer.json()["meta"] == {
        "count": 3,
        "page": 2,
        "per_page": 2,
        "pages": 2,
        "dataset": dataset,
    }
    assert {name: link["url"] for name, link in answer.links.items()} == {
        "first": "/v1/head-types?per_page=2&stage_not=latent-reasoning&page=1",
        "prev": "/v1/head-types?per_page=2&stage_not=latent-reasoning&page=1",
        "last": "/v1/head-types?per_page=2&stage_not=latent-reasoning&page=2",
    }
    assert "link" not in client.get("/v1/head-types").headers


def test_select(client: Client) -> None:
    answer = client.get("/v1/head-types?select=name,id&per_page=1").json()
    assert answer["results"] == [{"name": "Induction head", "id": "induction"}]


def test_groups(client: Client) -> None:
    groups = client.get("/v1/head-types?group_by=stage").json()
    assert groups["results"] == [
        {"key": "expression-preparation", "count": 2},
        {"key": "in-context-identification", "count": 1},
    ]
    assert groups["meta"]["count"] == 2
    shown = client.get("/v1/head-types?group_by=strength&strength=weights").json()
    assert shown["results"] == [{"key": "pattern", "count": 1}, {"key": "weights", "count": 1}]
    runnable = client.get("/v1/head-types?group_by=runnable").json()["results"]
    assert runnable == [{"key": False, "count": 2}, {"key": True, "count": 1}]
    assert client.get("/v1/models?group_by=verified").json()["meta"]["count"] == 2


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("page=2", "there is one page of 100, not 2"),
        ("page=0", "must be 1 to 1000000"),
        ("page=99999999999999999999", "must be 1 to 1000000, not 99999999999999999999"),
        ("page=1.5", "no whole number"),
        ("per_page=201", "must be 1 to 200"),
        ("page=", "empty; give a value"),
        ("sort=yeer", "did you mean 'year'"),
        ("sort=year,", "leave that comma out"),
        ("select=nmae", "did you mean 'name'"),
        ("group_by=stag", "did you mean 'stage'"),
        ("group_by=stage&sort=year", "does not go with group_by"),
        ("year_gte=late", "no whole number"),
        ("year=-99999999999", "must be -1000000000 to 1000000000, not -99999999999"),
        ("runnable=yes", "true or false"),
        ("stage_in=latent-reasoning,late", "there is no 'late'"),
        ("model_in=gpt2,gpt22", GPT2),
        ("found_in=nobody", "there is no model"),
        ("paper=wang2022io", "did you mean 'wang2022ioi'"),
        ("name_contains=" + "a" * 201, "longer than 200"),
        ("name=%00", "control characters"),
        ("sort=" + ",".join(["year"] * 51), "more than 50 values"),
        ("&".join(f"x{n}=1" for n in range(1000)), "unknown"),
    ],
)
def test_mistakes_say_what_is_right(client: Client, query: str, told: str) -> None:
    answer = client.get(f"/v1/head-types?{query}")
    assert answer.status_code == 422
    assert told in answer.json()["detail"]
    assert len(answer.content) < 12_000


@pytest.mark.parametrize("listing", LISTS, ids=lambda listing: listing.name)
def test_every_parameter_can_be_asked(client: Client, listing: Listing) -> None:
    """Each is understood; names that the small catalog lacks are told as such, and nothing else."""
    for parameter in listing.parameters.values():
        if listing.name in ("emergence", "examples"):
            path = "/v1/head-types/induction/" + listing.name
            if parameter.field is not None and parameter.field.name == "head_type":
                continue
        else:
            path = f"/v1/{listing.name}"
        value: Any = parameter.example
        if isinstance(value, bool):
            value = str(value).lower()
        answer = client.get(path, params={parameter.name: value})
        if parameter.kind is Kind.NAME and answer.status_code == 422:
            assert "there is no" in answer.json()["detail"], parameter.name
        else:
            assert answer.status_code == 200, (parameter.name, answer.text)


@pytest.fixture(scope="module")
def large(file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("large") / "large.sqlite"
    write_large(file, out, types=50, evidence=5_000)
    return out


def steps(session: Session, listing: Listing, asked: list[tuple[str, str]], kept: Kept) -> int:
    """Instructions of SQLite's machine that a page takes, in tens."""
    connection: Any = session.connection().connection.dbapi_connection
    count = 0

    def tick() -> int:
        nonlocal count
        count += 1
        return 0

    query = query_of(session, listing, asked)
    connection.set_progress_handler(tick, 10)
    try:
        page = read(session, listing, query, kept)
    finally:
        connection.set_progress_handler(None, 0)
    assert len(page.texts) == 20
    return count


@pytest.mark.parametrize("more", [[], [("verdict", "found")], [("sort", "-revision,recipe")]])
def test_no_query_grows_with_the_page(large: Path, more: list[tuple[str, str]]) -> None:
    reader = Reader(large)
    with reader.session() as session:
        kept = Kept()
        common = [*more, ("per_page", "20")]
        first_time = steps(session, EVIDENCE, common, kept)
        shallow = steps(session, EVIDENCE, [*common, ("page", "2")], kept)
        deep = steps(session, EVIDENCE, [*common, ("page", "180")], kept)
        assert deep <= 1.2 * shallow
        assert shallow < first_time  # which row comes where was worked out then
        fresh = steps(session, EVIDENCE, [*common, ("page", "180")], Kept())
        assert fresh <= 1.1 * first_time  # nor does the first question
    reader.close()


def test_what_is_kept_has_a_limit() -> None:
    kept = Kept(limit=10)
    for number in range(100):
        kept.put(number, [0, 0, 0])
    assert kept.get(0) is None
    assert kept.get(99) == [0, 0, 0]
    assert sum(kept.get(number) is not None for number in range(100)) == 2


def test_head_types_have_the_parameters_of_the_guide() -> None:
    wanted = {"stage", "model", "strength", "year_gte", "checked", "verdict", "sort", "select"}
    assert wanted | {"group_by", "page", "per_page"} <= set(HEAD_TYPES.parameters)
