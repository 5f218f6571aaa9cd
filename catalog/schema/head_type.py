"""Head types: the entries of the catalog."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from catalog.schema.base import Line, PaperKey, Prose, Slug, Stage, Strict
from catalog.schema.claim import Claim, NoClaims
from catalog.schema.recipe import Identify, Recipe


class Action(Strict):
    """What a head of this type does, in the words of the attention mechanism."""

    query: Prose
    """What the query position stands for, and what it looks for."""
    key: Prose
    """Which positions it attends to."""
    value: Prose
    """What it moves from there."""
    output: Prose
    """What it writes, and what reads it."""


class PaperRole(Strict):
    """A paper and what it does for the head type."""

    paper: PaperKey
    role: Literal["introduces", "extends", "replicates", "challenges"]
    note: Prose | None = None


class Caveat(Strict):
    """Something that a reader of a result must know; a contradicting finding."""

    text: Prose
    source: PaperKey | None = None


class Related(Strict):
    """A neighbouring head type. The relation reads: this type <relation> that type."""

    type: Slug
    relation: Literal[
        "feeds",
        "fed-by",
        "special-case-of",
        "generalises",
        "opposes",
        "replaces-when-ablated",
        "shares-heads-with",
        "contrasts-with",
    ]
    note: Prose


class Automation(Strict):
    """How far a machine can look for this type, and why no further."""

    level: Literal["core", "needs-capable-model", "needs-dataset", "not-automatable"]
    reason: Prose


class HeadType(Strict):
    """A kind of attention head: ``entries/head-types/<id>.yaml``."""

    id: Slug
    name: Line
    aliases: tuple[Line, ...] = ()
    stage: Stage
    group: Line
    placed_by: Literal["survey", "headbook"]
    """Who put it into this stage and group: the survey, or this project."""
    summary: Line
    """The definition in one sentence."""
    definition: Prose
    action: Action
    depth: Line
    """Where in depth it is usually found."""
    papers: Annotated[tuple[PaperRole, ...], Field(min_length=1)]
    claims: tuple[Claim, ...] = ()
    no_claims: Annotated[NoClaims | None, Field(alias="no-claims")] = None
    """Where there are no claims: why."""
    caveats: tuple[Caveat, ...] = ()
    related: tuple[Related, ...] = ()
    automation: Automation
    identify: Identify | None = None
    recipes: tuple[Recipe, ...] = ()

    @model_validator(mode="after")
    def _recipes_join(self) -> HeadType:
        if self.id == "index":
            raise ValueError("'index' is the page that lists all head types: choose another id")
        ids = [recipe.id for recipe in self.recipes]
        if len(set(ids)) != len(ids):
            raise ValueError("two recipes have the same id")
        if bool(self.recipes) != (self.identify is not None):
            raise ValueError("'identify' says how the recipes join: give both or neither")
        if self.identify is not None:
            for name in self.identify.recipes:
                if name not in ids:
                    raise ValueError(
                        f"identify names recipe '{name}', which is not here"
                        f" (recipes: {', '.join(ids)})"
                    )
        return self

    @model_validator(mode="after")
    def _claims_or_why_none(self) -> HeadType:
        if self.claims and self.no_claims is not None:
            raise ValueError("'no-claims' says why there are no claims, and here are some: drop it")
        if not self.claims and self.no_claims is None:
            raise ValueError("there are no claims: give some, or say under 'no-claims' why none")
        return self

    def recipe(self, name: str) -> Recipe:
        """The recipe with this id.

        Raises:
            KeyError: if there is none.
        """
        for recipe in self.recipes:
            if recipe.id == name:
                return recipe
        raise KeyError(name)

    @property
    def runnable(self) -> bool:
        """Whether every recipe that ``identify`` joins can be run."""
        return self.identify is not None and all(
            self.recipe(name).status == "runnable" for name in self.identify.recipes
        )

    def cited_papers(self) -> set[str]:
        """Keys of all papers that the entry names anywhere."""
        keys = {role.paper for role in self.papers} | {claim.paper for claim in self.claims}
        keys |= {caveat.source for caveat in self.caveats if caveat.source}
        keys |= {self.no_claims.source} if self.no_claims else set()
        return keys | {recipe.source for recipe in self.recipes}
