"""The catalog, the API and the command start without the heavy libraries.

``headbook verify`` is registered like every other command, so it is imported too: it may load its
rooms only when it runs.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = ("torch", "transformers", "numpy", "scipy", "verify")
MODULES = [
    "api.app",
    "catalog.commands.main",
    *(
        ".".join(file.relative_to(ROOT).with_suffix("").parts)
        for file in sorted((ROOT / "catalog").rglob("*.py"))
        if file.name != "__init__.py" and "shipped" not in file.parts
    ),
]


def loaded_by(program: str) -> set[str]:
    ending = f"\nimport sys; print(*[n for n in {HEAVY!r} if n in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program + ending],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    return set(done.stdout.splitlines()[-1].split())


def test_the_test_can_fail() -> None:
    assert loaded_by("import numpy") == {"numpy"}


def test_nothing_heavy_is_imported() -> None:
    program = "\n".join(f"import {module}" for module in MODULES)
    assert loaded_by(program) == set()


@pytest.mark.parametrize("module", ["api.app", "catalog.queries", "catalog.commands.main"])
def test_nothing_heavy_is_imported_alone(module: str) -> None:
    assert loaded_by(f"import {module}") == set()


def test_commands_that_only_read_stay_light() -> None:
    for arguments in ("'--help'", "'show', '--help'", "'verify', '--help'"):
        program = (
            "import sys; from catalog.commands.main import app\n"
            f"try: app([{arguments}], standalone_mode=False)\n"
            "except SystemExit: pass"
        )
        assert loaded_by(program) == set()
