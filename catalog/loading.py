"""Entries as a whole: read, validated one by one, checked against each other."""

from __future__ import annotations

import hashlib
import json
import pathlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel

from catalog import crosscheck, places
from catalog.contents import Contents, EntryFile
from catalog.entry_files import read_contents
from catalog.problems import InvalidEntries, Problem, in_order
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
from catalog.schema.model import Hub
from catalog.suggestions import did_you_mean

T = TypeVar("T", bound=BaseModel)


class UnknownModel(LookupError):
    """A name that is no model's id, hub id or alias.

    Attributes:
        name: what was asked for.
        suggestion: the nearest known name, if one is near.
    """

    def __init__(self, name: str, suggestion: str | None) -> None:
        self.name = name
        self.suggestion = suggestion
        better = f"; did you mean '{suggestion}'?" if suggestion else ""
        super().__init__(f"unknown model '{name}'{better}")


@dataclass(frozen=True)
class Catalog:
    """All entries and evidence, by id in sorted order; valid, and consistent with each other.

    Attributes:
        evidence: by ``<org--name>/<revision>/<type>.<recipe>``.
        checkpoints: by ``<org--name>/<revision>/checkpoint``, in the order of training.
        examples: by ``<org--name>/<revision>/examples/<type>``.
        survey: the survey's types and tags, if they are written down.
        changes: by file name, which starts with the date: oldest first.
        version: first 12 hex digits of a SHA-256 over all of it.
    """

    head_types: dict[str, HeadType]
    papers: dict[str, Paper]
    models: dict[str, Model]
    vocabularies: dict[str, Vocabulary]
    texts: dict[str, TextSet]
    redirects: Redirects
    changes: tuple[Change, ...]
    evidence: dict[str, Evidence]
    checkpoints: dict[str, Checkpoint]
    examples: dict[str, Example]
    version: str
    survey: Survey | None = None

    def resolve_model(self, name: str) -> Model:
        """The model with this id, hub id or alias; exactly as written first, then by any case.

        Raises:
            UnknownModel: with a suggestion.
        """
        names = {written: model for model in self.models.values() for written in names_of(model)}
        if name in names:
            return names[name]
        folded = {written.casefold(): model for written, model in names.items()}
        if name.casefold() in folded:
            return folded[name.casefold()]
        raise UnknownModel(name, did_you_mean(name, names))


def names_of(model: Model) -> tuple[str, ...]:
    """Everything that a model answers to: its id, its hub id, its aliases."""
    hub = (model.source.hub_id,) if isinstance(model.source, Hub) else ()
    return (model.id, *hub, *model.aliases)


@dataclass(frozen=True)
class Reading:
    """What reading the entries gave: a catalog if and only if there are no problems."""

    catalog: Catalog | None
    problems: list[Problem]
    files: list[str]
    undescribed: dict[str, int]
    """Records of further evidence that were left out, by a model that no entry describes."""


def read(
    entries: pathlib.Path | None = None, extra_evidence: Sequence[pathlib.Path] = ()
) -> Reading:
    """Read everything and tell everything that is wrong, sorted by file and place.

    Args:
        entries: the folder; that of :func:`catalog.places.entries_dir` if None.
        extra_evidence: further folders like ``entries/evidence``; for the same id the last wins.
    """
    contents = read_contents(entries or places.entries_dir(), extra_evidence)
    problems = in_order([*contents.problems, *crosscheck.check(contents)])
    catalog = None if problems else _catalog(contents)
    return Reading(catalog, problems, sorted(contents.files), contents.undescribed)


def load_with_problems(
    entries: pathlib.Path | None = None, extra_evidence: Sequence[pathlib.Path] = ()
) -> tuple[Catalog | None, list[Problem]]:
    """The catalog, or None and all that is wrong (arguments: see :func:`read`)."""
    reading = read(entries, extra_evidence)
    return reading.catalog, reading.problems


def load(
    entries: pathlib.Path | None = None, extra_evidence: Sequence[pathlib.Path] = ()
) -> Catalog:
    """The catalog (arguments: see :func:`read`).

    Raises:
        InvalidEntries: holding every problem of every file.
    """
    catalog, problems = load_with_problems(entries, extra_evidence)
    if catalog is None:
        raise InvalidEntries(problems)
    return catalog


def _catalog(contents: Contents) -> Catalog:
    redirects = contents.redirects.value if contents.redirects else None
    redirects = redirects or Redirects()
    head_types = _values(contents.head_types)
    papers = _values(contents.papers)
    models = _values(contents.models)
    vocabularies = _values(contents.vocabularies)
    texts = _values(contents.texts)
    changes = _values(contents.changes)
    evidence = _values(contents.evidence)
    checkpoints = _values(contents.checkpoints)
    examples = _values(contents.examples)
    survey = contents.survey.value if contents.survey else None
    version = _version(
        head_types=head_types,
        papers=papers,
        models=models,
        vocabularies=vocabularies,
        texts=texts,
        changes=changes,
        evidence=evidence,
        checkpoints=checkpoints,
        examples=examples,
        redirects={"redirects": redirects},
        **({"survey": {"survey": survey}} if survey else {}),
    )
    return Catalog(
        head_types=head_types,
        papers=papers,
        models=models,
        vocabularies=vocabularies,
        texts=texts,
        redirects=redirects,
        changes=tuple(changes.values()),
        evidence=evidence,
        checkpoints=checkpoints,
        examples=examples,
        version=version,
        survey=survey,
    )


def _values(files: Mapping[str, EntryFile[T]]) -> dict[str, T]:
    return {name: file.value for name, file in sorted(files.items()) if file.value is not None}


def _version(**parts: Mapping[str, BaseModel]) -> str:
    """Hash of the data itself: layout, comments and order of files make no difference."""
    data = {
        kind: {name: value.model_dump(mode="json") for name, value in values.items()}
        for kind, values in parts.items()
    }
    text = json.dumps(data, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:12]
