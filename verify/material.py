"""What a group of recipes reads, made once for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from catalog.schema.prompts import Builder, Tokens
from verify.anatomy import Anatomy
from verify.builders import build
from verify.fingerprints import prompts_sha256, tokens_sha256
from verify.measures import RUNNING
from verify.measures.tokens import TokenUnits, token_units
from verify.modes import settled
from verify.planning import Job
from verify.prompts import CannotBuild, PromptSet
from verify.words import Words

_NOTHING_READ = "0" * 64


@dataclass(frozen=True)
class Material:
    """Prompts, or tokens for weights-only measures, or the reason why there are none."""

    prompts: PromptSet | None
    tokens: TokenUnits | None
    sha256: str
    problem: str | None = None
    seed: int = 0
    """That they were made with."""


@settled()
def material_of(parameters: Builder, words: Words, seed: int, anatomy: Anatomy) -> Material:
    """Make what ``parameters`` describe.

    Args:
        parameters: a recipe's prompts.
        words: the tokenizer and the word lists.
        seed: added to the recipe's own.
        anatomy: the model.
    """
    seed += getattr(parameters, "seed", 0)
    parameters = parameters.model_copy(update={"seed": seed})
    try:
        if isinstance(parameters, Tokens):
            tokens = token_units(parameters, words)
            return Material(None, tokens, tokens_sha256(tokens.ids), seed=seed)
        prompts = build(parameters, words, anatomy)
    except CannotBuild as error:
        return Material(None, None, _NOTHING_READ, str(error))
    if prompts.longest > anatomy.context:
        problem = f"prompts of {prompts.longest} tokens do not fit a context of {anatomy.context}"
        return Material(prompts, None, prompts_sha256(prompts), problem, seed)
    return Material(prompts, None, prompts_sha256(prompts), seed=seed)


def work_of(material: Material, group: Sequence[Job], anatomy: Anatomy) -> float:
    """How much there is to do, in tokens that a forward pass reads; for an estimate of the time."""
    if material.problem is not None:
        return 1.0
    if material.tokens is not None:
        return len(material.tokens.ids) * len(group) * _weights_share(anatomy)
    prompts = material.prompts
    assert prompts is not None
    measures = ((job.recipe, RUNNING.get(job.recipe.measure.kind)) for job in group)
    beside = (kind.work_on(recipe, prompts, anatomy) for recipe, kind in measures if kind)
    return prompts.tokens + sum(beside)


def work_of_heads(parameters: Builder, anatomy: Anatomy) -> float | None:
    """The same before there are prompts, which are made from the weights of every head.

    None for builders that do not look at heads: theirs are made at once, and counted.
    """
    each = parameters.tokens_of_head
    return None if each is None else float(anatomy.layers * anatomy.heads * each)


def _weights_share(anatomy: Anatomy) -> float:
    """Work of an OV circuit on one token, of all heads, against a forward pass over one token."""
    blocks = 12 * anatomy.layers * anatomy.width
    return (
        anatomy.layers * anatomy.heads * anatomy.embedding_rows / (blocks + anatomy.embedding_rows)
    )
