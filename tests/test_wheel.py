"""The wheel, built and installed elsewhere: the same command with entries and model inside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests import small_entries

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, ROOT],
        check=True,
        capture_output=True,
        text=True,
    )
    (built,) = out.glob("headbook-*.whl")
    return built


@pytest.fixture(scope="module")
def elsewhere(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel, which borrows the other packages of this one."""
    folder = tmp_path_factory.mktemp("elsewhere")
    venv.create(folder / "venv", with_pip=False)
    (packages,) = (folder / "venv").glob("lib/python*/site-packages")
    python = folder / "venv" / "bin" / "python"
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "--python",
            python,
            "install",
            "--no-deps",
            "--no-index",
            wheel,
        ],
        check=True,
        capture_output=True,
    )
    # not this clone, which an editable install would put on the path: only its site-packages
    borrowed = Path(pytest.__file__).resolve().parents[1]
    (packages / "borrowed.pth").write_text(f"{borrowed}\n")
    return folder


def headbook(elsewhere: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "HEADBOOK"))}
    return subprocess.run(
        [
            elsewhere / "venv" / "bin" / "headbook",
            *arguments,
        ],
        cwd=elsewhere,
        env={**environment, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_the_wheel_carries_the_data_and_nothing_of_the_workshop(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert tops - {name for name in tops if name.endswith(".dist-info")} == {
        "api",
        "catalog",
        "verify",
    }
    for needed in (
        "catalog/shipped/entries/head-types/induction.yaml",
        "catalog/shipped/entries/vocabulary/names.yaml",
        "catalog/shipped/site/render.py",
        "catalog/shipped/mkdocs.yml",
        "verify/reference/llama/model.safetensors",
        "verify/reference/llama/tokenizer.json",
    ):
        assert needed in names
    assert not [name for name in names if "__pycache__" in name or "/tests/" in name]
    assert wheel.stat().st_size < 15_000_000


def test_metadata_names_the_command_the_extras_and_the_licences(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (metadata,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
    (points,) = (n for n in archive.namelist() if n.endswith("entry_points.txt"))
    text = archive.read(metadata).decode()
    assert "headbook = catalog.commands.main:main" in archive.read(points).decode()
    assert "Requires-Dist: torch>=2.5; extra == 'verify'" in text
    assert "License-Expression: Apache-2.0 AND CC-BY-4.0" in text
    plain = [line for line in text.splitlines() if line.startswith("Requires-Dist")]
    assert not [line for line in plain if "torch" in line and "extra" not in line]


def test_the_installed_packages_are_the_wheels_own(elsewhere: Path) -> None:
    ran = subprocess.run(
        [elsewhere / "venv" / "bin" / "python", "-c", "import catalog; print(catalog.__file__)"],
        cwd=elsewhere,
        capture_output=True,
        text=True,
        check=True,
    )
    assert str(elsewhere) in ran.stdout


def test_the_command_works_far_from_any_clone(elsewhere: Path) -> None:
    ran = headbook(elsewhere, "validate")
    assert ran.returncode == 0, ran.stderr
    assert "no errors" in ran.stdout
    ran = headbook(elsewhere, "show", "gpt2", "9.9")
    assert ran.returncode == 0, ran.stderr
    assert "wang2022ioi" in ran.stdout
    ran = headbook(elsewhere, "stats", "--format", "json")
    assert json.loads(ran.stdout)["head_types"] >= 8


def test_the_shipped_model_is_verified_from_the_wheel(elsewhere: Path) -> None:
    ran = headbook(elsewhere, "verify", "previous-token", "--format", "json")
    assert ran.returncode == 0, ran.stderr
    answer = json.loads(ran.stdout)
    assert answer["model"] == "headbook--reference-llama"
    # not into the installation: where the person stands
    written = (elsewhere / "headbook-evidence").rglob("*.json")
    assert sorted(path.name for path in written) == [
        "previous-token.json",  # the example of what was found
        "previous-token.previous-position.json",
    ]


def test_the_site_is_built_from_the_wheel(elsewhere: Path, tmp_path: Path) -> None:
    """Of a few entries: what the wheel has to bring is the source of the pages."""
    few = small_entries.write(tmp_path)
    ran = headbook(elsewhere, "site", "--entries", str(few), "--out", str(elsewhere / "site"))
    assert ran.returncode == 0, ran.stderr + ran.stdout
    assert (elsewhere / "site" / "head-types" / "induction" / "index.html").is_file()
