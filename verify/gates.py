"""Gates: what the model must be able to do for a result to mean anything."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from catalog.schema.evidence import ANSWERED, MISSED, GateResult
from catalog.schema.recipe import Gate
from verify.measures.running import AnswerReader
from verify.prompts import PromptSet
from verify.recording import rounded
from verify.statistics.intervals import interval_of
from verify.statistics.units import IntArray


def word_gates(gate: Gate | None, single: float, unknown: float) -> tuple[GateResult, ...]:
    """What the tokenizer makes of the recipe's words.

    Args:
        gate: the recipe's; None for none.
        single: share of listed words that are one token.
        unknown: share of prompt tokens that the tokenizer does not know.
    """
    results = []
    if gate is not None and gate.min_single_token is not None:
        results.append(_at_least("single-token words", single, gate.min_single_token))
    if gate is not None and gate.max_unknown is not None:
        results.append(
            GateResult(
                name="unknown tokens",
                value=rounded(unknown),
                needed=gate.max_unknown,
                passed=unknown <= gate.max_unknown,
            )
        )
    return tuple(results)


def sorted_gates(gate: Gate | None, prompts: PromptSet) -> tuple[GateResult, ...]:
    """Whether enough prompts are left where the model's answers decide which are scored.

    Accuracy is the share of all prompts drawn that are answered correctly, over the vocabulary.
    """
    answers = prompts.answers
    if gate is None or answers is None:
        return ()
    results = []
    if gate.min_accuracy is not None:
        results.append(_at_least("accuracy", answers.correct / answers.drawn, gate.min_accuracy))
    if gate.min_kept is not None:
        if prompts.unaligned:  # the failed prompts are scored, the solved ones are the control
            results.append(_at_least(MISSED, answers.wrong, gate.min_kept))
        solved = [prompts.variants[name] for name in prompts.unaligned] or [prompts.main]
        results += [_at_least(ANSWERED, len(made), gate.min_kept) for made in solved]
    return tuple(results)


def answer_gates(
    gate: Gate | None, answers: AnswerReader, clusters: IntArray, *, accuracy: bool = True
) -> tuple[GateResult, ...]:
    """Whether the model answers correctly: the first answer against the second.

    The mean logit difference must be above its minimum beyond doubt: the lower end of its 95%
    interval is recorded and compared. Scores that are shares of that mean are else shares of noise,
    as large as one likes where it happens to be small.

    Args:
        gate: the recipe's; None for none.
        answers: what the model said to each prompt.
        clusters: of each prompt.
        accuracy: False where it was looked at before prompts were sorted by it.
    """
    if gate is None or len(answers.logits) < 2:
        return ()
    correct, foil = list(answers.logits.values())[:2]
    results = []
    if accuracy and gate.min_accuracy is not None:
        results.append(_at_least("accuracy", float((correct > foil).mean()), gate.min_accuracy))
    if gate.min_logit_difference is not None:
        difference = interval_of(
            (correct - foil)[:, None], clusters, share=False, bounds=None, level=0.95
        )
        low, needed = float(difference.low[0]), gate.min_logit_difference
        results.append(
            GateResult(
                name="least logit difference",
                value=rounded(float(np.nan_to_num(low))),
                needed=needed,
                passed=low > needed,
            )
        )
    return tuple(results)


def failed(gates: Sequence[GateResult]) -> str | None:
    """Which gates were not met, in one sentence; None if all were."""
    missed = [gate for gate in gates if not gate.passed]
    if not missed:
        return None
    said = "; ".join(f"{gate.name} {gate.value:.3g}, needed {gate.needed:.3g}" for gate in missed)
    return f"gate not met: {said}"


def _at_least(name: str, value: float, needed: float) -> GateResult:
    return GateResult(name=name, value=rounded(value), needed=needed, passed=value >= needed)
