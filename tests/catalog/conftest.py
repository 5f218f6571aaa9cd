from pathlib import Path

import pytest

from tests.catalog.entries_tree import write_entries


@pytest.fixture
def entries(tmp_path: Path) -> Path:
    """A folder of valid entries."""
    return write_entries(tmp_path)
