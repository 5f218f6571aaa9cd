"""Claims about planted models, so that every verdict is seen on evidence that was really made."""

from __future__ import annotations

import json
from typing import Any

import pytest

from catalog.responses import ClaimResult
from catalog.schema.claim import Claim
from catalog.verdicts import claim_result
from tests.planted.report import examine, shipped


def judged(model: str, head_type: str, run: bool = True, **claimed: Any) -> ClaimResult:
    """The verdict on a claim about a planted GPT-2, from that model's evidence."""
    examined = examine(model, "gpt2")
    described = examined.loaded.described()
    claim = Claim.model_validate_json(
        json.dumps(
            {
                "model": described.id,
                "paper": "olsson2022induction",
                "place": "planted",
                "checked": {"state": "unchecked"},
                **claimed,
            }
        )
    )
    entry = shipped().head_types[head_type]
    records = {r: e for (t, r), e in examined.evidence.items() if t == head_type} if run else {}
    joined = examined.results.get(head_type) if run else None
    return claim_result(claim, 1, entry, described, records, joined)


PREFIX = {"methods": ["attention"], "list": "examples"}


def test_the_right_heads_are_reproduced() -> None:
    # 1.0, 1.2 and 1.3 attend as induction heads do, which is all that this method sees
    result = judged("induction", "induction", heads=["1.0", "1.2", "1.3"], **PREFIX)
    assert result.verdict == "reproduced"
    assert result.recipe == "prefix-matching"
    assert result.recall == 1.0
    assert result.auroc == 1.0
    assert result.additional == ()
    assert all(r.rank <= 3 and r.status == "passes" for r in result.ranks)


def test_half_of_the_heads_is_partly() -> None:
    result = judged("induction", "induction", heads=["1.0", "0.3"], **PREFIX)
    assert result.verdict == "partly-reproduced"
    assert result.recall == 0.5
    assert set(result.additional) == {"1.2", "1.3"}


def test_an_exhaustive_list_is_held_to_be_one() -> None:
    claimed = {"heads": ["1.0", "1.2"], "methods": ["attention"]}
    exhaustive = judged("induction", "induction", list="exhaustive", **claimed)
    assert exhaustive.verdict == "partly-reproduced"
    assert exhaustive.additional == ("1.3",)
    whole = judged(
        "induction",
        "induction",
        heads=["1.0", "1.2", "1.3"],
        list="exhaustive",
        methods=["attention"],
    )
    assert whole.verdict == "reproduced"
    # a third head that scores the same costs the examples their AUROC, not their recall
    examples = judged("induction", "induction", list="examples", **claimed)
    assert examples.recall == 1.0
    assert examples.auroc == pytest.approx(0.95)


def test_the_wrong_heads_are_not_reproduced() -> None:
    result = judged("induction", "induction", heads=["0.1", "1.5"], **PREFIX)
    assert result.verdict == "not-reproduced"
    assert result.recall == 0.0


def test_another_method_is_not_comparable() -> None:
    result = judged(
        "induction", "induction", heads=["1.0"], list="examples", methods=["path-patching"]
    )
    assert result.verdict == "not-comparable"


def test_another_training_step_is_not_comparable() -> None:
    result = judged("induction", "induction", heads=["1.0"], training_step=1000, **PREFIX)
    assert result.verdict == "not-comparable"


def test_a_model_that_cannot_do_the_task_is_not_comparable() -> None:
    result = judged(
        "induction",
        "name-mover",
        heads=["1.0"],
        list="examples",
        methods=["direct-logit-attribution"],
    )
    assert result.verdict == "not-comparable"


def test_what_nobody_ran_is_not_run() -> None:
    result = judged("induction", "induction", run=False, heads=["1.0"], **PREFIX)
    assert result.verdict == "not-run"
    assert result.command.startswith("headbook verify induction --model ")


@pytest.mark.parametrize(
    ("claimed", "verdict"),
    [
        ({"count": 1}, "reproduced"),
        ({"count": 3}, "partly-reproduced"),
        ({"none": True}, "not-reproduced"),
    ],
)
def test_counts_and_absence(claimed: dict[str, Any], verdict: str) -> None:
    result = judged("induction", "induction", methods=["attention", "ov-circuit"], **claimed)
    assert result.verdict == verdict


def test_absence_where_there_is_none() -> None:
    result = judged("successor", "induction", methods=["attention", "ov-circuit"], none=True)
    assert result.verdict == "reproduced"


def test_every_verdict_on_types_is_seen() -> None:
    seen = {result.verdict for result in examine("induction", "gpt2").results.values()}
    assert seen >= {"found", "not-found", "not-applicable"}
