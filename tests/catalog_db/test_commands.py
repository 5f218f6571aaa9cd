"""``headbook db``, ``show`` and ``stats`` on the small entries."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from catalog import database, queries
from catalog.commands import main as command
from catalog.loading import Catalog
from tests.small_entries import GPT2, TINY


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, what was printed, what was complained about."""
    try:
        code = command.app(list(arguments), standalone_mode=False) or 0
    except command.CommandError as error:
        code = error.exit_code
        print(f"headbook: {error}", file=__import__("sys").stderr)
    out, errors = capsys.readouterr()
    return code, out, errors


def test_db_writes_the_database(
    entries: Path, catalog: Catalog, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new folder" / "x.sqlite"
    code, said, _ = run(capsys, "db", "--out", str(out), "--entries", str(entries))
    assert code == 0
    assert out.read_bytes() == file.read_bytes()
    assert "3 head types, 2 papers, 2 models, 4 evidence records" in said
    assert catalog.version in said


def test_db_with_further_evidence(
    entries: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = next((entries / "evidence" / TINY).glob("a*/induction.copying.json"))
    record = json.loads(source.read_text(encoding="utf-8"))
    record["model"]["revision"] = "mine"
    place = tmp_path / "own" / TINY / "mine" / source.name
    place.parent.mkdir(parents=True)
    place.write_text(json.dumps(record), encoding="utf-8")
    out = tmp_path / "x.sqlite"
    arguments = ["--out", str(out), "--entries", str(entries), "--evidence", str(tmp_path / "own")]
    assert run(capsys, "db", *arguments)[0] == 0
    with database.open_session(out) as session:
        assert f"{TINY}/mine/induction.copying" in {
            item.id for item in queries.evidence_list(session)
        }


def test_db_that_cannot_be_written(
    entries: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, errors = run(capsys, "db", "--out", str(tmp_path), "--entries", str(entries))
    assert code == 2
    assert "is a folder" in errors
    blocked = tmp_path / "file"
    blocked.write_text("", encoding="utf-8")
    out = str(blocked / "x.sqlite")
    code, _, errors = run(capsys, "db", "--out", out, "--entries", str(entries))
    assert code == 1
    assert "--out" in errors


def test_db_with_entries_that_are_not_valid(
    entries: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "entries"
    (bad / "papers").mkdir(parents=True)
    (bad / "papers" / "doe2020x.yaml").write_text("id: doe2020x\n", encoding="utf-8")
    out = tmp_path / "x.sqlite"
    code, _, errors = run(capsys, "db", "--out", str(out), "--entries", str(bad))
    assert code == 1
    assert "papers/doe2020x.yaml" in errors
    assert not out.exists()
    code, _, errors = run(capsys, "db", "--entries", str(tmp_path / "none"))
    assert code == 2
    assert "there is no folder" in errors


def test_show_a_head(entries: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said, _ = run(capsys, "show", "gpt2", "9.9", "--entries", str(entries))
    assert code == 0
    for word in ("GPT-2 small 9.9", GPT2, "name-mover", "wang2022ioi", "section 3", "not-run"):
        assert word in said
    assert "\x1b" not in said  # plain where it is not a terminal
    _, said, _ = run(capsys, "show", "tiny", "1.2", "--entries", str(entries))
    for word in ("found to be: induction", "1.3", "0.900", "0.850 to 0.950", "1 of 8", "passes"):
        assert word in said
    _, said, _ = run(capsys, "show", "gpt2", "0.0", "--entries", str(entries))
    assert "No claim names it." in said


def test_show_a_head_as_json(entries: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--entries", str(entries), "--format", "json"]
    _, said, _ = run(capsys, "show", "gpt2", "9.9", *arguments)
    assert [claim["id"] for claim in json.loads(said)["claim_results"]] == ["name-mover/1"]


def test_show_a_head_type(entries: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, said, _ = run(capsys, "show", "induction", "--entries", str(entries))
    for word in ("Induction head", "all of prefix-matching, copying", TINY, "1.2", "Olsson et al."):
        assert word in said
    _, said, _ = run(capsys, "show", "name-mover", "--entries", str(entries))
    assert "The model must do the task." in said
    assert "None." not in said  # it has claims
    _, said, _ = run(capsys, "show", "backup", "--entries", str(entries))
    assert "None. Plots them without numbers. (wang2022ioi; secondary)" in said


def test_show_a_model_and_a_paper(entries: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, said, _ = run(capsys, "show", "gpt2", "--entries", str(entries))
    for word in ("12 layers of 12 heads", "gpt2-small", "9.9, 9.6, 10.0", "not-run"):
        assert word in said
    _, said, _ = run(capsys, "show", "tiny", "--entries", str(entries))
    assert "2 layers of 4 heads (2 key-value heads)" in said
    _, said, _ = run(capsys, "show", "wang2022ioi", "--entries", str(entries))
    for word in ("Interpretability in the Wild", "Kevin Wang", "and others", "name-mover"):
        assert word in said


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["inductoin"], 1, "did you mean induction?"),
        (["gpt22"], 1, f"did you mean {GPT2}?"),
        (["gpt22", "9.9"], 1, GPT2),
        (["gpt2", "12.0"], 1, "12 layers of 12 heads"),
        (["gpt2", "nine"], 2, "layer.head"),
        (["pattern-copier"], 1, "is now 'induction'"),
        (["oracle"], 1, "withdrawn"),
        (["qqqqqqqqq"], 1, "names are like induction, gpt2 and olsson2022induction"),
        (["olsson"], 1, "did you mean olsson2022induction?"),
        (["mover name"], 1, "did you mean name-mover?"),
        (["grouped"], 1, f"did you mean {TINY}?"),
        (["e"], 1, "names are like"),
        (["x" * 10_000], 1, "no head type"),
    ],
)
def test_show_what_is_not_there(
    entries: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    said: str,
) -> None:
    found, out, errors = run(capsys, "show", *arguments, "--entries", str(entries))
    assert (found, out) == (code, "")
    assert said in errors
    assert len(errors) < 400


def test_stats(entries: Path, catalog: Catalog, capsys: pytest.CaptureFixture[str]) -> None:
    _, said, _ = run(capsys, "stats", "--entries", str(entries))
    assert catalog.version in said
    assert "1 in-context-identification, 2 expression-preparation" in said
    assert "why: 1 secondary" in said
    _, said, _ = run(capsys, "stats", "--entries", str(entries), "--format", "json")
    numbers = json.loads(said)
    assert (numbers["head_types"], numbers["claims"], numbers["evidence"]) == (3, 2, 4)


def test_control_characters_do_not_reach_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from catalog.commands.terminal import Page

    page = Page()
    page.title("a\x1b[31mb", "c\x9b0m[bold]d[/bold]")
    page.fact("e", "\x07f\u202e")
    out = capsys.readouterr().out
    assert not {"\x1b", "\x9b", "\x07", "\u202e"} & set(out)
    assert "[bold]d[/bold]" in out  # never read as markup
