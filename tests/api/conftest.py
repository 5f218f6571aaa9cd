from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import FastAPI

from api.app import create_app
from catalog import database
from catalog.loading import load
from tests import small_entries
from tests.api.client import Client


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("api")
    database.build(load(small_entries.write(folder)), folder / "headbook.sqlite")
    return folder / "headbook.sqlite"


@pytest.fixture(scope="module")
def app(file: Path) -> FastAPI:
    return create_app(file)


@pytest.fixture(scope="module")
def client(app: FastAPI) -> Client:
    return Client(app)
