"""What each pattern of the schema asks for, in words for the author of a file."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel, StringConstraints

from catalog.error_places import unwrapped
from catalog.schema.base import Alias, Line, ModelId, PaperKey, Sha256, Slug
from catalog.schema.evidence import EvidenceModel
from catalog.schema.housekeeping import Address, Change
from catalog.schema.model import Hub, Shipped
from catalog.schema.paper import Paper
from catalog.schema.templates import Mention, SlotName
from catalog.schema.vocabulary import Word


def pattern_words(pattern: str) -> str:
    """What is wrong with text that does not match a pattern, and what would be right."""
    return PATTERNS.get(pattern, f"does not match the pattern {pattern}")


def _pattern_of(annotation: Any) -> str:
    _, metadata = unwrapped(annotation)
    for item in metadata:
        pattern = getattr(item, "pattern", None)
        if isinstance(item, StringConstraints) and isinstance(pattern, str):
            return pattern
    raise LookupError(f"no pattern in {annotation}")


def _field_pattern(model: type[BaseModel], name: str) -> str:
    info = model.model_fields[name]
    for item in info.metadata:
        pattern = getattr(item, "pattern", None)
        if isinstance(pattern, str):
            return pattern
    return _pattern_of(
        next(member for member in (*get_args(info.annotation), info.annotation) if member)
    )


_AN_ID = "is not an id: lower-case letters, digits and single hyphens, like 'copy-suppression'"

PATTERNS: dict[str, str] = {
    _pattern_of(Slug): _AN_ID,
    _pattern_of(PaperKey): (
        "is not a paper's id: first author, year and a word, all lower case,"
        " like 'olsson2022induction'"
    ),
    _pattern_of(ModelId): (
        "is not a model's id: the hub id with -- for /, like 'openai-community--gpt2'"
    ),
    _pattern_of(Alias): "is not an alias: letters, digits, '.', '_' and '-', like 'pythia-70m'",
    _pattern_of(Sha256): "is not a SHA-256: 64 digits 0-9a-f",
    _pattern_of(SlotName): "is not a slot: a letter, then letters, digits and '_', like 'object1'",
    _pattern_of(Mention): (
        "is not a slot, or a slot and which mention of it, like 'subject' or 'subject.2'"
    ),
    _pattern_of(Line): "must be one line",
    _pattern_of(Word): "is not a word: it must not hold spaces",
    _pattern_of(Address): (
        "is not an address: head-types/, papers/ or models/ and an id, like 'head-types/induction'"
    ),
    _field_pattern(Change, "date"): "is not a date: year-month-day, like 2025-01-31",
    _field_pattern(Hub, "hub_id"): "is not a hub id: organisation/name, like openai-community/gpt2",
    _field_pattern(Hub, "revision"): "is not a commit: 40 digits 0-9a-f",
    _field_pattern(Shipped, "folder"): "is not a folder: lower-case names joined by /",
    _field_pattern(Shipped, "revision"): "is not a version: v and a number, like v1",
    _field_pattern(Paper, "arxiv"): "is not an arXiv number, like 2209.11895",
    _field_pattern(Paper, "doi"): "is not a DOI, like 10.48550/arXiv.2209.11895",
    _field_pattern(EvidenceModel, "revision"): (
        "is not a revision: at most 64 letters, digits, '.', '_' and '-'"
    ),
}
