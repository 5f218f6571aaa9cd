from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from api.app import create_app
from catalog import database
from catalog.loading import load
from tests import small_entries


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("api")
    database.build(load(small_entries.write(folder)), folder / "headbook.sqlite")
    return folder / "headbook.sqlite"


@pytest.fixture(scope="module")
def app(file: Path) -> FastAPI:
    return create_app(file)


@pytest.fixture(scope="module")
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, raise_server_exceptions=False, follow_redirects=False) as client:
        yield client
