"""The pydantic models of everything that is written down: one module a subject.

``base`` (ids, heads, prose) <- ``prompts``, ``measures``, ``controls`` <- ``recipe`` <-
``head_type`` (with ``claim``), ``paper``, ``model``, ``vocabulary``, ``survey``,
``housekeeping`` (redirects, changes), ``evidence`` <- ``checkpoint``, ``example``.
"""

from catalog.schema.base import Head, Stage, Strict
from catalog.schema.checkpoint import Checkpoint
from catalog.schema.claim import Checked, Claim
from catalog.schema.evidence import Evidence
from catalog.schema.example import Example
from catalog.schema.head_type import HeadType
from catalog.schema.housekeeping import Change, Redirects
from catalog.schema.model import Model
from catalog.schema.paper import Paper
from catalog.schema.recipe import Recipe
from catalog.schema.survey import Survey
from catalog.schema.vocabulary import TextSet, Vocabulary

__all__ = [
    "Change",
    "Checked",
    "Checkpoint",
    "Claim",
    "Evidence",
    "Example",
    "Head",
    "HeadType",
    "Model",
    "Paper",
    "Recipe",
    "Redirects",
    "Stage",
    "Strict",
    "Survey",
    "TextSet",
    "Vocabulary",
]
