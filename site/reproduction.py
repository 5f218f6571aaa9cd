"""The reproduction table: claims by verdict, for each model and paper. Counted, never typed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import wording
from book import Book

from catalog.responses import ClaimResult


@dataclass(frozen=True)
class Tally:
    """Claims of one model or paper."""

    id: str
    name: str
    note: str
    counts: tuple[int, ...]
    """In the order of ``wording.CLAIM_ORDER``."""

    @property
    def total(self) -> int:
        return sum(self.counts)


def _tally(claims: Iterable[ClaimResult]) -> tuple[int, ...]:
    counted = Counter(claim.verdict for claim in claims)
    return tuple(counted[name] for name in wording.CLAIM_ORDER)


def _sorted(tallies: Iterable[Tally]) -> list[Tally]:
    """Those with more that was run first, then those with more claims."""
    run = len(wording.CLAIM_ORDER) - 1
    return sorted(
        (tally for tally in tallies if tally.total),
        key=lambda t: (-sum(t.counts[:run]), -t.total, t.name.casefold()),
    )


def by_model(book: Book) -> list[Tally]:
    """A line for every model that a claim is about."""
    return _sorted(
        Tally(
            m.id,
            m.name,
            f"{m.layers} \N{MULTIPLICATION SIGN} {m.heads} heads",
            _tally(m.claim_results),
        )
        for m in book.models
    )


def by_paper(book: Book) -> list[Tally]:
    """A line for every paper that makes a claim."""
    return _sorted(
        Tally(p.id, f"{p.authors} {p.year}", p.title, _tally(p.claim_results)) for p in book.papers
    )


def next_commands(book: Book, most: int = 5) -> list[tuple[str, int]]:
    """The commands that would check most claims that nobody has run: command, number of claims."""
    waiting = Counter(
        claim.command
        for entry in book.head_types
        if entry.runnable
        for claim in entry.claim_results
        if claim.verdict == "not-run"
    )
    return sorted(waiting.items(), key=lambda item: (-item[1], item[0]))[:most]
