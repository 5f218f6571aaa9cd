"""Builders: what a recipe lets the model read. Parameters only; the code is in ``verify``.

A builder marks positions with **roles**. A *query role* names the positions whose attention or
logits are read; a *key role* names, for each of them, the positions looked at. Every builder
offers the universal key roles of :data:`UNIVERSAL_KEYS`.

A class with ``runnable = False`` is part of the language but has no code yet: an entry may
describe a recipe with it (``status: described``) and cannot ask to have it run.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from catalog.schema.base import Slug
from catalog.schema.builder import UNIVERSAL_KEYS as UNIVERSAL_KEYS
from catalog.schema.builder import Builder as Builder
from catalog.schema.builder import Count, Seed
from catalog.schema.planned import Conflict as Conflict
from catalog.schema.planned import FewShot as FewShot
from catalog.schema.planned import LabelledTemplates as LabelledTemplates
from catalog.schema.planned import Needle as Needle
from catalog.schema.templates import Templates as Templates
from catalog.schema.tokens import Tokens as Tokens
from catalog.schema.tokens import TokenSource as TokenSource


class RepeatedRandomTokens(Builder):
    """A block of distinct random tokens, a gap, and the block again, after a lead of the same kind.

    ``[BOS] lead | block | gap | block``: the lead is as long as the distance of the repeat, so that
    every position of the first block has a key at the distance where the second block finds its
    copy. Periods and gaps vary from prompt to prompt, so no fixed distance serves them all.
    Source of the test: Olsson et al. 2022, appendix "Head Activation Evaluators".
    """

    version: ClassVar[int] = 2
    queries: ClassVar[frozenset[str]] = frozenset({"repeat", "unrepeated"})
    keys: ClassVar[frozenset[str]] = frozenset(
        {"previous-copy", "after-previous-copy", "forward-lags", "backward-lags"}
    )
    answers: ClassVar[frozenset[str]] = frozenset({"after-previous-copy"})

    builder: Literal["repeated-random-tokens"]
    count: Count = 64
    seed: Seed = 0
    periods: Annotated[tuple[Annotated[int, Field(ge=4, le=512)], ...], Field(min_length=1)] = (
        12,
        17,
        23,
        30,
    )
    gap: Annotated[int, Field(ge=0, le=512)] | Literal["random"] = "random"
    pool: Slug | None = None
    """A word list to draw the tokens from; the whole vocabulary (special tokens out) if null."""

    def vocabularies(self) -> tuple[str, ...]:
        return (self.pool,) if self.pool else ()


class DistantRepeats(Builder):
    """A block of distinct random tokens and at once the same block again: ``[BOS] block | block``.

    Every query of the second block has its copy a whole block back, far outside any short window,
    so a head that needs the distant past shows it, and one that rests on a sink where there is
    nothing to find does not pass for local. ``near``, ``window`` and ``sinks`` are numbers of
    tokens. Sources: Tang et al. 2024 (RazorAttention, repeated random tokens), Xiao et al. 2024
    (DuoAttention, sinks and a recent window).
    """

    version: ClassVar[int] = 2
    queries: ClassVar[frozenset[str]] = frozenset({"repeat"})
    keys: ClassVar[frozenset[str]] = frozenset(
        {"near", "window", "sinks-and-window", "previous-copy", "after-previous-copy"}
    )

    builder: Literal["distant-repeats"]
    count: Count = 32
    seed: Seed = 0
    blocks: Annotated[tuple[Annotated[int, Field(ge=16, le=4096)], ...], Field(min_length=1)] = (
        64,
        80,
        96,
    )
    near: Annotated[int, Field(ge=1, le=64)] = 3
    window: Annotated[int, Field(ge=2, le=2048)] = 24
    sinks: Annotated[int, Field(ge=1, le=256)] = 4

    @model_validator(mode="after")
    def _copies_are_outside(self) -> DistantRepeats:
        if self.window + self.sinks > min(self.blocks) // 2 or self.near > self.window:
            raise ValueError(
                "sinks and window together are at most half of the shortest block, and near is at"
                " most the window"
            )
        return self


class RandomTokens(Builder):
    """Independent random tokens: no content to follow, so only position can explain a pattern."""

    version: ClassVar[int] = 2
    queries: ClassVar[frozenset[str]] = frozenset({"all"})

    builder: Literal["random-tokens"]
    count: Count = 64
    seed: Seed = 0
    length: Annotated[int, Field(ge=8, le=4096)] = 64


class NaturalText(Builder):
    """Passages of a text set; ``shuffled`` holds the same tokens in random order (BOS stays)."""

    version: ClassVar[int] = 2
    queries: ClassVar[frozenset[str]] = frozenset(
        {"all", "second-half", "early-in-sentence", "late-in-sentence"}
    )
    keys: ClassVar[frozenset[str]] = frozenset(
        {
            "delimiter",
            "rarest",
            "middling",
            "own-sentence",
            "far-in-own-sentence",
            "before-sentence",
        }
    )
    variants: ClassVar[frozenset[str]] = frozenset({"original", "shuffled"})
    scored: ClassVar[str | None] = "original"

    builder: Literal["natural-text"]
    text: Slug = "plain-prose"
    count: Count = 64
    seed: Seed = 0
    length: Annotated[int, Field(ge=8, le=4096)] = 48

    def text_sets(self) -> tuple[str, ...]:
        return (self.text,)


class TwoTexts(Builder):
    """Passages of one text set; variant ``other`` has passages of another kind, as long."""

    version: ClassVar[int] = 2
    queries: ClassVar[frozenset[str]] = frozenset({"all"})
    variants: ClassVar[frozenset[str]] = frozenset({"original", "other"})
    scored: ClassVar[str | None] = "original"

    builder: Literal["two-texts"]
    text: Slug
    other: Slug
    count: Count = 64
    seed: Seed = 0
    length: Annotated[int, Field(ge=8, le=4096)] = 48

    def text_sets(self) -> tuple[str, ...]:
        return (self.text, self.other)


class IndirectObject(Builder):
    """The indirect object task: "When A and B went to the shop, B gave a book to".

    Half of the prompts name the indirect object first (ABBA), half second (BABA). The aligned
    variant ``corrupted`` has three unrelated names (ABC). Source: Wang et al. 2022, section 2.
    """

    queries: ClassVar[frozenset[str]] = frozenset({"end", "subject-2"})
    keys: ClassVar[frozenset[str]] = frozenset(
        {"indirect-object", "subject-1", "subject-2", "subjects"}
    )
    variants: ClassVar[frozenset[str]] = frozenset({"clean", "corrupted"})
    scored: ClassVar[str | None] = "clean"
    answers: ClassVar[frozenset[str]] = frozenset({"indirect-object", "subject"})

    builder: Literal["indirect-object"]
    count: Count = 64
    seed: Seed = 0
    names: Slug = "names"
    places: Slug = "places"
    objects: Slug = "objects"
    templates: Slug = "indirect-object-templates"

    def vocabularies(self) -> tuple[str, ...]:
        return (self.names, self.places, self.objects, self.templates)


class NGrams(Builder):
    """Random tokens with two contexts that share their last token: ``x a b ... y a c ... x a``.

    A match of one token points to both b and c, a match of two tokens to b alone. In half of the
    prompts the longer match comes first, in the others second. Source of the idea: Akyurek et al.
    2024 (n-gram heads); Edelman et al. 2024.
    """

    version: ClassVar[int] = 2
    queries: ClassVar[frozenset[str]] = frozenset({"end"})
    keys: ClassVar[frozenset[str]] = frozenset({"after-longer-match", "after-shorter-match"})

    builder: Literal["n-grams"]
    count: Count = 64
    seed: Seed = 0
    gap: Annotated[int, Field(ge=2, le=256)] = 12
    """Most tokens between the contexts; fillers are drawn from 2 to as many."""


class SplitWords(Builder):
    """Words that the tokenizer splits, among filler words, and one of them again at the end.

    ``[BOS] f f w w w f f ... w1 w1 w1 f ... w1``: the prompt ends on the first piece of a word of
    three or more pieces that came before. Sources: Ferrando & Voita 2024 (subword merge heads),
    Feucht et al. 2025 (concept induction).
    """

    version: ClassVar[int] = 2
    queries: ClassVar[frozenset[str]] = frozenset({"end", "continuing-piece", "first-piece"})
    keys: ClassVar[frozenset[str]] = frozenset({"earlier-pieces", "last-piece", "second-piece"})

    builder: Literal["split-words"]
    words: Slug
    fillers: Slug
    count: Count = 64
    seed: Seed = 0
    shown: Annotated[int, Field(ge=2, le=32)] = 4

    def vocabularies(self) -> tuple[str, ...]:
        return (self.words, self.fillers)


class RepeatedPassage(Builder):
    """Split words among filler words, and the passage again up to right before one of the words.

    ``[BOS] f w w w f f w w f | f w w w f f``: the prompt ends where ``w w`` is due again. The
    aligned variant ``nonsense`` puts in place of each word pieces of other words, which together
    are none. Source: Feucht et al. 2025, section 2, and the released ``attention_scores.py``.
    """

    version: ClassVar[int] = 2
    queries: ClassVar[frozenset[str]] = frozenset({"end"})
    keys: ClassVar[frozenset[str]] = frozenset({"first-piece", "last-piece", "other-last-pieces"})
    variants: ClassVar[frozenset[str]] = frozenset({"original", "nonsense"})
    scored: ClassVar[str | None] = "original"

    builder: Literal["repeated-passage"]
    words: Slug
    fillers: Slug
    count: Count = 64
    seed: Seed = 0
    shown: Annotated[int, Field(ge=2, le=32)] = 4

    def vocabularies(self) -> tuple[str, ...]:
        return (self.words, self.fillers)


class Series(Builder):
    """A run of an ordered series, "Monday Tuesday Wednesday": next comes its successor."""

    queries: ClassVar[frozenset[str]] = frozenset({"end"})
    keys: ClassVar[frozenset[str]] = frozenset({"current"})
    answers: ClassVar[frozenset[str]] = frozenset({"successor", "current"})

    builder: Literal["series"]
    count: Count = 64
    seed: Seed = 0
    series: Annotated[tuple[Slug, ...], Field(min_length=1)]
    shown: Annotated[int, Field(ge=2, le=32)] = 4

    def vocabularies(self) -> tuple[str, ...]:
        return self.series


class HeadTriples(Builder):
    """Triples that a head's weights link, source .. destination -> output, in random tokens.

    Every head has ``count`` prompts of its own: ``[BOS] r r s r r d``, where the source s lies one
    of ``distances`` before the destination d, which ends the prompt. Source and destination are
    linked by its QK circuit, source and output by its OV circuit, all among ``candidates`` tokens
    of the vocabulary (all of them if there are no more); a source and a destination are never the
    same word, spaces and capitals aside. Variants: ``other-source`` has the source
    of another triple of the head in its place, ``other-destination`` a random token. Answer
    ``other-output`` is the output of another triple. Source: Elhage et al. 2021 (skip-trigrams).
    """

    version: ClassVar[int] = 3
    of_heads: ClassVar[bool] = True
    queries: ClassVar[frozenset[str]] = frozenset({"end"})
    keys: ClassVar[frozenset[str]] = frozenset({"source"})
    variants: ClassVar[frozenset[str]] = frozenset({"linked", "other-source", "other-destination"})
    scored: ClassVar[str | None] = "linked"
    answers: ClassVar[frozenset[str]] = frozenset({"output", "other-output"})

    builder: Literal["head-triples"]
    count: Count = 32
    seed: Seed = 0
    length: Annotated[int, Field(ge=8, le=4096)] = 32
    distances: Annotated[tuple[Annotated[int, Field(ge=1, le=512)], ...], Field(min_length=1)] = (
        2,
        5,
        11,
        23,
    )
    candidates: Annotated[int, Field(ge=64, le=16384)] = 4096

    @property
    def tokens_of_head(self) -> int:
        """Prompts of one length, once in every variant."""
        return self.count * self.length * len(self.variants)

    @model_validator(mode="after")
    def _source_is_inside(self) -> HeadTriples:
        if max(self.distances) > self.length - 2:
            raise ValueError("every distance lies inside the prompt: at most its length less 2")
        return self


AnyBuilder = Annotated[
    RepeatedRandomTokens
    | DistantRepeats
    | RandomTokens
    | NaturalText
    | TwoTexts
    | IndirectObject
    | NGrams
    | SplitWords
    | RepeatedPassage
    | Series
    | Templates
    | HeadTriples
    | FewShot
    | Needle
    | Conflict
    | LabelledTemplates,
    Field(discriminator="builder"),
]


def _prompts_tag(value: Any) -> str:
    if isinstance(value, dict):
        return "tokens" if "tokens" in value and "builder" not in value else "builder"
    return "tokens" if isinstance(value, Tokens) else "builder"


Prompts = Annotated[
    Annotated[AnyBuilder, Tag("builder")] | Annotated[Tokens, Tag("tokens")],
    Discriminator(_prompts_tag),
]

BUILDERS: tuple[type[Builder], ...] = (
    RepeatedRandomTokens,
    DistantRepeats,
    RandomTokens,
    NaturalText,
    TwoTexts,
    IndirectObject,
    NGrams,
    SplitWords,
    RepeatedPassage,
    Series,
    Templates,
    HeadTriples,
    FewShot,
    Needle,
    Conflict,
    LabelledTemplates,
    Tokens,
)
