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
    assert set(index["addresses"]) == {*app.openapi()["paths"], "/v1/openapi.json"}
    assert "/v1/models/{model}/heads/{layer}.{head}" in index["addresses"]


def test_the_licence_of_the_data_is_named(client: Client) -> None:
    address = "https://creativecommons.org/licenses/by/4.0/"
    assert address in (places.data_root() / "LICENSE-DATA").read_text(encoding="utf-8")
    licence = client.get("/v1").json()["licence"]
    assert "CC BY 4.0" in licence
    assert address in licence
    about = client.get("/v1/openapi.json").json()["info"]
    assert about["license"] == {"name": "CC BY 4.0", "url": address}


def test_head_types(client: Client) -> None:
    found = client.get("/v1/head-types").json()
    assert [entry["id"] for entry in found] == ["induction", "backup", "name-mover"]
    assert found[0]["found_in"] == [TINY]
    late = client.get("/v1/head-types", params={"stage": "expression-preparation"}).json()
    assert [entry["id"] for entry in late] == ["backup", "name-mover"]
    for name in ("tiny", TINY, "tiny/grouped"):
        here = client.get("/v1/head-types", params={"found_in": name}).json()
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
    claims = client.get("/v1/head-types/name-mover/claims").json()
    assert [claim["id"] for claim in claims] == ["name-mover/1"]
    evidence = client.get("/v1/head-types/induction/evidence").json()
    assert [item["revision"] for item in evidence] == [PINNED, PINNED, OLDER, OLDER]
    assert client.get("/v1/head-types/backup/evidence").json() == []


def test_stages(client: Client) -> None:
    stages = client.get("/v1/stages").json()
    assert [(stage["id"], stage["head_types"]) for stage in stages] == [
        ("knowledge-recalling", 0),
        ("in-context-identification", 1),
        ("latent-reasoning", 0),
        ("expression-preparation", 2),
    ]


def test_papers(client: Client) -> None:
    papers = client.get("/v1/papers").json()
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
    models = client.get("/v1/models").json()
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
        return [claim["id"] for claim in client.get("/v1/claims", params=filters).json()]

    assert ids() == ["induction/1", "name-mover/1"]
    assert ids(model="gpt2") == ["name-mover/1"]
    assert ids(paper="olsson2022induction", head_type="induction") == ["induction/1"]
    assert ids(verdict="not-run") == ["name-mover/1"]
    assert ids(verdict="reproduced", model="gpt2") == []


def test_evidence(client: Client) -> None:
    assert len(client.get("/v1/evidence").json()) == 4
    assert len(client.get("/v1/evidence", params={"verdict": "not-found"}).json()) == 1
    name = f"{TINY}/{PINNED}/induction.prefix-matching"
    item = client.get(f"/v1/evidence/{name}").json()
    assert item["id"] == name
    assert item["found"] == ["1.2", "1.3"]
    assert item["record"]["scores"]["mean"][1] == [0.1, 0.3, 0.9, 0.8]
    assert client.get(f"/v1/evidence/{name.replace('/', '%2F')}").json() == item


def test_stats_and_health(client: Client) -> None:
    stats = client.get("/v1/stats").json()
    assert (stats["head_types"], stats["claims"], stats["evidence"]) == (3, 2, 4)
    health = client.get("/v1/healthz").json()
    assert health == {"status": "ok", "dataset": stats["dataset"]}


def test_openapi_describes_every_answer(client: Client, app: FastAPI) -> None:
    document = client.get("/v1/openapi.json").json()
    assert document == app.openapi()
    for path, item in document["paths"].items():
        assert path.startswith("/v1")
        assert set(item) == {"get"}, "read-only"
        operation = item["get"]
        assert operation["description"]
        schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
        assert schema.get("$ref") or schema["items"]["$ref"]
        for status in ("422", "500"):
            content = operation["responses"][status]["content"]
            assert content == {
                "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
            }
        for parameter in operation.get("parameters", []):
            assert parameter["description"], f"{path}: {parameter['name']}"
    assert "Problem" in document["components"]["schemas"]
    assert "ParameterError" in document["components"]["schemas"]
    assert "HTTPValidationError" not in document["components"]["schemas"]


def test_answers_fit_the_openapi_file(client: Client) -> None:
    """Every property that is sent is described, and every one described as required is sent."""
    document = client.get("/v1/openapi.json").json()
    values = {
        "/v1/papers/{id}": "/v1/papers/wang2022ioi",
        "/v1/models/{model}": "/v1/models/tiny",
        "/v1/models/{model}/heads/{layer}.{head}": "/v1/models/tiny/heads/1.2",
        "/v1/evidence/{id}": f"/v1/evidence/{TINY}/{PINNED}/induction.copying",
    }
    for path, item in document["paths"].items():
        address = values.get(path, path.replace("{id}", "induction"))
        answer = client.get(address)
        assert answer.status_code == 200, address
        schema = item["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        body = answer.json()
        shown = body if "$ref" in schema else body[0]
        name = (schema.get("$ref") or schema["items"]["$ref"]).rpartition("/")[2]
        described = document["components"]["schemas"][name]
        assert set(described["required"]) <= set(shown) <= set(described["properties"]), address


def test_no_page_that_loads_from_other_hosts(client: Client) -> None:
    for path in ("/docs", "/redoc", "/v1/docs", "/v1/redoc"):
        assert client.get(path).status_code == 404


def test_head_is_get_without_a_body(client: Client) -> None:
    for path in ("/v1/head-types", "/v1/head-types/nothing", "/v1/openapi.json"):
        got, head = client.get(path), client.head(path)
        assert head.status_code == got.status_code
        assert head.headers["content-type"] == got.headers["content-type"]
        assert head.headers["content-length"] == str(len(got.content))
        assert head.content == b""


def test_any_page_may_read(client: Client) -> None:
    origin = {"Origin": "https://example.org"}
    for path in ("/v1/head-types", "/v1/head-types/nothing", "/v1/nothing"):
        answer = client.get(path, headers=origin)
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers
        assert "set-cookie" not in answer.headers
    preflight = {**origin, "Access-Control-Request-Method": "GET"}
    assert client.options("/v1/head-types", headers=preflight).status_code == 200
    preflight["Access-Control-Request-Method"] = "DELETE"
    assert client.options("/v1/head-types", headers=preflight).status_code == 400
