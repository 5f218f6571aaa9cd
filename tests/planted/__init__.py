"""Planted models: weights written by hand, so that the heads of every type are known.

They are the truth against which recipes are tested and their thresholds are set. Each of the
models comes as GPT-2 (learned positions, LayerNorm) and as Llama (RoPE, RMSNorm, two query heads to
a key-value head), has 2 to 4 layers of 6 heads, a context of 512 and a tokenizer of one token a
word, and is an ordinary transformers model that can be saved and loaded.

>>> planted = MODELS["induction"]("llama")
>>> planted.heads["induction"]
{'1.0'}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from tests.planted.acronyms import acronyms_model
from tests.planted.alike import alike_model
from tests.planted.boxes import boxes_model
from tests.planted.build import CLASSIC, HEAD_TYPES, Impostor, Planted, random_twin
from tests.planted.candidates import candidates_model
from tests.planted.choices import choices_model
from tests.planted.clauses import clauses_model
from tests.planted.coloured import coloured_model
from tests.planted.concepts import concepts_model
from tests.planted.conflicts import conflicts_model
from tests.planted.docstrings import docstrings_model
from tests.planted.facts import facts_model
from tests.planted.fooled import fooled_model
from tests.planted.indirect_object import indirect_object_model
from tests.planted.induction import induction_model
from tests.planted.kinds import kinds_model
from tests.planted.logic import logic_model
from tests.planted.movers import movers_model
from tests.planted.needles import needles_model
from tests.planted.ngrams import ngram_model
from tests.planted.passages import passages_model
from tests.planted.pattern import pattern_model
from tests.planted.pieces import pieces_model
from tests.planted.recited import recited_last_model, recited_model
from tests.planted.reviews import reviews_model
from tests.planted.sources import sources_model
from tests.planted.space import FAMILIES, Family
from tests.planted.spans import spans_model
from tests.planted.successor import successor_model
from tests.planted.suppression import suppression_model
from tests.planted.syllogisms import syllogisms_model
from tests.planted.tags import tags_model
from tests.planted.told import told_model
from tests.planted.translations import translations_model
from tests.planted.triples import triples_model
from tests.planted.verbs import verbs_model

MODELS: Mapping[str, Callable[[Family], Planted]] = MappingProxyType(
    {
        "pattern": pattern_model,
        "induction": induction_model,
        "indirect-object": indirect_object_model,
        "suppression": suppression_model,
        "successor": successor_model,
        "spans": spans_model,
        "n-grams": ngram_model,
        "movers": movers_model,
        "reviews": reviews_model,
        "facts": facts_model,
        "clauses": clauses_model,
        "pieces": pieces_model,
        "syllogisms": syllogisms_model,
        "kinds": kinds_model,
        "alike": alike_model,
        "acronyms": acronyms_model,
        "fooled": fooled_model,
        "docstrings": docstrings_model,
        "concepts": concepts_model,
        "tags": tags_model,
        "conflicts": conflicts_model,
        "verbs": verbs_model,
        "needles": needles_model,
        "logic": logic_model,
        "passages": passages_model,
        "choices": choices_model,
        "candidates": candidates_model,
        "boxes": boxes_model,
        "coloured": coloured_model,
        "translations": translations_model,
        "told": told_model,
        "recited": recited_model,
        "recited-last": recited_last_model,
        "sources": sources_model,
        "triples": triples_model,
    }
)
"""The planted models by name; each takes a family."""
CLASSIC_MODELS = ("pattern", "induction", "indirect-object", "suppression", "successor")
"""The models in which the heads of every classic type are known."""

__all__ = [
    "CLASSIC",
    "CLASSIC_MODELS",
    "FAMILIES",
    "HEAD_TYPES",
    "MODELS",
    "Family",
    "Impostor",
    "Planted",
    "acronyms_model",
    "alike_model",
    "clauses_model",
    "concepts_model",
    "facts_model",
    "fooled_model",
    "indirect_object_model",
    "induction_model",
    "kinds_model",
    "movers_model",
    "ngram_model",
    "passages_model",
    "pattern_model",
    "pieces_model",
    "tags_model",
    "conflicts_model",
    "verbs_model",
    "needles_model",
    "logic_model",
    "choices_model",
    "candidates_model",
    "boxes_model",
    "coloured_model",
    "translations_model",
    "triples_model",
    "told_model",
    "sources_model",
    "docstrings_model",
    "random_twin",
    "recited_last_model",
    "recited_model",
    "reviews_model",
    "spans_model",
    "successor_model",
    "suppression_model",
    "syllogisms_model",
]
