"""The files of ``entries/``: finding them, reading them, and validating each one by itself.

Nothing in a file or folder raises: what is wrong becomes a :class:`~catalog.problems.Problem`, so
that all problems of all files come out at once. Hidden files (``.gitkeep``) are never data and are
passed over. Symbolic links are refused: a link can point out of the folder, or in a circle.
"""

from __future__ import annotations

import json
import pathlib
import stat
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from catalog.contents import Contents, EntryFile
from catalog.explain import explain
from catalog.file_text import Unreadable
from catalog.json_reader import read_json
from catalog.problems import Path, Problem, written_path
from catalog.schema import (
    Change,
    Checkpoint,
    Evidence,
    Example,
    HeadType,
    Model,
    Paper,
    Redirects,
    Survey,
    TextSet,
    Vocabulary,
)
from catalog.schema.checkpoint import CHECKPOINT_FILE
from catalog.schema.example import EXAMPLES_FOLDER
from catalog.yaml_reader import MAX_BYTES, read_yaml

FOLDERS: dict[str, type[BaseModel]] = {
    "head-types": HeadType,
    "papers": Paper,
    "models": Model,
    "vocabulary": Vocabulary,
    "text": TextSet,
    "changes": Change,
}
"""The folders of YAML files, one entry a file, and what is in them."""

REDIRECTS = "redirects.yaml"
SURVEY = "survey.yaml"
EVIDENCE = "evidence"
MAX_EVIDENCE_BYTES = 16_000_000
"""Evidence holds ten numbers a head; 100 layers of 128 heads are 3 MB."""


def read_contents(entries: pathlib.Path, extra_evidence: Sequence[pathlib.Path] = ()) -> Contents:
    """Read all files below ``entries`` and the evidence of further folders.

    ``extra_evidence`` belongs to users: only ``<model>/<revision>/<name>.json`` and
    ``<model>/<revision>/examples/<name>.json`` are read there, other files are left alone, and so
    is the evidence of a model that the catalog does not have (somebody's own model has no page
    here).
    """
    contents = Contents()
    root = entries.resolve()
    shown = root.name or "entries"
    if not root.is_dir():
        contents.problems.append(_whole(shown, f"there is no folder {entries}"))
        return contents
    for path, name in _listing(root, shown, contents):
        where = f"{shown}/{name}"
        if name in FOLDERS or name == EVIDENCE:
            if not path.is_dir():
                contents.problems.append(_whole(where, "must be a folder"))
        elif name not in (REDIRECTS, SURVEY):
            contents.problems.append(
                _whole(
                    where,
                    f"unexpected; entries holds {', '.join(FOLDERS)}, evidence, {REDIRECTS},"
                    f" {SURVEY}",
                )
            )
    places: dict[str, dict[str, EntryFile[Any]]] = {
        "head-types": contents.head_types,
        "papers": contents.papers,
        "models": contents.models,
        "vocabulary": contents.vocabularies,
        "text": contents.texts,
        "changes": contents.changes,
    }
    for folder, model in FOLDERS.items():
        _read_folder(root / folder, f"{shown}/{folder}", model, places[folder], contents)
    _read_redirects(root / REDIRECTS, f"{shown}/{REDIRECTS}", contents)
    _read_survey(root / SURVEY, f"{shown}/{SURVEY}", contents)
    _read_evidence(root / EVIDENCE, f"{shown}/{EVIDENCE}", contents, own=True)
    for extra in extra_evidence:
        if extra.is_dir():
            _read_evidence(extra, extra.as_posix(), contents, own=False)
        else:
            contents.problems.append(_whole(extra.as_posix(), "there is no such folder"))
    return contents


def _whole(file: str, message: str) -> Problem:
    return Problem(file, None, None, "", message)


def _listing(
    folder: pathlib.Path, shown: str, contents: Contents, *, quiet: bool = False
) -> Iterator[tuple[pathlib.Path, str]]:
    """Files and folders in a folder, sorted by name; links and special files are refused."""
    try:
        names = sorted(path.name for path in folder.iterdir())
    except FileNotFoundError:  # git keeps no empty folders
        return
    except OSError as error:
        contents.problems.append(_whole(shown, f"cannot be read: {error.strerror}"))
        return
    for name in names:
        if name.startswith("."):
            continue
        path = folder / name
        try:
            mode = path.lstat().st_mode
        except OSError as error:
            contents.problems.append(_whole(f"{shown}/{name}", f"cannot be read: {error.strerror}"))
            continue
        if stat.S_ISLNK(mode):
            if not quiet:
                contents.problems.append(
                    _whole(f"{shown}/{name}", "is a symbolic link; put the file itself here")
                )
        elif stat.S_ISREG(mode) or stat.S_ISDIR(mode):
            yield path, name
        elif not quiet:
            contents.problems.append(_whole(f"{shown}/{name}", "is neither a file nor a folder"))


def _content(path: pathlib.Path, shown: str, limit: int, contents: Contents) -> bytes | None:
    """The bytes of a file, at most one more than ``limit``."""
    try:
        with path.open("rb") as stream:
            content = stream.read(limit + 1)
    except OSError as error:
        contents.problems.append(_whole(shown, f"cannot be read: {error.strerror}"))
        return None
    contents.files.append(shown)
    return content


