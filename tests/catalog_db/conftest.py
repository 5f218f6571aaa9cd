from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import Session

from catalog import database
from catalog.loading import Catalog, load
from tests import small_entries


@pytest.fixture(scope="module")
def entries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_entries.write(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def catalog(entries: Path) -> Catalog:
    return load(entries)


@pytest.fixture(scope="module")
def file(catalog: Catalog, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("database") / "headbook.sqlite"
    database.build(catalog, file)
    return file


@pytest.fixture
def session(file: Path) -> Iterator[Session]:
    with database.open_session(file) as session:
        yield session
