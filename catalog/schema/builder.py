"""What all builders have in common."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from catalog.schema.base import Strict

UNIVERSAL_KEYS: frozenset[str] = frozenset(
    {"previous", "two-before", "self", "first", "uniform", "same-offset", "evenly"}
)
"""Key roles that need nothing from the builder.

``previous`` i-1, ``two-before`` i-2, ``self`` i, ``first`` position 0, ``uniform`` every key with
weight 1/(i+1) (what evenly spread attention gives), ``same-offset`` the distance at which the
measure's own key role lies in the same prompt, ``evenly`` what evenly spread attention gives to as
many keys as the measure's own key role has (the last two only in controls).
"""

Seed = Annotated[int, Field(ge=0, lt=2**32)]
Count = Annotated[int, Field(ge=2, le=4096)]


class Builder(Strict):
    """Common to all builders. ``version`` is raised whenever the same parameters give others.

    ``queries``, ``keys``, ``variants`` and ``answers`` are what every prompt of the builder has;
    where parameters name more, the methods of those names say so.
    """

    version: ClassVar[int] = 1
    runnable: ClassVar[bool] = True
    of_heads: ClassVar[bool] = False
    """Whether every head has prompts of its own, made from its weights, and is scored on them."""
    queries: ClassVar[frozenset[str]] = frozenset()
    keys: ClassVar[frozenset[str]] = frozenset()
    variants: ClassVar[frozenset[str]] = frozenset()
    scored: ClassVar[str | None] = None
    """The variant that is scored, of builders that have several and code."""
    answers: ClassVar[frozenset[str]] = frozenset()
    ordered: ClassVar[frozenset[str]] = frozenset()
    """Mappings, as they are written, whose order, too, says which prompts are made or scored."""

    def query_roles(self) -> frozenset[str]:
        """Query roles that the prompts mark."""
        return self.queries

    def key_roles(self) -> frozenset[str]:
        """Key roles that the prompts mark, the universal ones left out."""
        return self.keys

    def variant_names(self) -> frozenset[str]:
        """Aligned variants of the prompts; empty if there is one only."""
        return self.variants

    def answer_roles(self) -> frozenset[str]:
        """Answers that the prompts have."""
        return self.answers

    @property
    def tokens_of_head(self) -> int | None:
        """Tokens of the prompts of one head, in all variants, of builders ``of_heads``."""
        return None

    @property
    def kind(self) -> str:
        """The registered name."""
        return str(getattr(self, "builder", "tokens"))

    def vocabularies(self) -> tuple[str, ...]:
        """Ids of the word lists that the prompts are made from (part of the recipe hash)."""
        return ()

    def text_sets(self) -> tuple[str, ...]:
        """Ids of the text sets that the prompts are made from (part of the recipe hash)."""
        return ()


CONTROL_KEYS: frozenset[str] = frozenset({"uniform", "same-offset", "evenly"})
"""Universal key roles that only a control can read."""
