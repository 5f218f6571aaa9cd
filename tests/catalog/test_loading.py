"""The catalog as a whole: what is read, what is refused, its version, names of models."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog import places
from catalog.loading import UnknownModel, load, load_with_problems, read
from catalog.problems import InvalidEntries
from tests.catalog.entries_tree import FILES, edit, put, write_entries, write_evidence


def lines(entries: Path) -> list[str]:
    return [str(problem) for problem in read(entries).problems]


def test_everything_is_there(entries: Path) -> None:
    catalog = load(entries)
    assert list(catalog.head_types) == ["previous-token", "successor"]
    assert list(catalog.papers) == ["gould2023successor", "olsson2022induction"]
    assert list(catalog.models) == ["headbook--tiny", "openai-community--gpt2"]
    assert list(catalog.vocabularies) == ["days", "gave", "names"]
    assert list(catalog.texts) == ["plain"]
    assert [change.date for change in catalog.changes] == ["2025-01-31"]
    assert [redirect.old for redirect in catalog.redirects.redirects] == ["head-types/shift"]
    assert catalog.evidence == {}
    assert catalog.head_types["previous-token"].claims[0].heads == ("4.11", "5.6")
    assert catalog.vocabularies["days"].successor("Sunday") == "Monday"


def test_the_files_that_were_read(entries: Path) -> None:
    assert read(entries).files == sorted(f"entries/{name}" for name in FILES)


def test_problems_or_a_catalog(entries: Path) -> None:
    catalog, problems = load_with_problems(entries)
    assert catalog is not None
    assert problems == []
    edit(entries, "papers/gould2023successor.yaml", "year: 2023", "year: soon")
    catalog, problems = load_with_problems(entries)
    assert catalog is None
    assert len(problems) == 1
    with pytest.raises(InvalidEntries, match="year: must be a whole number, not 'soon'") as caught:
        load(entries)
    assert caught.value.problems == problems


def test_the_folder_of_the_environment(entries: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(places.ENTRIES_VARIABLE, str(entries))
    assert list(load().texts) == ["plain"]


# --- version ---------------------------------------------------------------------------------


def test_version_is_of_the_data_not_of_its_layout(entries: Path, tmp_path: Path) -> None:
    version = load(entries).version
    assert len(version) == 12
    assert int(version, 16) >= 0
    again = tmp_path / "again"
    for name, text in reversed(FILES.items()):  # another order, another layout
        put(again, name, ("# a comment\n" + text).replace("\n", "\r\n"))
    assert load(again).version == version


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("head-types/successor.yaml", "group: Ordinal", "group: Ordinals"),
        ("papers/gould2023successor.yaml", "year: 2023", "year: 2024"),
        ("models/headbook--tiny.yaml", "width: 8", "width: 16"),
        ("vocabulary/days.yaml", "wraps: true", "wraps: false"),
        ("text/plain.yaml", "One passage.", "A passage."),
        ("changes/2025-01-31-first.yaml", "kind: added", "kind: corrected"),
        ("redirects.yaml", "The usual name.", "The common name."),
    ],
)
def test_version_changes_with_any_part(entries: Path, name: str, old: str, new: str) -> None:
    before = load(entries).version
    edit(entries, name, old, new)
    assert load(entries).version != before


def test_version_changes_with_evidence(entries: Path) -> None:
    before = load(entries).version
    write_evidence(entries / "evidence")
    assert load(entries).version != before


# --- names of models -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["openai-community--gpt2", "openai-community/gpt2", "gpt2", "GPT-2", "Gpt2", "gpt-2",
     "OpenAI-Community/GPT2"],
)  # fmt: skip
def test_resolve_model(entries: Path, name: str) -> None:
    assert load(entries).resolve_model(name).id == "openai-community--gpt2"


def test_an_unknown_model_is_told_with_the_nearest_name(entries: Path) -> None:
    catalog = load(entries)
    with pytest.raises(LookupError) as caught:
        catalog.resolve_model("gtp2")
    assert isinstance(caught.value, UnknownModel)
    assert str(caught.value) == "unknown model 'gtp2'; did you mean 'gpt2'?"
    assert caught.value.suggestion == "gpt2"
    with pytest.raises(UnknownModel, match=r"unknown model 'zzzzzz'$"):
        catalog.resolve_model("zzzzzz")


# --- files and folders -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "line"),
    [
        (
            "papers/extra.yml",
            "entries/papers/extra.yml: unexpected file: entries end in .yaml; rename it to"
            " extra.yaml",
        ),
        ("papers/notes.txt", "entries/papers/notes.txt: unexpected file: entries end in .yaml"),
        ("papers/sub/x.yaml", "entries/papers/sub: unexpected folder; entries lie side by side"),
        (
            "paper/x.yaml",
            "entries/paper: unexpected; entries holds head-types, papers, models, vocabulary,"
            " text, changes, evidence, redirects.yaml, survey.yaml",
        ),
        (
            "README.md",
            "entries/README.md: unexpected; entries holds head-types, papers, models, vocabulary,"
            " text, changes, evidence, redirects.yaml, survey.yaml",
        ),
        (
            "evidence/x.json",
            "entries/evidence/x.json: unexpected; evidence lies at"
            " <org--name>/<revision>/<type>.<recipe>.json",
        ),
        (
            "evidence/a--b/v1/x.y.yaml",
            "entries/evidence/a--b/v1/x.y.yaml: unexpected; evidence lies at"
            " <org--name>/<revision>/<type>.<recipe>.json",
        ),
        (
            "evidence/a--b/v1/deep/x.y.json",
            "entries/evidence/a--b/v1/deep: unexpected; evidence lies at"
            " <org--name>/<revision>/<type>.<recipe>.json",
        ),
    ],
)
def test_what_does_not_belong(entries: Path, name: str, line: str) -> None:
    put(entries, name, "id: x\n")
    assert lines(entries) == [line]


def test_hidden_files_are_passed_over(entries: Path) -> None:
    put(entries, "evidence/.gitkeep", "")
    put(entries, "papers/.x.yaml.swp", b"\xff")
    assert lines(entries) == []


def test_an_id_must_be_the_name_of_its_file(entries: Path) -> None:
    edit(entries, "vocabulary/names.yaml", "id: names", "id: days")
    assert lines(entries) == [
        "entries/vocabulary/names.yaml:1:5 id: 'days' is the id of entries/vocabulary/days.yaml",
        "entries/vocabulary/names.yaml:1:5 id: 'days' must be the file's name, 'names'",
    ]


def test_links_are_refused(entries: Path, tmp_path: Path) -> None:
    secret = put(tmp_path, "secret.yaml", "password: x\n")
    (entries / "papers/secret.yaml").symlink_to(secret)
    (entries / "papers/again.yaml").symlink_to(entries / "papers/olsson2022induction.yaml")
    (entries / "evidence/loop").symlink_to(entries / "evidence")
    problems = lines(entries)
    assert problems == [
        f"entries/{name}: is a symbolic link; put the file itself here"
        for name in ("evidence/loop", "papers/again.yaml", "papers/secret.yaml")
    ]


def test_a_linked_folder_is_not_read(entries: Path, tmp_path: Path) -> None:
    (entries / "text").rename(tmp_path / "text")
    (entries / "text").symlink_to(tmp_path / "text")
    assert lines(entries) == ["entries/text: is a symbolic link; put the file itself here"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_refused_and_not_waited_for(entries: Path) -> None:
    os.mkfifo(entries / "papers/pipe.yaml")
    assert lines(entries) == ["entries/papers/pipe.yaml: is neither a file nor a folder"]


def test_a_missing_folder_is_empty_and_missing_redirects_are_told(tmp_path: Path) -> None:
    entries = tmp_path / "entries"
    entries.mkdir()
    assert lines(entries) == ["entries/redirects.yaml: is missing; write `redirects: []`"]
    put(entries, "redirects.yaml", "redirects: []\n")
    assert load(entries).head_types == {}


def test_no_entries_at_all(tmp_path: Path) -> None:
    (line,) = lines(tmp_path / "nowhere")
    assert line == f"nowhere: there is no folder {tmp_path / 'nowhere'}"


def test_a_file_over_a_megabyte(entries: Path) -> None:
    put(entries, "papers/olsson2022induction.yaml", b"#" * 1_000_001)
    assert lines(entries) == [
        "entries/papers/olsson2022induction.yaml:1:1: the file is larger than 1,000,000 bytes"
    ]


# --- whatever is written ---------------------------------------------------------------------

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None
)
@given(name=st.sampled_from(sorted(FILES)), data=st.data())
def test_any_change_of_a_file_gives_a_catalog_or_problems(
    tmp_path: Path, name: str, data: st.DataObject
) -> None:
    entries = tmp_path / "entries"
    if not entries.exists():
        write_entries(tmp_path)
    text = FILES[name]
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 20)))
    inserted = data.draw(st.text(max_size=12) | values.map(str))
    put(entries, name, (text[:start] + inserted + text[end:]).encode("utf-8", "surrogatepass"))
    try:
        reading = read(entries)
        assert (reading.catalog is None) == bool(reading.problems)
        for problem in reading.problems:
            assert str(problem).isprintable()
            assert problem.message
    finally:
        put(entries, name, text)
