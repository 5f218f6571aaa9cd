"""``headbook validate`` and ``headbook schema``."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from catalog.commands.schema import schema
from catalog.commands.validate import validate
from catalog.folder_swap import FolderNotWritable, replace_folder
from catalog.json_schema import KINDS
from tests.catalog.entries_tree import edit, write_evidence

app = typer.Typer()
app.command()(validate)
app.command()(schema)


def run(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.output


def test_no_errors_are_one_line(entries: Path) -> None:
    write_evidence(entries / "evidence")
    assert run("validate", "--entries", entries) == (
        0,
        "13 files, no errors (2 head types, 2 papers, 2 models, 2 claims, 3 word lists,"
        " 1 text set, 1 change, 1 evidence record)\n",
    )


def test_errors_and_their_number(entries: Path) -> None:
    edit(entries, "papers/gould2023successor.yaml", "year: 2023", "yeer: 2023")
    edit(entries, "text/plain.yaml", "licence: CC-BY-4.0", "licence: [x]")
    assert run("validate", "--entries", entries) == (
        1,
        "entries/papers/gould2023successor.yaml:4:1 yeer: unknown field; did you mean 'year'?\n"
        "entries/text/plain.yaml:3:10 licence: must be text, not a list\n"
        "12 files, 2 errors\n",
    )


def test_paths_limit_what_is_reported(entries: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edit(entries, "text/plain.yaml", "licence: CC-BY-4.0", "licence: [x]")
    monkeypatch.chdir(entries / "text")
    line = "entries/text/plain.yaml:3:10 licence: must be text, not a list\n"
    options = ("--entries", "..")
    assert run("validate", *options, "plain.yaml") == (1, line + "1 file, 1 error\n")
    assert run("validate", *options, ".", "../papers") == (1, line + "3 files, 1 error\n")
    assert run("validate", *options, "..") == (1, line + "12 files, 1 error\n")
    assert run("validate", *options, entries / "papers") == (
        0,
        "2 files, no errors (1 error in other files)\n",
    )


def test_errors_between_files_are_found_for_one_path(entries: Path) -> None:
    (entries / "models/openai-community--gpt2.yaml").unlink()
    status, output = run(
        "validate", "--entries", entries, entries / "head-types/previous-token.yaml"
    )
    assert status == 1
    assert "claims[0].model: unknown model 'openai-community--gpt2'" in output


def test_json(entries: Path) -> None:
    status, output = run("validate", "--entries", entries, "--format", "json")
    assert (status, json.loads(output)) == (0, {"files": 12, "errors": []})
    edit(entries, "text/plain.yaml", "licence: CC-BY-4.0", "licence: [x]")
    status, output = run("validate", "--entries", entries, "--format", "json")
    assert status == 1
    assert json.loads(output)["errors"] == [
        {
            "file": "entries/text/plain.yaml",
            "line": 3,
            "column": 10,
            "path": "licence",
            "message": "must be text, not a list",
        }
    ]


def test_github(entries: Path) -> None:
    edit(entries, "text/plain.yaml", "licence: CC-BY-4.0", "licence: [x]")
    assert run("validate", "--entries", entries, "--format", "github") == (
        1,
        "::error file=entries/text/plain.yaml,line=3,col=10::licence: must be text, not a list\n"
        "12 files, 1 error\n",
    )


# Wrong use goes through the whole command, which turns it into one line and status 2.
def headbook(*arguments: str | Path) -> tuple[int, str]:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from catalog.commands.main import main; main()",
            *map(str, arguments),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("validate", "--entries", "TMP/none"), "headbook: there is no folder TMP/none"),
        (
            ("validate", "--entries", "TMP/entries", "TMP/entries/x.yaml"),
            "headbook: there is no file or folder TMP/entries/x.yaml",
        ),
        (
            ("validate", "--entries", "TMP/entries", "TMP"),
            "headbook: TMP does not lie in the entries (TMP/entries)",
        ),
        (
            ("schema", "headtype"),
            "headbook: unknown kind 'headtype'; did you mean 'head-type'? one of head-type,"
            " paper, model, vocabulary, text, redirects, survey, change, evidence",
        ),
    ],
)
def test_wrong_use(entries: Path, arguments: tuple[str, ...], message: str) -> None:
    top = str(entries.parent)
    status, output = headbook(*(argument.replace("TMP", top) for argument in arguments))
    assert (status, output.strip()) == (2, message.replace("TMP", top))


# --- output that cannot be written -----------------------------------------------------------


def shell(line: str) -> subprocess.CompletedProcess[str]:
    """Run a line of bash in which ``headbook`` is the whole command."""
    code = "from catalog.commands.main import main; main()"
    root = Path(__file__).parents[2]
    return subprocess.run(
        ["bash", "-c", f'headbook() {{ "{sys.executable}" -c "{code}" "$@"; }}; {line}'],
        capture_output=True,
        text=True,
        check=False,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize("command", ["stats", "schema", "validate", "show previous-token"])
def test_a_full_disk_is_one_line(entries: Path, command: str) -> None:
    where = "" if command == "schema" else f" --entries '{entries}'"
    done = shell(f"headbook {command}{where} > /dev/full")
    assert (done.returncode, done.stderr) == (
        1,
        "headbook: cannot write the output: No space left on device\n",
    )


def test_a_reader_who_leaves_is_no_error_of_ours(entries: Path) -> None:
    for command in (f"show previous-token --entries '{entries}'", "schema"):
        done = shell(f"headbook {command} | head -1")
        assert done.stdout.count("\n") == 1
        assert done.stderr == ""
        assert shell(f"headbook {command} | true").stderr == ""


def test_a_closed_output_is_no_traceback() -> None:
    done = shell("headbook schema >&-")
    assert "Traceback" not in done.stderr


# --- evidence of models without an entry ------------------------------------------------------


def test_evidence_without_a_model_entry_is_told(entries: Path, tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    for recipe in ("a", "b", "c"):
        write_evidence(folder, name=f"local--pm/v1/previous-token.{recipe}.json")
    write_evidence(folder, name="local--one/v1/previous-token.a.json")
    write_evidence(folder)
    told = (
        "1 record of local--one left out: no entry describes that model"
        " (add entries/models/local--one.yaml, or verify with --as)\n"
        "3 records of local--pm left out: no entry describes that model"
        " (add entries/models/local--pm.yaml, or verify with --as)\n"
    )
    options = f"--entries '{entries}' --evidence '{folder}'"
    for command in ("stats", "show previous-token", f"db --out '{tmp_path}/x.sqlite'"):
        done = shell(f"headbook {command} {options}")
        assert (done.returncode, done.stderr) == (0, told)


# --- folders that cannot be written -----------------------------------------------------------


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """Below a file nobody can write a folder, not even root."""
    (tmp_path / "file").touch()
    target = tmp_path / "file" / "folder"
    with (
        pytest.raises(FolderNotWritable, match=f"^cannot write {re.escape(str(target))}: "),
        replace_folder(target, marker="x"),
    ):
        pytest.fail("there is no folder to write to")


# --- schema ----------------------------------------------------------------------------------


def test_the_schema_of_an_entry_has_names_as_in_files() -> None:
    status, output = run("schema")
    assert status == 0
    found = json.loads(output)
    assert found["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert run("schema", "head-type")[1] == output
    assert set(found["required"]) >= {"id", "name", "stage", "summary", "papers", "automation"}
    assert found["additionalProperties"] is False
    definitions = found["$defs"]
    assert set(definitions["Identify"]["properties"]) == {"all-of", "any-of"}
    assert set(definitions["PathPatching"]["required"]) == {
        "kind",
        "receivers",
        "from",
        "correct",
        "foil",
    }
    assert set(definitions["Receivers"]["properties"]) == {"found-by", "input"}
    kinds = definitions["Recipe"]["properties"]["measure"]["discriminator"]["mapping"]
    assert {"attention", "ov-copying", "probe"} <= set(kinds)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_no_schema_names_a_python_field(kind: str) -> None:
    output = run("schema", kind)[1]
    assert not re.search(r'"(all_of|any_of|found_by|after_ablating|patch_from|with_heads)"', output)


def test_schemas_are_written_for_all_kinds(tmp_path: Path) -> None:
    status, _ = run("schema", "--out", tmp_path / "new" / "schemas")
    assert status == 0
    files = sorted((tmp_path / "new" / "schemas").iterdir())
    assert [file.name for file in files] == sorted(f"{kind}.schema.json" for kind in KINDS)
    assert files[2].read_text(encoding="utf-8") == run("schema", "head-type")[1]


def test_one_schema_is_written(tmp_path: Path) -> None:
    run("schema", "paper", "--out", tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["paper.schema.json"]
