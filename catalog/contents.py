"""What the files of ``entries/`` say, before they are checked against each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

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
from catalog.yaml_reader import Document, read_yaml

T = TypeVar("T", bound=BaseModel)


@dataclass
class EntryFile(Generic[T]):
    """One file that was read.

    Attributes:
        file: as problems name it.
        name: the file's name without its ending.
        value: what it says, or None where it is not valid.
    """

    file: str
    name: str
    value: T | None = None
    document: Document | None = None
    content: bytes = b""

    def problem(self, path: Path, message: str, *, key: bool = False) -> Problem:
        """A problem at a place of this file."""
        line, column = self.places().place(path, key=key)
        return Problem(self.file, line, column, written_path(path), message)

    def places(self) -> Document:
        """Where everything stands; of a JSON file, which is YAML too, found when it is needed."""
        if self.document is None:
            self.document = read_yaml(self.content)
        return self.document

    @property
    def data(self) -> Any:
        """What the file says, before validation."""
        return self.places().data

    def names(self) -> set[str]:
        """The ids that the file may be meant by: its name, and the id that it gives."""
        given = self.data.get("id") if isinstance(self.data, dict) else None
        return {self.name, given} if isinstance(given, str) else {self.name}


@dataclass
class Contents:
    """All files, valid or not, by name (evidence: by id), and what is wrong with each by itself."""

    head_types: dict[str, EntryFile[HeadType]] = field(default_factory=dict)
    papers: dict[str, EntryFile[Paper]] = field(default_factory=dict)
    models: dict[str, EntryFile[Model]] = field(default_factory=dict)
    vocabularies: dict[str, EntryFile[Vocabulary]] = field(default_factory=dict)
    texts: dict[str, EntryFile[TextSet]] = field(default_factory=dict)
    changes: dict[str, EntryFile[Change]] = field(default_factory=dict)
    redirects: EntryFile[Redirects] | None = None
    survey: EntryFile[Survey] | None = None
    evidence: dict[str, EntryFile[Evidence]] = field(default_factory=dict)
    checkpoints: dict[str, EntryFile[Checkpoint]] = field(default_factory=dict)
    examples: dict[str, EntryFile[Example]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    """Every data file that was read, as problems name it."""
    undescribed: dict[str, int] = field(default_factory=dict)
    """How many files of further evidence were left out, by a model that no entry describes."""
