"""JSON Schemas of everything that is written by hand (and of evidence), for editors.

They come from the same pydantic models that validate, so an editor that knows them completes
``kind:`` and knows each kind's fields. What goes beyond one file is for ``headbook validate``.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from catalog.schema import (
    Change,
    Evidence,
    HeadType,
    Model,
    Paper,
    Redirects,
    Survey,
    TextSet,
    Vocabulary,
)

DIALECT = "https://json-schema.org/draft/2020-12/schema"

KINDS: dict[str, type[BaseModel]] = {
    "head-type": HeadType,
    "paper": Paper,
    "model": Model,
    "vocabulary": Vocabulary,
    "text": TextSet,
    "redirects": Redirects,
    "survey": Survey,
    "change": Change,
    "evidence": Evidence,
}
"""What there is a schema of, by the name that ``headbook schema`` takes."""


def json_schema(kind: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of one kind, with fields named as in files (``all-of``).

    Raises:
        KeyError: for a kind that is not in :data:`KINDS`.
    """
    schema = KINDS[kind].model_json_schema(by_alias=True, mode="validation")
    return {"$schema": DIALECT, **schema}
