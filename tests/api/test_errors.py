"""One error shape, whatever went wrong."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from api.app import create_app
from catalog import queries
from tests.api.client import Client
from tests.small_entries import GPT2

KEYS = {"type", "title", "status", "detail", "instance"}
MORE = {"errors", "suggestion", "successor", "formats"}


def problem(answer: httpx.Response, status: int) -> dict[str, object]:
    """The problem document of an answer, after checking its shape."""
    assert answer.status_code == status, answer.text[:300]
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, object] = answer.json()
    assert set(document) >= KEYS
    assert set(document) <= KEYS | MORE
    assert document["type"] == "about:blank"
    assert document["status"] == status
    assert str(document["instance"]).isascii()
    assert len(answer.content) < 4000
    return document


@pytest.mark.parametrize(
    ("path", "suggestion"),
    [
        ("/v1/head-types/inductoin", "induction"),
        ("/v1/head-types/inductoin/claims", "induction"),
        ("/v1/head-types/inductoin/evidence", "induction"),
        ("/v1/papers/wang2022io", "wang2022ioi"),
        ("/v1/models/gpt3", GPT2),
        ("/v1/models/gpt3/heads/9.9", GPT2),
        ("/v1/head-type", "/v1/head-types"),
        ("/v1/head-types/", "/v1/head-types"),
        ("/v1/evidence/", "/v1/evidence"),
        ("/v1/models/openai-community/gpt2", f"/v1/models/{GPT2}"),
        ("/v1/models/openai-community/gpt2/heads/9.9", f"/v1/models/{GPT2}/heads/9.9"),
    ],
)
def test_404_says_what_was_meant(client: Client, path: str, suggestion: str) -> None:
    document = problem(client.get(path), 404)
    assert document["suggestion"] == suggestion
    assert f"did you mean {suggestion}?" in str(document["detail"]).replace("'", "")
    assert document["instance"] == path


@pytest.mark.parametrize(
    "path", ["/v1/", "/v1/zzz", "/v2", "/", "/v1/evidence/a/b/c.d", "/v1/head-types/qqqqqqq"]
)
def test_404_where_nothing_is_near(client: Client, path: str) -> None:
    assert "suggestion" not in problem(client.get(path), 404) or path == "/v1/"


def test_what_is_no_id_of_evidence_is_told_how_one_is_written(client: Client) -> None:
    document = problem(client.get("/v1/evidence/qqqqqq"), 404)
    assert "org--name/revision/type.recipe" in str(document["detail"])


def test_head_outside_of_the_model(client: Client) -> None:
    document = problem(client.get("/v1/models/gpt2/heads/12.0"), 404)
    assert "12 layers of 12 heads, 0.0 to 11.11" in str(document["detail"])


@pytest.mark.parametrize("head", ["9.x", "9.", "-1.0", "09.9", "9.9.9", "9.99999", "%D9%A9.1"])
def test_what_is_no_head(client: Client, head: str) -> None:
    answer = client.get(f"/v1/models/gpt2/heads/{head}")
    if head == "9.":  # the address has no head at all
        problem(answer, 404)
    else:
        assert "9.10" in str(problem(answer, 422)["detail"])


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO"])
@pytest.mark.parametrize("path", ["/v1", "/v1/head-types", "/v1/models/gpt2/heads/9.9"])
def test_405_names_what_is_allowed(client: Client, method: str, path: str) -> None:
    answer = client.request(method, path)
    problem(answer, 405)
    assert answer.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    ("path", "has"),
    [
        ("/v1/head-types?stge=latent-reasoning", "did you mean 'stage'?"),
        ("/v1/head-types?year_gt_=2020", "did you mean 'year_gt'?"),
        ("/v1/claims?Model=gpt2", "did you mean 'model'?"),
        ("/v1/evidence?limit=3", "there are: found, group_by, head_type"),
        ("/v1/head-types/induction/claims?head_type=induction", "unknown"),
        ("/v1/models?x", "unknown"),
        ("/v1/models/gpt2?x=1", "this address takes none"),
        ("/v1?callback=f", "this address takes none"),
        ("/v1/stages?page=1", "this address takes none"),
        ("/v1/dump?x=1", "this address takes none"),
        ("/v1/search?q=a&knd=paper", "did you mean 'kind'?"),
    ],
)
def test_unknown_parameters_are_refused(client: Client, path: str, has: str) -> None:
    answer = client.get(path)
    document = problem(answer, 422)
    assert has in str(document["detail"])
    (error,) = answer.json()["errors"]
    assert error["place"] == "query"
    assert error["name"] in path


def test_parameters_given_twice_are_refused(client: Client) -> None:
    assert "twice" in str(problem(client.get("/v1/claims?model=gpt2&model=tiny"), 422)["detail"])


def test_a_parameter_is_told_once_however_often_it_is_given(client: Client) -> None:
    many = "&".join(f"year_gt={year}" for year in range(2000))
    answer = client.get(f"/v1/head-types?{many}&{'stge=x&' * 500}per_page=0")
    problem(answer, 422)
    assert [error["name"] for error in answer.json()["errors"]] == ["year_gt", "stge", "per_page"]


@pytest.mark.parametrize(
    ("given", "status"), [("bytes=99999999-", 416), ("bytes=9-1", 400), ("bytes=a-b", 400)]
)
def test_ranges_that_a_file_does_not_have(file: Path, given: str, status: int) -> None:
    client = Client(create_app(file))  # what is kept already is answered whole
    answer = client.get("/v1/dump.sqlite", headers={"Range": given})
    assert problem(answer, status)["detail"]
    if status == 416:
        assert answer.headers["content-range"] == f"bytes */{file.stat().st_size}"


def test_another_site_may_not_ask_to_change_something(client: Client) -> None:
    asks = {"Origin": "https://example.org", "Access-Control-Request-Method": "DELETE"}
    document = problem(client.options("/v1/head-types", headers=asks), 400)
    assert "method" in str(document["detail"])
    asks["Access-Control-Request-Method"] = "GET"
    assert client.options("/v1/head-types", headers=asks).status_code == 200


def test_a_schema_that_there_is_not_is_told_which_there_are(client: Client) -> None:
    assert "one of head-type, " in str(problem(client.get("/v1/schema/qqqq"), 404)["detail"])


def test_values_that_do_not_exist(client: Client) -> None:
    stage = problem(client.get("/v1/head-types?stage=late"), 422)
    assert "'latent-reasoning'" in str(stage["detail"])
    verdict = problem(client.get("/v1/claims?verdict=true"), 422)
    assert "'not-run'" in str(verdict["detail"])
    model = problem(client.get("/v1/claims?model=gpt22"), 422)
    assert GPT2 in str(model["detail"])
    paper = problem(client.get("/v1/claims?paper=nobody1999"), 422)
    assert "nobody1999" in str(paper["detail"])


def test_moved_ids_answer_301(client: Client) -> None:
    answer = client.get("/v1/head-types/pattern-copier")
    problem(answer, 301)
    assert answer.headers["location"] == "/v1/head-types/induction"
    answer = client.get("/v1/head-types/pattern-copier/claims")
    assert answer.headers["location"] == "/v1/head-types/induction/claims"
    answer = client.get("/v1/models/gpt-two/heads/9.9", follow_redirects=True)
    assert answer.json()["model"] == GPT2


def test_withdrawn_ids_answer_410(client: Client) -> None:
    document = problem(client.get("/v1/head-types/oracle"), 410)
    assert document["successor"] == "/v1/head-types/backup"
    assert "Nobody could repeat it." in str(document["detail"])
    problem(client.get("/v1/head-types/oracle/claims"), 410)


HOSTILE = [
    "%00",
    "a%00b",
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e%2f",
    "....//",
    "%5c..%5c..",
    "a" * 300,
    "a" * 20_000,
    "%ff%fe",
    "%F0%9F%92%A9",
    "%E2%80%AE",
    "%0d%0aSet-Cookie:%20x=1",
    "'%20OR%201=1--",
    "%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
    "%",
    "%zz",
    "*",
    "{id}",
]


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize(
    "where",
    [
        "/v1/head-types/{}",
        "/v1/head-types/{}/claims",
        "/v1/papers/{}",
        "/v1/models/{}",
        "/v1/models/{}/heads/9.9",
        "/v1/models/gpt2/heads/{}",
        "/v1/models/gpt2/heads/9.{}",
        "/v1/evidence/{}",
        "/v1/claims?model={}",
        "/v1/claims?paper={}",
        "/v1/claims?verdict={}",
        "/v1/head-types?{}=1",
        "/v1/{}",
        "/{}",
    ],
)
def test_hostile_input_is_the_askers_mistake(client: Client, where: str, value: str) -> None:
    answer = client.get(where.replace("{}", value))
    assert 400 <= answer.status_code < 500, answer.text[:200]
    problem(answer, answer.status_code)
    assert "set-cookie" not in answer.headers


def test_500_says_nothing_of_the_inside(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret /etc/place")

    monkeypatch.setattr(queries, "stages", broken)
    answer = client.get("/v1/stages", headers={"Origin": "https://example.org"})
    document = problem(answer, 500)
    assert "secret" not in answer.text
    assert document["title"] == "Internal Server Error"
    assert answer.headers["access-control-allow-origin"] == "*"


def test_503_when_the_database_is_gone(file: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite"
    copy.write_bytes(file.read_bytes())
    client = Client(create_app(copy))
    assert client.get("/v1/readyz").status_code == 200
    copy.unlink()
    assert str(tmp_path) not in client.get("/v1/readyz").text
    problem(client.get("/v1/readyz"), 503)
    problem(client.get("/v1/stats"), 503)
    assert client.get("/v1/healthz").status_code == 200
    copy.write_bytes(file.read_bytes())
    assert client.get("/v1/readyz").status_code == 200


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "head-types" / "induction").mkdir(parents=True)
    (tmp_path / "index.html").write_text("<p>home</p>", encoding="utf-8")
    (tmp_path / "head-types" / "induction" / "index.html").write_text("<p>induction</p>")
    (tmp_path / "404.html").write_text("<p>own page</p>", encoding="utf-8")
    return tmp_path


def test_site_beside_the_api(file: Path, site: Path) -> None:
    client = Client(create_app(file, site))
    assert client.get("/").text == "<p>home</p>"
    assert client.get("/head-types/induction/").text == "<p>induction</p>"
    assert client.head("/").status_code == 200
    missing = client.get("/nothing-here")
    assert (missing.status_code, missing.text) == (404, "<p>own page</p>")
    problem(client.get("/v1/nothing-here"), 404)
    problem(client.post("/v1/head-types"), 405)
    problem(client.post("/"), 405)


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_paths_of_the_site(file: Path, site: Path, value: str) -> None:
    (site.parent / "secret.txt").write_text("secret", encoding="utf-8")
    client = Client(create_app(file, site))
    for path in (f"/{value}", f"/head-types/{value}", f"/{value}/../../secret.txt"):
        answer = client.get(path)
        assert answer.status_code in (200, 404)
        assert "secret" not in answer.text
        if answer.status_code == 200:  # "....//" and the like lead home, inside of the site
            assert answer.text in ("<p>home</p>", "<p>induction</p>")


def test_site_only_below_its_folder(file: Path, site: Path) -> None:
    (site.parent / "secret.txt").write_text("secret", encoding="utf-8")
    client = Client(create_app(file, site))
    assert client.get("/..%2fsecret.txt").status_code == 404
    assert client.get("/%2e%2e/secret.txt").status_code == 404


def test_app_needs_a_database(tmp_path: Path) -> None:
    from catalog.database import DatabaseError

    with pytest.raises(DatabaseError, match="run: headbook db"):
        create_app(tmp_path / "none.sqlite")
