"""A published claim against the evidence for its model: which verdict, why, by which recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from catalog.agreement import Agreement, agree, ranks
from catalog.phrases import name_all, name_heads
from catalog.responses import ClaimVerdict, HeadRank, TypeResult
from catalog.schema.claim import Claim
from catalog.schema.evidence import Evidence
from catalog.schema.head_type import HeadType
from catalog.schema.model import Model

RECALL = 0.8
"""Share of the published heads that a reproduced claim needs found."""
AUROC = 0.9
"""What the lower bound of AUROC must exceed for a reproduced claim."""
CHANCE = 0.5
"""What it must exceed for a partly reproduced one."""
TOLERATED = 5
"""An exhaustive list of n heads allows for n / 5 additional ones."""


@dataclass(frozen=True)
class Comparison:
    """What is said of a claim, beyond the claim itself."""

    verdict: ClaimVerdict
    explanation: str
    recipe: str | None = None
    evidence: str | None = None
    recall: float | None = None
    auroc: float | None = None
    auroc_low: float | None = None
    ranks: tuple[HeadRank, ...] = ()
    additional: tuple[str, ...] = ()


def compare(
    claim: Claim,
    entry: HeadType,
    model: Model,
    records: Mapping[str, Evidence],
    joined: TypeResult | None,
) -> Comparison:
    """What ``catalog.verdicts.claim_result`` says, by the rules written there."""
    if not records:
        return Comparison("not-run", f"No recipe for {entry.name} was run on {model.name} yet.")
    if claim.training_step is not None:
        return _not_comparable(
            claim,
            records,
            f"The claim is about training step {claim.training_step:,},"
            f" and the evidence about revision {next(iter(records.values())).model.revision}.",
        )
    same = {n: r for n, r in records.items() if entry.recipe(n).measure.method in claim.methods}
    if not same:
        ran = list(dict.fromkeys(str(entry.recipe(name).measure.method) for name in records))
        return _not_comparable(
            claim,
            records,
            f"The claim rests on {name_all([str(method) for method in claim.methods])};"
            f" the recipes that were run measure by {name_all(ran)}.",
        )
    usable = {name: record for name, record in same.items() if record.scores is not None}
    if not usable:
        name, record = next(iter(same.items()))
        return _not_comparable(
            claim, records, f"The recipe {name} was not applicable: {record.reason}"
        )
    if claim.heads is None:
        return _compare_number(claim, joined)
    compared = [_compare_list(claim, claim.heads, name, usable[name]) for name in usable]
    order: list[ClaimVerdict] = ["reproduced", "partly-reproduced", "not-reproduced"]
    order.append("not-comparable")
    return min(compared, key=lambda c: (order.index(c.verdict), -(c.auroc_low or 0.0)))


def _not_comparable(claim: Claim, records: Mapping[str, Evidence], explanation: str) -> Comparison:
    """With the ranks of the published heads in the first recipe that has scores."""
    scored = [(name, record) for name, record in records.items() if record.scores is not None]
    if not scored or claim.heads is None:
        return Comparison("not-comparable", explanation)
    name, record = scored[0]
    places = ranks(record, claim.heads)
    return Comparison("not-comparable", explanation, name, record.id, ranks=places)


def _compare_list(claim: Claim, heads: tuple[str, ...], name: str, record: Evidence) -> Comparison:
    agreement = agree(record, heads)
    low = agreement.auroc_low
    found = round(agreement.recall * len(heads))
    parts = [f"{name} finds {found} of the {len(heads)} published heads"]
    if claim.list == "top-k":
        top = round(agreement.top * len(heads))
        parts.append(f"has {top} of them among its {len(heads)} highest scores")
    if agreement.additional:
        parts.append(f"finds {len(agreement.additional)} more: {name_heads(agreement.additional)}")
    text = f"{name_all(parts)}. "
    if agreement.auroc is None or low is None:
        verdict: ClaimVerdict = "not-comparable"
        text += "Every head with a score is in the list, so there is nothing to tell them from."
    else:
        verdict = _list_verdict(claim, agreement, low)
        text += f"AUROC over all heads is {agreement.auroc:.3f}, at least {low:.3f}"
        if verdict == "partly-reproduced" and _too_many(claim, agreement):
            text += ", but the list is meant as exhaustive"
        text += "."
    return Comparison(
        verdict,
        text,
        name,
        record.id,
        agreement.recall,
        agreement.auroc,
        low,
        ranks(record, heads),
        agreement.additional,
    )


def _list_verdict(claim: Claim, agreement: Agreement, low: float) -> ClaimVerdict:
    shares = [agreement.recall] + ([agreement.top] if claim.list == "top-k" else [])
    if min(shares) >= RECALL and low > AUROC and not _too_many(claim, agreement):
        return "reproduced"
    if max(shares) > 0 and low > CHANCE:
        return "partly-reproduced"
    return "not-reproduced"


def _too_many(claim: Claim, agreement: Agreement) -> bool:
    listed = len(claim.heads or ())
    return claim.list == "exhaustive" and len(agreement.additional) * TOLERATED > listed


def _compare_number(claim: Claim, joined: TypeResult | None) -> Comparison:
    if joined is None:
        return Comparison("not-comparable", "Not every recipe that identifies the type was run.")
    if joined.verdict == "not-applicable":
        return Comparison("not-comparable", joined.reason)
    found, unclear = len(joined.found), len(joined.unclear)
    here = f"found {found or 'no'} head{'s' * (found != 1)}"
    if unclear:
        here += f" and {unclear} unclear"
    if claim.count is None:
        if joined.verdict == "inconclusive":
            text = f"The claim is that there are none; the recipes {here}, which settles nothing."
            return Comparison("not-comparable", text)
        none: ClaimVerdict = "not-reproduced" if found else "reproduced"
        extra = joined.found
        return Comparison(
            none, f"The claim is that there are none; the recipes {here}.", additional=extra
        )
    verdict: ClaimVerdict = "partly-reproduced" if found else "not-reproduced"
    if found <= claim.count <= found + unclear:
        verdict = "reproduced"
    return Comparison(verdict, f"The claim is {claim.count}; the recipes {here}.")
