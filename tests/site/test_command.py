from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from mkdocs_hook import on_page_markdown
from render import Page, main

from catalog import places
from catalog.commands.errors import CommandError
from catalog.commands.site import run_mkdocs, site
from catalog.folder_swap import FolderInTheWay, replace_folder


@pytest.mark.parametrize("where", ["", "pages", ".."])
def test_the_source_of_the_site_is_never_written_to(where: str) -> None:
    before = sorted(places.site_source_dir().rglob("*.jinja"))
    with pytest.raises(CommandError, match="source of the site"):
        site(out=places.site_source_dir() / where)
    assert before
    assert sorted(places.site_source_dir().rglob("*.jinja")) == before


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(CommandError, match="not empty and was not written by this command"):
        site(out=tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "mine"
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]


def test_database_and_entries_together_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="give either") as error:
        site(database=tmp_path / "a.sqlite", entries=tmp_path, out=tmp_path / "out")
    assert error.value.exit_code == 2


def test_a_missing_database_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="headbook db"):
        site(database=tmp_path / "none.sqlite", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_without_the_extra_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mkdocs", None)
    with pytest.raises(CommandError, match=r"pip install 'headbook\[site\]'"):
        site(out=tmp_path / "out")


def test_mkdocs_without_pages_says_what_to_run(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text("# x")
    with pytest.raises(CommandError, match=r"site/render\.py"):
        run_mkdocs(tmp_path / "docs", tmp_path / "out")


def test_a_broken_link_fails_the_build_and_is_named(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / ".navigation.json").write_text('["index.md"]')
    (docs / "index.md").write_text("# x\n\n[gone](nowhere.md)")
    (docs / "assets").symlink_to(places.site_source_dir() / "assets")
    with pytest.raises(CommandError, match=r"nowhere\.md"):
        run_mkdocs(docs, tmp_path / "out")


@pytest.mark.parametrize(
    ("repository", "edit_url"),
    [
        ("", None),
        (
            "https://example.org/headbook/",
            "https://example.org/headbook/edit/main/entries/head-types/looker.yaml",
        ),
    ],
)
def test_edit_this_page_leads_to_the_entry(repository: str, edit_url: str | None) -> None:
    page = SimpleNamespace(meta={"source": "entries/head-types/looker.yaml"}, edit_url=None)
    config = SimpleNamespace(extra={"repository": repository})
    on_page_markdown("text", page=page, config=config)
    assert page.edit_url == edit_url


def test_render_reports_a_missing_database(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--database", str(tmp_path / "no.sqlite"), "--out", str(tmp_path / "o")]) == 1
    assert "headbook db" in capsys.readouterr().err


def test_replace_folder_replaces_its_own_work_whole(tmp_path: Path) -> None:
    target = tmp_path / "out"
    for text in ("one", "two"):
        with replace_folder(target, marker=".mark") as fresh:
            (fresh / ".mark").touch()
            (fresh / f"{text}.txt").write_text(text)
    assert {file.name for file in target.iterdir()} == {".mark", "two.txt"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert target.stat().st_mode & 0o777 == 0o755


def test_replace_folder_keeps_the_old_one_if_the_new_fails(tmp_path: Path) -> None:
    target = tmp_path / "out"
    with replace_folder(target, marker=".mark") as fresh:
        (fresh / ".mark").touch()

    def fail_halfway() -> None:
        with replace_folder(target, marker=".mark") as fresh:
            (fresh / "half.txt").touch()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_halfway()
    assert [file.name for file in target.iterdir()] == [".mark"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_replace_folder_refuses_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(FolderInTheWay, match="is a file"),
        replace_folder(tmp_path / "file", marker=".mark"),
    ):
        pass


@pytest.mark.parametrize(
    ("here", "there", "address"),
    [
        ("index", "head-types/induction", "head-types/induction/"),
        ("index", "methods", "methods/"),
        ("head-types/index", "head-types/induction", "induction/"),
        ("head-types/index", "papers", "../papers/"),
        ("head-types/induction", "papers/olsson2022induction", "../../papers/olsson2022induction/"),
        ("head-types/induction", "evidence/a--b.c/v1/x.y.svg", "../../evidence/a--b.c/v1/x.y.svg"),
        ("models/a--b-1.4b", "models/c--d-0.5b", "../c--d-0.5b/"),
    ],
)
def test_addresses_between_pages(here: str, there: str, address: str) -> None:
    assert Page(here).to(there) == address
    assert Page(here).to(there, "x") == f"{address}#x"
