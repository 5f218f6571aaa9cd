"""Every format, read by somebody else's reader."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from pathlib import Path

import numpy as np
import pytest
import yaml

from catalog.formats.numpy_file import matrix
from catalog.formats.tables import cell
from tests.api.client import Client
from tests.small_entries import PINNED, TINY

RECORD = f"/v1/evidence/{TINY}/{PINNED}/induction.prefix-matching"


@pytest.mark.parametrize(
    "path",
    ["/v1/head-types", "/v1/head-types/induction", "/v1/stats", RECORD, "/v1/models/tiny/heads"],
)
def test_yaml_says_what_json_says(client: Client, path: str) -> None:
    assert yaml.safe_load(client.get(f"{path}.yaml").text) == client.get(f"{path}.json").json()


def test_scores_as_numpy(client: Client) -> None:
    scores = np.load(io.BytesIO(client.get(f"{RECORD}.npy").content), allow_pickle=False)
    record = client.get(RECORD).json()["record"]
    assert scores.dtype == np.float64
    assert np.array_equal(scores, np.array(record["scores"]["mean"]))


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (48, 64), (100, 1)])
def test_numpy_files_are_those_of_numpy(shape: tuple[int, int]) -> None:
    numbers = np.arange(shape[0] * shape[1], dtype="<f8").reshape(shape) / 7
    out = io.BytesIO()
    np.save(out, numbers)
    assert matrix(tuple(tuple(row) for row in numbers.tolist())) == out.getvalue()
    (hole,) = np.load(io.BytesIO(matrix(((None, 1.0),))))
    assert np.isnan(hole[0])
    assert hole[1] == 1.0


def test_scores_as_csv(client: Client) -> None:
    lines = list(csv.DictReader(io.StringIO(client.get(f"{RECORD}.csv").text)))
    assert len(lines) == 8
    best = next(line for line in lines if (line["layer"], line["head"]) == ("1", "2"))
    assert (float(best["score"]), best["status"], best["rank"]) == (0.9, "passes", "1")


def test_lists_as_csv(client: Client) -> None:
    lines = list(csv.DictReader(io.StringIO(client.get("/v1/head-types.csv").text)))
    assert [line["id"] for line in lines] == ["induction", "backup", "name-mover"]
    assert lines[0]["found_in"] == TINY
    assert lines[0]["aliases"] == "pattern completion head"
    assert lines[0]["runnable"] == "true"
    empty = client.get("/v1/claims.csv?checked=unchecked").text
    assert empty.startswith("id,head_type,")
    assert empty.count("\n") == 1


@pytest.mark.parametrize("text", ["=1+1", "+a", "-a", "@a", "\ta"])
def test_cells_are_no_formulas(text: str) -> None:
    assert cell(text) == f"'{text}"
    assert cell(-1.5) == -1.5
    assert cell([text]).startswith("'")


def test_bibliographies(client: Client) -> None:
    entry = client.get("/v1/head-types/name-mover.bib").text
    assert "@misc{wang2022ioi," in entry
    every = client.get("/v1/papers.bib").text
    assert every.count("@misc{") == 2
    assert client.get("/v1/models/gpt2.bib").text.count("@misc{") == 1
    assert client.get("/v1/dump.bib").text.count("@misc{") == 2


def test_linked_data(client: Client) -> None:
    entry = client.get("/v1/head-types/induction.jsonld").json()
    assert (entry["@context"], entry["@type"]) == ("https://schema.org", "DefinedTerm")
    assert entry["@id"] == "/v1/head-types/induction"
    every = client.get("/v1/head-types.jsonld").json()
    assert every["@type"] == "DefinedTermSet"
    assert len(every["hasDefinedTerm"]) == 3
    paper = client.get("/v1/papers/wang2022ioi.jsonld").json()
    assert paper["@type"] == "ScholarlyArticle"
    assert paper["author"][0] == {"@type": "Person", "name": "Kevin Wang"}
    assert paper["datePublished"] == "2022"
    record = client.get(f"{RECORD}.jsonld").json()
    assert record["@type"] == "Dataset"
    for download in record["distribution"]:
        answer = client.get(download["contentUrl"])
        assert answer.headers["content-type"].startswith(download["encodingFormat"])


def test_dumps_hold_everything(client: Client, file: Path, tmp_path: Path) -> None:
    whole = client.get("/v1/dump.json").json()
    counts = {name: len(part) for name, part in whole.items() if isinstance(part, list)}
    assert counts == {
        "head_types": 3,
        "papers": 2,
        "models": 2,
        "claims": 2,
        "evidence": 4,
        "emergence": 0,
        "changes": 2,
        "redirects": 3,
    }
    assert whole["dataset"] == client.get("/v1/stats").json()["dataset"]
    assert whole["head_types"][0] == client.get("/v1/head-types/induction").json()
    lines = [json.loads(line) for line in client.get("/v1/dump.ndjson").text.splitlines()]
    assert [line["record"] for line in lines if line["kind"] == "evidence"] == whole["evidence"]
    table = list(csv.DictReader(io.StringIO(client.get("/v1/dump.csv").text)))
    assert len(table) == 3 + 2 + 2 + 2 + 4 + 2
    assert json.loads(table[0]["record"]) == whole["head_types"][0]
    graph = client.get("/v1/dump.jsonld").json()["@graph"]
    assert sum(node["@type"] == "ScholarlyArticle" for node in graph) == 2
    copy = tmp_path / "copy.sqlite"
    copy.write_bytes(client.get("/v1/dump.sqlite").content)
    with sqlite3.connect(copy) as connection:
        assert connection.execute("SELECT count(*) FROM evidence").fetchone() == (4,)
    connection.close()
    for suffix in ("json", "ndjson", "csv", "sqlite", "bib", "jsonld"):
        first = client.get(f"/v1/dump.{suffix}")
        assert f'.{suffix}"' in first.headers["content-disposition"]
        tag = {"If-None-Match": first.headers["etag"]}
        assert client.get(f"/v1/dump.{suffix}", headers=tag).status_code == 304


def test_schemas(client: Client) -> None:
    for address in client.get("/v1/schema").json()["schemas"]:
        assert client.get(address).json()["$schema"].startswith("https://json-schema.org/")
    missing = client.get("/v1/schema/head-tipe.json")
    assert missing.status_code == 404
    assert missing.json()["detail"] == "there is no schema 'head-tipe'; did you mean 'head-type'?"
