"""What HTTP asks of an answer: validators, compression, negotiation, CORS, request ids."""

from __future__ import annotations

import dataclasses
import gzip
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
from fastapi import FastAPI

from api.app import create_app
from catalog import database
from catalog.loading import load
from tests import small_entries
from tests.api.client import Client
from tests.small_entries import PINNED, TINY

PATHS = ("/v1", "/v1/head-types", "/v1/head-types/induction.csv", "/v1/models/gpt2/heads/9.9")
ENTRY = "/v1/head-types/induction"


def test_etag_is_strong_and_differs_by_answer(client: Client) -> None:
    tags = [
        client.get(path, headers={"Accept-Encoding": coding}).headers["etag"]
        for path in (ENTRY, f"{ENTRY}.json", f"{ENTRY}.yaml", "/v1/head-types?page=1", "/v1/papers")
        for coding in ("identity", "gzip")
    ]
    assert all(tag.startswith('"') and tag.endswith('"') for tag in tags)
    assert len(set(tags)) == len(tags)
    by_accept = {
        client.get(ENTRY, headers={"Accept": kind}).headers["etag"]
        for kind in ("application/json", "application/yaml", "application/ld+json")
    }
    assert len(by_accept) == 3


def test_not_modified(client: Client) -> None:
    first = client.get(ENTRY)
    tag = first.headers["etag"]
    for given in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = client.get(ENTRY, headers={"If-None-Match": given})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
        assert again.headers["vary"] == first.headers["vary"]
        assert again.headers["cache-control"] == first.headers["cache-control"]
        assert "content-type" not in again.headers
    for other in ('"other"', tag.strip('"'), '""', "nonsense"):
        assert client.get(ENTRY, headers={"If-None-Match": other}).status_code == 200
    assert client.get("/v1/head-types/none", headers={"If-None-Match": "*"}).status_code == 404


def test_last_modified(client: Client, file: Path) -> None:
    first = client.get(ENTRY)
    written = parsedate_to_datetime(first.headers["last-modified"]).timestamp()
    assert written == int(file.stat().st_mtime)
    since = {"If-Modified-Since": first.headers["last-modified"]}
    assert client.get(ENTRY, headers=since).status_code == 304
    before = {"If-Modified-Since": "Mon, 01 Jan 2001 00:00:00 GMT"}
    assert client.get(ENTRY, headers=before).status_code == 200
    assert client.get(ENTRY, headers={"If-Modified-Since": "yesterday"}).status_code == 200
    both = {**since, "If-None-Match": '"other"'}  # the tag decides
    assert client.get(ENTRY, headers=both).status_code == 200


def test_other_data_have_other_tags_and_are_served_at_once(tmp_path: Path) -> None:
    catalog = load(small_entries.write(tmp_path))
    target = tmp_path / "headbook.sqlite"
    database.build(catalog, target)
    client = Client(create_app(target))
    before = client.get("/v1/evidence")
    assert before.json()["meta"]["count"] == 4
    database.build(dataclasses.replace(catalog, evidence={}, version="f" * 12), target)
    after = client.get("/v1/evidence", headers={"If-None-Match": before.headers["etag"]})
    assert after.status_code == 200
    assert after.json()["meta"]["count"] == 0
    assert after.headers["etag"] != before.headers["etag"]


