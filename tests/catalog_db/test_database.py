"""The file itself: same bytes, whole or not at all, never written to once it is there."""

from __future__ import annotations

import dataclasses
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy.exc
from sqlmodel import Session, text

from catalog import database, filling, queries, rows
from catalog.loading import Catalog
from tests import small_entries


def test_same_catalog_gives_same_bytes(catalog: Catalog, file: Path, tmp_path: Path) -> None:
    again = tmp_path / "other name.sqlite"
    database.build(catalog, again)
    assert again.read_bytes() == file.read_bytes()


def test_another_process_and_hash_seed_give_same_bytes(
    entries: Path, file: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.sqlite"
    program = (
        "import sys; from pathlib import Path; from catalog.loading import load;"
        "from catalog.database import build; build(load(Path(sys.argv[1])), Path(sys.argv[2]))"
    )
    subprocess.run(
        [sys.executable, "-c", program, str(entries), str(other)],
        check=True,
        cwd=Path(__file__).parents[2],
        env={"PYTHONHASHSEED": "77", "TZ": "Asia/Tokyo"},
    )
    assert other.read_bytes() == file.read_bytes()


def test_other_data_gives_other_bytes(catalog: Catalog, file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.sqlite"
    database.build(dataclasses.replace(catalog, evidence={}), other)
    assert other.read_bytes() != file.read_bytes()


def test_meta_carries_schema_and_dataset_version(file: Path, catalog: Catalog) -> None:
    with sqlite3.connect(file) as connection:
        meta = dict(connection.execute("SELECT key, value FROM meta"))
    assert meta["dataset"] == catalog.version
    assert meta["schema_version"] == str(rows.SCHEMA_VERSION)


def test_row_counts_are_those_of_the_entries(file: Path) -> None:
    expected = {
        "head_type": len(small_entries.HEAD_TYPES),
        "head_type_alias": 1,
        "paper": len(small_entries.PAPERS),
        "model": len(small_entries.MODELS),
        "claim": 2,
        "claim_head": 4,  # 1.2 of one claim, three heads of the other
        "evidence": 4,
        "head_score": 4 * 8,  # every record scores 2 layers of 4 heads
        "type_result": 2,  # induction in two revisions
        "head": 8 + 3,  # all of the tiny model, three claimed heads of the other
        "redirect": 3,
        "change": 2,
    }
    with sqlite3.connect(file) as connection:
        found = {
            table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in expected
        }
    assert found == expected


def test_head_scores_have_the_numbers_of_the_evidence(file: Path) -> None:
    query = (
        "SELECT layer, head, score, low, high, control, margin, q, status, rank FROM head_score"
        " WHERE evidence = ? AND rank <= 2 ORDER BY rank"
    )
    name = f"{small_entries.TINY}/{small_entries.PINNED}/induction.prefix-matching"
    with sqlite3.connect(file) as connection:
        assert connection.execute(query, (name,)).fetchall() == [
            (1, 2, 0.9, 0.85, 0.95, 0.0, 0.9, None, "passes", 1),
            (1, 3, 0.8, 0.75, 0.85, 0.0, 0.8, None, "passes", 2),
        ]


def test_foreign_keys_hold(file: Path) -> None:
    with sqlite3.connect(file) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        for table in ("claim", "evidence", "head_score", "type_result", "head"):
            assert connection.execute(f"PRAGMA foreign_key_list({table})").fetchall()


def test_failure_leaves_the_old_file(
    catalog: Catalog, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "headbook.sqlite"
    target.write_bytes(file.read_bytes())

    def broken(*_: object) -> None:
        raise RuntimeError("half way")

    monkeypatch.setattr(filling, "_evidence_row", broken)
    with pytest.raises(RuntimeError, match="half way"):
        database.build(catalog, target)
    assert target.read_bytes() == file.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["headbook.sqlite"]


def test_rows_that_point_at_nothing_are_refused(catalog: Catalog, tmp_path: Path) -> None:
    lonely = dataclasses.replace(
        catalog, redirects=catalog.redirects, papers={"wang2022ioi": catalog.papers["wang2022ioi"]}
    )
    target = tmp_path / "headbook.sqlite"
    with pytest.raises((KeyError, database.DatabaseError)):
        database.build(lonely, target)
    assert not list(tmp_path.iterdir())


def test_session_cannot_write(session: Session) -> None:
    with pytest.raises(sqlalchemy.exc.OperationalError, match="readonly"):
        session.execute(text("DELETE FROM meta"))


def test_missing_file_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(database.DatabaseError, match="run: headbook db"):
        database.open_session(tmp_path / "none.sqlite")
    assert not list(tmp_path.iterdir())  # sqlite would have made an empty one


def test_other_schema_names_the_command(file: Path, tmp_path: Path) -> None:
    old = tmp_path / "old.sqlite"
    old.write_bytes(file.read_bytes())
    with sqlite3.connect(old) as connection:
        connection.execute("UPDATE meta SET value = '0' WHERE key = 'schema_version'")
    with pytest.raises(database.DatabaseError, match="another version; run: headbook db"):
        database.open_session(old)


@pytest.mark.parametrize("content", [b"", b"not a database", b"SQLite format 3\0" + b"\xff" * 500])
def test_other_files_are_refused(content: bytes, tmp_path: Path) -> None:
    strange = tmp_path / "strange.sqlite"
    strange.write_bytes(content)
    with pytest.raises(database.DatabaseError, match="run: headbook db"):
        database.open_session(strange)
    assert strange.read_bytes() == content


def test_names_that_mean_something_in_an_address(catalog: Catalog, tmp_path: Path) -> None:
    target = tmp_path / "a?b#c %41.sqlite"
    database.build(catalog, target)
    with database.open_session(target) as session:
        assert queries.dataset(session) == catalog.version


def test_reader_follows_a_rebuilt_file(catalog: Catalog, tmp_path: Path) -> None:
    target = tmp_path / "headbook.sqlite"
    database.build(catalog, target)
    reader = database.Reader(target)
    with reader.session() as before:
        assert len(queries.evidence_list(before)) == 4
        database.build(dataclasses.replace(catalog, evidence={}, version="f" * 12), target)
        assert len(queries.evidence_list(before)) == 4  # the file it was opened on
    with reader.session() as after:
        assert queries.evidence_list(after) == []
        assert queries.dataset(after) == "f" * 12
    target.unlink()
    with pytest.raises(database.DatabaseError, match="run: headbook db"):
        reader.session()
    reader.close()


def test_in_memory_answers_the_same(catalog: Catalog, session: Session) -> None:
    with database.build_in_memory(catalog) as memory:
        assert queries.head_types(memory) == queries.head_types(session)
        assert queries.counts(memory) == queries.counts(session)
