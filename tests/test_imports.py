"""The catalog, the API and the command start without the heavy libraries.

A subcommand is imported when it is asked for, and its help alone may not load the heavy rooms.
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


def loaded_by(program: str, among: tuple[str, ...] = HEAVY) -> set[str]:
    ending = f"\nimport sys; print(*[n for n in {among!r} if n in sys.modules])"
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


def test_a_subcommand_is_imported_alone() -> None:
    others = ("catalog.commands.show", "catalog.commands.validate", "catalog.commands.stats")
    program = (
        "from catalog.commands.main import app\n"
        "try: app([{}], standalone_mode=False)\n"
        "except BaseException: pass"
    )
    assert loaded_by(program.format("'--version'"), (*others, "pydantic")) == set()
    assert loaded_by(program.format("'stats', '--help'"), others) == {"catalog.commands.stats"}
    # what was meant is looked for among all
    assert loaded_by(program.format("'stat'"), others) == set(others)
