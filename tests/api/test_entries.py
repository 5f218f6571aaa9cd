"""The shipped entries through the API: what their YAML says is what is answered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from api.app import create_app
from catalog import database, places
from catalog.loading import load
from tests.api.client import Client

ENTRIES = places.data_root() / "entries"


def entries(kind: str) -> list[dict[str, Any]]:
    """The files of a folder, read without this project's own reader."""
    files = sorted((ENTRIES / kind).glob("*.yaml"))
    return [yaml.safe_load(file.read_text(encoding="utf-8")) for file in files]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Client:
    file: Path = tmp_path_factory.mktemp("shipped") / "headbook.sqlite"
    database.build(load(ENTRIES), file)
    return Client(create_app(file))


def every(client: Client, kind: str) -> list[str]:
    """Ids on all pages of a list."""
    found: list[str] = []
    page: dict[str, Any] = {"pages": 1}
    for number in range(1, 1000):
        if number > page["pages"]:
            return found
        answer = client.get(f"/v1/{kind}", params={"page": number, "per_page": 50}).json()
        page = answer["meta"]
        found += [item["id"] for item in answer["results"]]
    raise AssertionError("no end of pages")


def test_every_entry_has_an_answer(client: Client) -> None:
    for kind in ("head-types", "papers", "models"):
        written = {entry["id"] for entry in entries(kind)}
        assert written
        assert set(every(client, kind)) == written
        for name in written:
            assert client.get(f"/v1/{kind}/{name}").json()["id"] == name


def test_every_claimed_head_lists_its_claim(client: Client) -> None:
    seen = 0
    for entry in entries("head-types"):
        for number, claim in enumerate(entry.get("claims", []), start=1):
            for head in claim.get("heads", []):
                answer = client.get(f"/v1/models/{claim['model']}/heads/{head}").json()
                found = {item["id"]: item for item in answer["claim_results"]}
                assert found[f"{entry['id']}/{number}"]["paper"] == claim["paper"]
                assert found[f"{entry['id']}/{number}"]["place"] == claim["place"]
                seen += 1
    assert seen > 20


def test_a_type_without_claims_says_why(client: Client) -> None:
    seen = 0
    for entry in entries("head-types"):
        answer = client.get(f"/v1/head-types/{entry['id']}").json()["no_claims"]
        assert (answer is None) == bool(entry.get("claims"))
        if answer is not None:
            written = entry["no-claims"]
            assert (answer["reason"], answer["source"]) == (
                written["reason"].strip(),
                written["source"],
            )
            assert answer["checked"]["state"] == written["checked"]["state"]
            seen += 1
    assert seen > 10


def test_head_9_9_of_gpt2_is_claimed_by_wang_et_al(client: Client) -> None:
    head = client.get("/v1/models/gpt2-small/heads/9.9").json()
    claims = [(claim["head_type"], claim["paper"]) for claim in head["claim_results"]]
    assert ("name-mover", "wang2022ioi") in claims


def test_every_alias_answers(client: Client) -> None:
    for model in entries("models"):
        for alias in model.get("aliases", []):
            assert client.get(f"/v1/models/{alias}").json()["id"] == model["id"]


def test_evidence_in_full(client: Client) -> None:
    files = sorted((ENTRIES / "evidence").glob("*/*/*.*.json"))  # not examples, not checkpoints
    written = {str(file.relative_to(ENTRIES / "evidence").with_suffix("")) for file in files}
    assert set(every(client, "evidence")) == written
    for name in written:
        assert client.get(f"/v1/evidence/{name}").json()["id"] == name


def test_numbers_are_those_of_the_files(client: Client) -> None:
    stats = client.get("/v1/stats").json()
    types = entries("head-types")
    assert stats["head_types"] == len(types)
    assert stats["claims"] == sum(len(entry.get("claims", [])) for entry in types)
    without = [entry["no-claims"] for entry in types if not entry.get("claims")]
    assert stats["head_types_without_claims"] == len(without)
    assert sum(stats["no_claims_by_checked"].values()) == len(without)
    assert stats["recipes"] == sum(len(entry.get("recipes", [])) for entry in types)
    assert stats["papers"] == len(entries("papers"))
    assert stats["models"] == len(entries("models"))
