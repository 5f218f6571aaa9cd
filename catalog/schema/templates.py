"""The builder ``templates``: sentences with slots, and roles that are data."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints, model_validator

from catalog.schema.answered import SOLVED, Answered
from catalog.schema.base import Slug, Strict
from catalog.schema.builder import Count, Seed

SlotName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=40)]
Mention = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]*(\.[1-9])?$", max_length=42)
]
"""A slot, or one of its mentions in a template: ``subject``, ``subject.2`` (the second)."""

PAIR_SIDES = frozenset({"first", "second"})


class Fill(Strict):
    """What a slot is filled with: a word of a list, or one side of a pair.

    Slots with the same list and the same ``row`` are filled from the same word or pair; different
    rows never share a word. By default a word slot has a row of its own and all slots of a list of
    pairs share one. ``side: initial`` is the first letter of a word; different rows then differ in
    it too. A word is one token, or with ``split`` as many as the tokenizer makes of it: roles then
    mark the first of them.
    """

    words: Slug
    side: Literal["first", "second", "initial"] | None = None
    row: SlotName | None = None
    # left out where it is not used, so that older recipes keep their hash
    split: Annotated[bool, Field(exclude_if=lambda split: not split)] = False

    def row_of(self, slot: str) -> str:
        """The row that the slot reads."""
        return self.row or ("pair" if self.side in PAIR_SIDES else slot)


class Templates(Answered):
    """Sentences with slots, filled from word lists; roles and answers are named slots.

    ``{name}`` in a template is a slot that ``fill`` says how to fill. ``{name|some words}`` marks
    literal words with a name. ``roles`` maps a role to slots (``subject``) or mentions of them
    (``subject.2``): as a key role it is all tokens of those, as a query role the last token of
    each (of a split word, its first either way); ``earlier-ROLE`` is what of a role lies before
    the query. ``end`` is the last token.
    ``answers`` names the slots that hold the answers, shown in the text or not. ``corrupt`` fills
    some slots otherwise in the aligned variant ``corrupted``. ``ascending`` names slots of one
    series whose words come in that order.
    """

    queries: ClassVar[frozenset[str]] = frozenset({"end"})
    variants: ClassVar[frozenset[str]] = frozenset({"clean", "corrupted"})
    scored: ClassVar[str | None] = "clean"
    # words are drawn in the order of the slots, and the first answer is the correct one; slots that
    # ``corrupt`` fills are among them already
    ordered: ClassVar[frozenset[str]] = frozenset({"fill", "answers"})

    builder: Literal["templates"]
    templates: Slug
    fill: Annotated[dict[SlotName, Slug | Fill], Field(min_length=1)]
    corrupt: Annotated[dict[SlotName, Slug | Fill], Field(default_factory=dict)]
    roles: Annotated[
        dict[Slug, Annotated[tuple[Mention, ...], Field(min_length=1)]], Field(default_factory=dict)
    ]
    answers_from: Annotated[dict[Slug, SlotName], Field(alias="answers", default_factory=dict)]
    """Role of each answer and its slot; the gate's accuracy compares the first two."""
    answer_joined: Annotated[bool, Field(alias="answer-joined")] = False
    """The answer follows the text without a space between."""
    ascending: tuple[SlotName, ...] = ()
    count: Count = 64
    seed: Seed = 0

    @model_validator(mode="after")
    def _slots_are_known(self) -> Templates:
        if missing := sorted(set(self.corrupt) - set(self.fill)):
            raise ValueError(f"'corrupt' fills slots that 'fill' does not: {', '.join(missing)}")
        if self.is_sorted and not self.answers_from:
            raise ValueError("'keep' sorts prompts by the model's answer: give 'answers'")
        if self.writes and self.writes not in self.query_roles():
            raise ValueError(f"'writes' names a role that is not marked: {self.writes}")
        known = set(self.fill)
        for name, slots in (
            ("answers", set(self.answers_from.values())),
            ("ascending", set(self.ascending)),
        ):
            if missing := sorted(slots - known):
                raise ValueError(f"'{name}' names slots without a fill: {', '.join(missing)}")
        return self

    def fills(self) -> dict[str, Fill]:
        """How each slot is filled in the variant that is scored."""
        return {slot: _fill(how) for slot, how in self.fill.items()}

    def corrupted_fills(self) -> dict[str, Fill]:
        """How each slot is filled in the variant ``corrupted``."""
        changed = {slot: _fill(how) for slot, how in self.corrupt.items()}
        # a slot that stays keeps its row, also where the row's name was left to default
        return {**self.fills(), **changed}

    def query_roles(self) -> frozenset[str]:
        return self.queries | frozenset(self.roles)

    def place_roles(self) -> frozenset[str]:
        return frozenset(self.roles)

    def key_roles(self) -> frozenset[str]:
        return frozenset(self.roles) | {f"earlier-{role}" for role in self.roles}

    def variant_names(self) -> frozenset[str]:
        aligned = self.variants if self.corrupt else frozenset({"clean"})
        return aligned | (super().variant_names() & {SOLVED})

    def answer_roles(self) -> frozenset[str]:
        return super().answer_roles() | frozenset(self.answers_from)

    def vocabularies(self) -> tuple[str, ...]:
        lists = [
            how.words for fills in (self.fills(), self.corrupted_fills()) for how in fills.values()
        ]
        candidates = (self.candidates,) if self.candidates else ()
        return (self.templates, *dict.fromkeys((*lists, *candidates)))


def _fill(how: str | Fill) -> Fill:
    return how if isinstance(how, Fill) else Fill(words=how)
