"""The static twin: every answer without a query is a file with the same bytes."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import FastAPI
from sqlmodel import Session

from api.twin import addresses_of, file_of, write_twin
from catalog.database import open_session
from tests.api.client import Client
from tests.small_entries import GPT2, PINNED, TINY


@pytest.fixture(scope="module")
def twin(file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("twin") / "v1"
    assert write_twin(file, out) == sum(1 for path in out.rglob("*") if path.is_file())
    return out


@pytest.mark.parametrize(
    "address",
    [
        "/v1/head-types.json",
        "/v1/head-types/induction.json",
        "/v1/head-types/induction.yaml",
        "/v1/head-types/induction.bib",
        "/v1/head-types/induction.jsonld",
        "/v1/head-types/induction/claims.csv",
        "/v1/head-types/induction/evidence.json",
        "/v1/stages.json",
        "/v1/papers.bib",
        "/v1/papers/wang2022ioi.jsonld",
        "/v1/models.json",
        f"/v1/models/{GPT2}.json",
        "/v1/models/gpt2-small.json",
        "/v1/models/gpt2-small/heads/9.9.json",
        "/v1/models/tiny/heads.csv",
        "/v1/claims.json",
        f"/v1/evidence/{TINY}/{PINNED}/induction.copying.npy",
        "/v1/changes.json",
        "/v1/stats.json",
        "/v1/dump.json",
        "/v1/dump.ndjson",
        "/v1/dump.csv",
        "/v1/dump.sqlite",
        "/v1/dump.bib",
        "/v1/dump.jsonld",
        "/v1/schema/head-type.json",
        "/v1/openapi.json",
    ],
)
def test_files_are_what_the_api_answers(client: Client, twin: Path, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 200
    assert file_of(twin, address).read_bytes() == answer.content


def test_every_get_without_a_query_is_a_file(
    app: FastAPI, client: Client, file: Path, twin: Path
) -> None:
    session: Session
    with open_session(file) as session:
        addresses = list(addresses_of(app, session))
    written = {path for path in twin.rglob("*") if path.is_file()}
    wanted = {file_of(twin, address) for address in addresses}
    aliases = {path for path in written - wanted if "models" in path.parts}
    assert wanted == written - aliases  # every record of the small catalog has scores
    for path in aliases:
        inside = path.relative_to(twin).as_posix()
        assert client.get(f"/v1/{inside}").content == path.read_bytes(), inside
    documented = {
        path
        for path, item in app.openapi()["paths"].items()
        if not any(
            p.get("required") and p["in"] == "query" for p in item["get"].get("parameters", ())
        )
    }
    health = {"/v1/healthz", "/v1/readyz"}
    for path in documented - health:
        stem = path.partition("{")[0].removeprefix("/v1").strip("/") or "index"
        assert any(p.relative_to(twin).as_posix().startswith(stem) for p in written), path


def test_index_of_the_twin_is_the_start_of_the_api(client: Client, twin: Path) -> None:
    assert (twin / "index.json").read_bytes() == client.get("/v1").content
