"""What evidence says about a head type in a model, and about a published claim.

Pure Python over ``catalog.schema.evidence``: used when the database is built.
"""

from __future__ import annotations

from collections.abc import Mapping

from catalog.responses import ClaimResult, TypeResult
from catalog.schema.claim import Claim
from catalog.schema.evidence import Evidence
from catalog.schema.head_type import HeadType
from catalog.schema.model import Model


def type_result(
    entry: HeadType, model: Model, records: Mapping[str, Evidence]
) -> TypeResult | None:
    """Join the recipes of ``entry`` per head, as its ``identify`` says.

    Args:
        entry: the head type.
        model: the model.
        records: evidence by recipe id, of this head type, this model and one revision.

    Returns:
        None if the entry has no recipes or what was run does not settle it.
    """
    raise NotImplementedError


def claim_result(
    claim: Claim,
    number: int,
    entry: HeadType,
    model: Model,
    records: Mapping[str, Evidence],
    joined: TypeResult | None,
) -> ClaimResult:
    """Compare a claim with the evidence for its model.

    Args:
        claim: the published statement.
        number: its place in the entry, from 1.
        entry: the head type.
        model: the claim's model.
        records: evidence by recipe id, of this head type and this model.
        joined: ``type_result`` of the same records.
    """
    raise NotImplementedError