def _read_folder(
    folder: pathlib.Path,
    shown: str,
    model: type[BaseModel],
    into: dict[str, EntryFile[Any]],
    contents: Contents,
) -> None:
    if not folder.is_dir() or folder.is_symlink():
        return
    for path, name in _listing(folder, shown, contents):
        where = f"{shown}/{name}"
        if path.is_dir():
            contents.problems.append(_whole(where, "unexpected folder; entries lie side by side"))
            continue
        if path.suffix != ".yaml":
            right = f"{path.stem}.yaml"
            better = f"; rename it to {right}" if path.suffix in (".yml", ".YAML", ".YML") else ""
            contents.problems.append(
                _whole(where, f"unexpected file: entries end in .yaml{better}")
            )
            continue
        content = _content(path, where, MAX_BYTES, contents)
        if content is None:
            continue
        entry: EntryFile[Any] = EntryFile(where, path.stem)
        into[entry.name] = entry
        _validate_yaml(entry, model, content, contents)
        given = getattr(entry.value, "id", entry.name)
        if given != entry.name:
            contents.problems.append(
                entry.problem(("id",), f"'{given}' must be the file's name, '{entry.name}'")
            )
            other = folder / f"{given}.yaml"
            if other.is_file():
                contents.problems.append(
                    entry.problem(("id",), f"'{given}' is the id of {shown}/{given}.yaml")
                )


def _read_redirects(path: pathlib.Path, shown: str, contents: Contents) -> None:
    if path.is_symlink():
        return
    if not path.is_file():
        contents.problems.append(_whole(shown, "is missing; write `redirects: []`"))
        return
    content = _content(path, shown, MAX_BYTES, contents)
    if content is not None:
        contents.redirects = EntryFile(shown, path.stem)
        _validate_yaml(contents.redirects, Redirects, content, contents)


def _read_survey(path: pathlib.Path, shown: str, contents: Contents) -> None:
    """The survey's types and tags; entries without them are whole."""
    if path.is_symlink() or not path.is_file():
        return
    content = _content(path, shown, MAX_BYTES, contents)
    if content is not None:
        contents.survey = EntryFile(shown, path.stem)
        _validate_yaml(contents.survey, Survey, content, contents)


def _validate_yaml(
    entry: EntryFile[Any], model: type[BaseModel], content: bytes, contents: Contents
) -> None:
    document = read_yaml(content)
    entry.document = document
    flawed = set()
    for flaw in document.flaws:
        contents.problems.append(
            Problem(entry.file, flaw.line, flaw.column, written_path(flaw.path), flaw.message)
        )
        flawed.add((flaw.line, flaw.column))
    if document.readable:
        found = _validate(entry, model, document.data, document.plain)
        # what could not be read at all is told once, not again as a value of the wrong type
        contents.problems += [p for p in found if (p.line, p.column) not in flawed]
        if flawed:
            entry.value = None


def _validate(
    entry: EntryFile[Any], model: type[BaseModel], data: Any, plain: dict[Path, str]
) -> list[Problem]:
    try:
        entry.value = model.model_validate_json(json.dumps(data))
    except ValidationError as error:
        problems = []
        for item in explain(model, error, data, plain):
            at = item.path[:-1] if item.at == "parent" else item.path
            line, column = entry.places().place(at, key=item.at == "key")
            problems.append(
                Problem(entry.file, line, column, written_path(item.path), item.message)
            )
        return problems
    return []


# --- evidence --------------------------------------------------------------------------------


def _read_evidence(folder: pathlib.Path, shown: str, contents: Contents, *, own: bool) -> None:
    if own and (not folder.is_dir() or folder.is_symlink()):
        return
    for path, place in _evidence_files(folder, shown, "", 0, contents, own):
        where = f"{shown}/{place}"
        model = place.split("/")[0]
        if not own and model not in contents.models:
            contents.undescribed[model] = contents.undescribed.get(model, 0) + 1
            continue
        content = _content(path, where, MAX_EVIDENCE_BYTES, contents)
        if content is None:
            continue
        name = place.removesuffix(".json")
        try:
            data = read_json(content, MAX_EVIDENCE_BYTES)
        except Unreadable as error:
            flaw = error.flaw
            contents.problems.append(Problem(where, flaw.line, flaw.column, "", flaw.message))
            continue
        kind, into = _evidence_kind(place, contents)
        file: EntryFile[Any] = EntryFile(where, name, content=content)
        contents.problems += _validate(file, kind, data, {})
        if file.value is not None and file.value.id != name:
            contents.problems.append(
                _whole(where, f"must lie at {file.value.id}.json, by what it says of itself")
            )
            continue
        into[name] = file


def _evidence_kind(
    place: str, contents: Contents
) -> tuple[type[BaseModel], dict[str, EntryFile[Any]]]:
    """What a file below the evidence folder holds, by where it lies, and where it goes."""
    folder, _, name = place.rpartition("/")
    if name == CHECKPOINT_FILE:
        return Checkpoint, contents.checkpoints
    if folder.count("/") == 2:
        return Example, contents.examples
    return Evidence, contents.evidence


def _evidence_files(
    folder: pathlib.Path, shown: str, place: str, depth: int, contents: Contents, own: bool
) -> Iterator[tuple[pathlib.Path, str]]:
    """Files ``<model>/<revision>/<type>.<recipe>.json``, ``checkpoint.json`` and ``examples/``."""
    below = f"{shown}/{place}".rstrip("/")
    for path, name in _listing(folder, below, contents, quiet=not own):
        deeper = f"{place}/{name}".lstrip("/")
        if path.is_dir() and (depth < 2 or (depth == 2 and name == EXAMPLES_FOLDER)):
            yield from _evidence_files(path, shown, deeper, depth + 1, contents, own)
        elif path.is_file() and depth in (2, 3) and name.endswith(".json"):
            yield path, deeper
        elif own:
            contents.problems.append(
                _whole(
                    f"{shown}/{deeper}",
                    "unexpected; evidence lies at <org--name>/<revision>/<type>.<recipe>.json",
                )
            )
