from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mkdocs_hook import on_page_markdown
from render import Page, main

from catalog import places
from catalog.commands.errors import CommandError
from catalog.commands.site import run_mkdocs, site
from catalog.folder_swap import FolderInTheWay, replace_folder
from tests.site import examples
from tests.site.built_site import read_page, read_site


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


HOME = "https://example.org/headbook"


@pytest.mark.parametrize(
    ("repository", "meta", "file", "edit_url"),
    [
        ("", {"source": "entries/head-types/looker.yaml"}, "head-types/looker.md", None),
        (None, {}, "glossary.md", None),
        *(
            (
                repository,
                {"source": "entries/head-types/looker.yaml"},
                "head-types/looker.md",
                f"{HOME}/edit/main/entries/head-types/looker.yaml",
            )
            for repository in (HOME, f"{HOME}/", f"{HOME}.git")
        ),
        (HOME, {}, "glossary.md", f"{HOME}/edit/main/site/pages/glossary.md"),
        (HOME, {}, "index.md", None),  # made from everything
    ],
)
def test_edit_this_page_leads_to_the_entry(
    repository: str | None, meta: dict[str, str], file: str, edit_url: str | None
) -> None:
    page = SimpleNamespace(meta=meta, edit_url=None, file=SimpleNamespace(src_uri=file))
    config = SimpleNamespace(extra={"repository": repository})
    on_page_markdown("text", page=page, config=config)
    assert page.edit_url == edit_url


def test_a_repository_links_the_pages_to_their_files(
    build_book: Callable[[Any, Path], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADBOOK_REPOSITORY", HOME)
    built = build_book(examples.plain_book(), tmp_path)
    looker = f"{HOME}/edit/main/entries/head-types/looker.yaml"
    html = (built / "head-types/looker/index.html").read_text()
    assert f'<a href="{looker}"><code class="hb-path">entries/head-types/looker.yaml</code>' in html
    assert read_page(built / "head-types/looker/index.html").links.count(looker) == 2
    made = {
        "glossary": "site/pages/glossary.md",
        "from-python": "site/pages/from-python.ipynb",
        "models/example--small": "entries/models/example--small.yaml",
        "models/example--small/2.3": None,
        "reproduction": None,
    }
    for page, source in made.items():
        links = read_page(built / page / "index.html").links
        assert HOME in links, page
        edits = {link for link in links if "/edit/" in link}
        assert edits == ({f"{HOME}/edit/main/{source}"} if source else set()), page


def test_without_a_repository_no_page_offers_to_be_edited(full_site: Path) -> None:
    for file, page in read_site(full_site).items():
        html = file.read_text()
        assert 'rel="edit"' not in html, file
        assert "Repository" not in page.text, file
        assert not [link for link in page.links if "/edit/" in link or "None" in link], file
    html = (full_site / "head-types/looker/index.html").read_text()
    assert "made from <code" in html


@pytest.mark.parametrize("address", ["example.org/headbook", "javascript:alert(1)", "https://x"])
def test_a_repository_without_a_web_address_is_refused(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADBOOK_REPOSITORY", address)
    (tmp_path / ".navigation.json").write_text('["index.md"]')
    (tmp_path / "index.md").write_text("# x")
    with pytest.raises(CommandError, match=r"HEADBOOK_REPOSITORY .* no web address"):
        run_mkdocs(tmp_path, tmp_path.with_name("out"))


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