def test_an_answer_is_worked_out_once(
    client: Client, monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    fresh = Client(create_app(file))
    first = fresh.get("/v1/papers?sort=-title")
    monkeypatch.setattr("api.dependencies.render", None)  # whoever writes it again fails
    assert fresh.get("/v1/papers?sort=-title").content == first.content
    assert fresh.get("/v1/papers?sort=title").status_code == 500


@pytest.mark.parametrize("path", PATHS)
def test_gzip(client: Client, path: str) -> None:
    path = path.replace("induction.csv", "induction.yaml")
    plain = client.get(path, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert int(plain.headers["content-length"]) == len(plain.content)
    packed = client.get(path, headers={"Accept-Encoding": "br;q=1.0, gzip;q=0.8"})
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < len(plain.content)
    assert packed.content == plain.content  # httpx has unpacked it
    for refused in ("gzip;q=0", "br", "gzip; q=0.0"):
        answer = client.get(path, headers={"Accept-Encoding": refused})
        assert "content-encoding" not in answer.headers
    assert gzip.decompress(gzip.compress(plain.content)) == plain.content


def test_head_is_get_without_a_body(client: Client) -> None:
    paths = (*PATHS[:2], "/v1/head-types/nothing", "/v1/openapi.json", "/v1/dump.sqlite")
    for path in (*paths, "/v1/dump.json", "/v1/healthz"):
        got, head = client.get(path), client.head(path)
        assert head.status_code == got.status_code
        assert head.headers["content-type"] == got.headers["content-type"]
        assert head.headers.get("etag") == got.headers.get("etag")
        assert head.headers.get("content-length") == got.headers.get("content-length")
        assert head.content == b""


def test_every_answer_varies_and_may_be_read_by_any_page(client: Client) -> None:
    for path in (*PATHS[:2], "/v1/head-types/nothing", "/v1/nothing", "/v1/claims?x=1"):
        answer = client.get(path)
        assert answer.headers["vary"] == "Accept, Accept-Encoding"
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "ETag" in answer.headers["access-control-expose-headers"]
        assert answer.headers.get_list("access-control-allow-origin") == ["*"]
    assert client.get(ENTRY).headers["cache-control"] == "public, max-age=300"
    assert client.get("/v1/nothing").headers["cache-control"] == "no-cache"


def test_request_ids(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = {client.get(path).headers["x-request-id"] for path in (ENTRY, ENTRY, "/v1/none")}
    assert len(seen) == 3
    given = client.get(ENTRY, headers={"X-Request-ID": "trace-7.a_b"})
    assert given.headers["x-request-id"] == "trace-7.a_b"
    assert given.headers.get_list("x-request-id") == ["trace-7.a_b"]
    for hostile in ("a b", "a" * 200, "<script>"):
        answer = client.get(ENTRY, headers={"X-Request-ID": hostile})
        assert answer.headers["x-request-id"] != hostile
    monkeypatch.setattr("catalog.queries.stages", None)
    broken = client.get("/v1/stages", headers={"X-Request-ID": "trace-8"})
    assert (broken.status_code, broken.headers["x-request-id"]) == (500, "trace-8")


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("*/*", "application/json"),
        ("", "application/json"),
        ("application/yaml", "application/yaml"),
        ("text/html, application/ld+json;q=0.5, */*;q=0.1", "application/ld+json"),
        ("application/x-bibtex", "application/x-bibtex; charset=utf-8"),
        ("application/json;q=0.2, text/yaml", "application/yaml"),
        ("application/*", "application/json"),
        ("application/json;q=0, */*", "application/yaml"),
    ],
)
def test_accept(client: Client, accept: str, kind: str) -> None:
    assert client.get(ENTRY, headers={"Accept": accept}).headers["content-type"] == kind


@pytest.mark.parametrize("accept", ["image/png", "text/csv", "nonsense", "application/json;q=0"])
def test_not_acceptable(client: Client, accept: str) -> None:
    answer = client.get(ENTRY, headers={"Accept": accept})
    assert answer.status_code == 406
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["formats"] == [
        "application/json",
        "application/yaml",
        "application/x-bibtex",
        "application/ld+json",
    ]


def test_a_suffix_that_there_is_not(client: Client) -> None:
    for path in (f"{ENTRY}.csv", f"{ENTRY}.npy", "/v1/models.bib", "/v1/stats.csv"):
        answer = client.get(path, headers={"Accept": "text/csv"})
        assert answer.status_code == 404
        assert ".json (application/json)" in answer.json()["detail"]
    answer = client.get(f"/v1/evidence/{TINY}/{PINNED}/induction.csv")  # no recipe of that name
    assert answer.status_code == 404


def test_moved_and_withdrawn_keep_the_suffix(client: Client) -> None:
    moved = client.get("/v1/head-types/pattern-copier.yaml")
    assert (moved.status_code, moved.headers["location"]) == (301, "/v1/head-types/induction.yaml")
    assert client.get("/v1/head-types/oracle.bib").status_code == 410


def test_the_shelf_has_a_limit(app: FastAPI, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.shelf._LIMIT", 20_000)
    client = Client(create_app(file))
    for number in range(1, 200):
        assert client.get(f"/v1/papers?per_page={number}").status_code == 200
    shelf = client._app.middleware_stack
    while not hasattr(shelf, "_kept"):
        shelf = shelf.app  # type: ignore[union-attr]
    assert len(shelf._kept) < 20
    assert shelf._size <= 20_000
