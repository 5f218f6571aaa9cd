"""Evidence on disk: written whole or not at all, and told apart when it is stale."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from catalog.loading import Catalog
from catalog.schema.checkpoint import CHECKPOINT_FILE, Checkpoint
from catalog.schema.evidence import Evidence, EvidenceModel, Run
from catalog.schema.example import EXAMPLES_FOLDER, Example
from verify.loading import LoadedModel
from verify.planning import Job
from verify.recording import Settings, evidence_model, run_record
from verify.whole_files import write_whole

_INNERMOST = re.compile(r"\[\n\s+([^\[\]{}]*?)\n\s+\]")


def evidence_path(folder: Path, model: str, revision: str, head_type: str, recipe: str) -> Path:
    """``<folder>/<org--name>/<revision>/<type>.<recipe>.json``."""
    return folder / model / revision / f"{head_type}.{recipe}.json"


def example_path(folder: Path, model: str, revision: str, head_type: str) -> Path:
    """``<folder>/<org--name>/<revision>/examples/<type>.json``."""
    return folder / model / revision / EXAMPLES_FOLDER / f"{head_type}.json"


def checkpoint_path(folder: Path, model: str, revision: str) -> Path:
    """``<folder>/<org--name>/<revision>/checkpoint.json``."""
    return folder / model / revision / CHECKPOINT_FILE


def to_text(record: Evidence | Example | Checkpoint) -> str:
    """The bytes of a file: stable key order, a row of heads (of an example, of tokens) a line."""
    text = json.dumps(record.model_dump(mode="json"), indent=1, ensure_ascii=False)
    return _INNERMOST.sub(lambda m: "[" + re.sub(r"\s*\n\s*", " ", m[1]) + "]", text) + "\n"


def write(evidence: Evidence, folder: Path) -> Path:
    """Write a record beside its place and move it there, so that no half file is ever seen."""
    path = evidence_path(
        folder,
        evidence.model.id,
        evidence.model.revision,
        evidence.head_type,
        evidence.recipe,
    )
    _write(to_text(evidence), path)
    return path


def write_example(example: Example, folder: Path) -> Path:
    """The same for an example."""
    model = example.model
    path = example_path(folder, model.id, model.revision, example.head_type)
    _write(to_text(example), path)
    return path


def write_checkpoint(checkpoint: Checkpoint, folder: Path) -> Path:
    """The same for a checkpoint."""
    path = checkpoint_path(folder, checkpoint.model.id, checkpoint.model.revision)
    _write(to_text(checkpoint), path)
    return path


def _write(text: str, path: Path) -> None:
    write_whole(text.encode(), path)


def check_writable(folder: Path) -> None:
    """Find out before the work, not after it.

    Raises:
        OSError: if no file can be made in ``folder``, or it cannot be made itself.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass


def read(path: Path) -> Evidence | None:
    """The record, or None if there is none or it cannot be read (it will be made again)."""
    try:
        return Evidence.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValidationError):
        return None


def read_example(path: Path) -> Example | None:
    """The same for an example."""
    try:
        return Example.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValidationError):
        return None


def is_fresh(record: Evidence | Example, model: EvidenceModel, run: Run) -> bool:
    """Whether a run now would depend on the same things as the record."""
    return not what_changed(record, model, run)


def what_changed(record: Evidence | Example, model: EvidenceModel, run: Run) -> tuple[str, ...]:
    """What a run now would depend on that is not as the record has it; nothing if it is fresh.

    The prompts follow from recipe, tokenizer and seed, and need not be built to know; the version
    of this package does not count: the recipe hash holds the versions of its parts, and the engine
    has one of its own. Which of several like devices it was does not count either.
    """
    changed = [
        word
        for word, before, now in (
            ("weights", record.model.weights_sha256, model.weights_sha256),
            ("configuration", record.model.config_sha256, model.config_sha256),
            ("tokenizer", record.model.tokenizer_sha256, model.tokenizer_sha256),
            ("recipe", record.run.recipe_sha256, run.recipe_sha256),
            ("engine", record.run.engine, run.engine),
            ("seed", record.run.seed, run.seed),
            ("dtype", record.run.dtype, run.dtype),
            ("device", _kind(record.run.device), _kind(run.device)),
        )
        if before != now
    ]
    before_then, now_then = _libraries(record.run), _libraries(run)
    changed += [
        f"{name} {before_then.get(name, 'none')} to {now_then.get(name, 'none')}"
        for name in sorted(before_then.keys() | now_then.keys())
        if before_then.get(name) != now_then.get(name)
    ]
    apart: dict[str, Any] = {
        "prompts_sha256": "",
        "kept_sha256": None,
        "versions": {},
        "device": "",
    }
    same_run = record.run.model_copy(update=apart) == run.model_copy(update=apart)
    if not changed and not (record.model == model and same_run):
        changed.append("how it was run")
    return tuple(changed)


def _kind(device: str) -> str:
    """``cuda`` of ``cuda:1``."""
    return device.partition(":")[0]


def _libraries(run: Run) -> dict[str, str]:
    return {name: version for name, version in run.versions.items() if name != "headbook"}


@dataclass(frozen=True)
class Kept:
    """What of a run is on disk already, by head type and recipe."""

    fresh: dict[tuple[str, str], Evidence]
    stale: dict[tuple[str, str], tuple[str, ...]]
    """Why each record no longer stands for a run today."""


def sort_out(
    folder: Path, loaded: LoadedModel, catalog: Catalog, jobs: Sequence[Job], settings: Settings
) -> Kept:
    """Which records of ``jobs`` need not be made again, and which must be."""
    kept = Kept({}, {})
    model = evidence_model(loaded)
    for job in jobs:
        known = read(evidence_path(folder, loaded.id, loaded.revision, *job.key))
        if known is None:
            continue
        changed = what_changed(
            known, model, run_record(job.recipe, loaded, catalog, settings, "0" * 64)
        )
        if changed:
            kept.stale[job.key] = changed
        else:
            kept.fresh[job.key] = known
    return kept
