"""Every route, against what ``tests/small_entries.py`` says."""

from __future__ import annotations

import pytest
from fastapi import FastAPI

from catalog import places
from tests.api.client import Client
from tests.small_entries import GPT2, OLDER, PINNED, TINY


def test_index_names_every_address(client: Client, app: FastAPI) -> None:
    index = client.get("/v1").json()
    assert index["name"] == "headbook"
    assert {address["path"] for address in index["addresses"]} == set(app.openapi()["paths"])
    (types,) = (a for a in index["addresses"] if a["path"] == "/v1/head-types/{id}")
    assert types["formats"] == [".json", ".yaml", ".bib", ".jsonld"]


def test_the_licence_of_the_data_is_named(client: Client) -> None:
    address = "https://creativecommons.org/licenses/by/4.0/"
    assert address in (places.data_root() / "LICENSE-DATA").read_text(encoding="utf-8")
    licence = client.get("/v1").json()["licence"]
    assert "CC BY 4.0" in licence
    assert address in licence
    about = client.get("/v1/openapi.json").json()["info"]
    assert about["license"] == {"name": "CC BY 4.0", "url": address}


def test_head_types(client: Client) -> None:
    found = client.get("/v1/head-types").json()["results"]
    assert [entry["id"] for entry in found] == ["induction", "backup", "name-mover"]
    assert found[0]["found_in"] == [TINY]
    late = client.get("/v1/head-types", params={"stage": "expression-preparation"}).json()[
        "results"
    ]
    assert [entry["id"] for entry in late] == ["backup", "name-mover"]
    for name in ("tiny", TINY, "tiny/grouped"):
        here = client.get("/v1/head-types", params={"found_in": name}).json()["results"]
        assert [entry["id"] for entry in here] == ["induction"]


def test_head_type_is_written_as_its_entry_is(client: Client) -> None:
    entry = client.get("/v1/head-types/induction").json()
    assert entry["identify"] == {"all-of": ["prefix-matching", "copying"], "any-of": None}
    assert entry["recipes"][0]["measure"] == {
        "kind": "attention",
        "query": "repeat",
        "key": "after-previous-copy",
    }
    assert entry["strength"] == ["pattern", "weights"]
    assert entry["action"] == {"query": "q", "key": "k", "value": "v", "output": "o"}


def test_parts_of_a_head_type(client: Client) -> None:
    claims = client.get("/v1/head-types/name-mover/claims").json()["results"]
    assert [claim["id"] for claim in claims] == ["name-mover/1"]
    evidence = client.get("/v1/head-types/induction/evidence").json()["results"]
    assert [item["revision"] for item in evidence] == [PINNED, PINNED, OLDER, OLDER]
    assert client.get("/v1/head-types/backup/evidence").json()["results"] == []


def test_stages(client: Client) -> None:
    stages = client.get("/v1/stages").json()["results"]
    assert [(stage["id"], stage["head_types"]) for stage in stages] == [
        ("knowledge-recalling", 0),
        ("in-context-identification", 1),
        ("latent-reasoning", 0),
        ("expression-preparation", 2),
    ]


def test_papers(client: Client) -> None:
    papers = client.get("/v1/papers").json()["results"]
    assert [paper["id"] for paper in papers] == ["olsson2022induction", "wang2022ioi"]
    paper = client.get("/v1/papers/wang2022ioi").json()
    assert paper["authors"] == "Wang et al."
    assert paper["bibtex"].startswith("@misc{wang2022ioi,")
    assert [claim["id"] for claim in paper["claim_results"]] == ["name-mover/1"]


@pytest.mark.parametrize("name", [GPT2, "gpt2", "gpt2-small", "GPT2"])
def test_model_by_alias(client: Client, name: str) -> None:
    model = client.get(f"/v1/models/{name}").json()
    assert (model["id"], model["layers"], model["heads"]) == (GPT2, 12, 12)


def test_models(client: Client) -> None:
    models = client.get("/v1/models").json()["results"]
    assert [(model["id"], model["verified"]) for model in models] == [(GPT2, False), (TINY, True)]


@pytest.mark.parametrize("name", [GPT2, "gpt2", "gpt2-small"])
def test_head_9_9_lists_the_claim(client: Client, name: str) -> None:
    head = client.get(f"/v1/models/{name}/heads/9.9").json()
    assert (head["model"], head["layer"], head["index"]) == (GPT2, 9, 9)
    (claim,) = head["claim_results"]
    assert claim["id"] == "name-mover/1"
    assert claim["heads"] == ["9.9", "9.6", "10.0"]
    assert (claim["paper"], claim["place"]) == ("wang2022ioi", "section 3")
    assert claim["verdict"] == "not-run"


def test_head_with_evidence(client: Client) -> None:
    head = client.get("/v1/models/tiny/heads/1.2").json()
    assert head["types"] == ["induction"]
    assert head["group_mates"] == ["1.3"]
    first = head["scores"][1]
    assert (first["recipe"], first["score"], first["low"], first["high"]) == (
        "prefix-matching",
        0.9,
        0.85,
        0.95,
    )
    assert (first["rank"], first["of"], first["status"]) == (1, 8, "passes")


def test_claims_by_filter(client: Client) -> None:
    def ids(**filters: str) -> list[str]:
        return [claim["id"] for claim in client.get("/v1/claims", params=filters).json()["results"]]

    assert ids() == ["induction/1", "name-mover/1"]
    assert ids(model="gpt2") == ["name-mover/1"]
    assert ids(paper="olsson2022induction", head_type="induction") == ["induction/1"]
    assert ids(verdict="not-run") == ["name-mover/1"]
    assert ids(verdict="reproduced", model="gpt2") == []


def test_evidence(client: Client) -> None:
    assert len(client.get("/v1/evidence").json()["results"]) == 4
    assert len(client.get("/v1/evidence", params={"verdict": "not-found"}).json()["results"]) == 1
    name = f"{TINY}/{PINNED}/induction.prefix-matching"
    item = client.get(f"/v1/evidence/{name}").json()
    assert item["id"] == name
    assert item["found"] == ["1.2", "1.3"]
    assert item["record"]["scores"]["mean"][1] == [0.1, 0.3, 0.9, 0.8]
    assert client.get(f"/v1/evidence/{name.replace('/', '%2F')}").json() == item


def test_stats_and_health(client: Client) -> None:
    stats = client.get("/v1/stats").json()
    assert (stats["head_types"], stats["claims"], stats["evidence"]) == (3, 2, 4)
    ready = client.get("/v1/readyz")
    assert ready.json() == {"status": "ready", "dataset": stats["dataset"]}
    health = client.get("/v1/healthz")
    assert health.json()["status"] == "ok"
    for answer in (ready, health):
        assert answer.headers["cache-control"] == "no-store"
        assert "etag" not in answer.headers


def test_no_page_that_loads_from_other_hosts(client: Client) -> None:
    for path in ("/docs", "/redoc", "/v1/docs", "/v1/redoc"):
        assert client.get(path).status_code == 404
