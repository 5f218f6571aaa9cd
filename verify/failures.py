"""Recipes that could not be computed: told and left without a record, so that they run again."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from pathlib import Path

from verify.batches import is_out_of_memory
from verify.capture import CaptureFailed
from verify.model_files import first_line
from verify.planning import Job

Failures = Mapping[tuple[str, str], str]
"""Head type and recipe, and what went wrong in one line."""

Failed = Callable[[Job, Exception], None]
"""Called with a recipe that could not be computed, and with what was raised."""


def reason_of(error: Exception) -> str:
    """What went wrong, in one line; for errors that no code here words, also where it arose."""
    if isinstance(error, CaptureFailed):
        return first_line(error)
    if is_out_of_memory(error):
        return f"out of memory: {first_line(error)}"
    name = type(error).__name__
    said = first_line(error) if str(error).strip() else "nothing said"
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"{name}: {said}{where}"


def let_go(error: BaseException) -> None:
    """Forget the variables of all that an error ended: they hold tensors, on a full device too."""
    ended: BaseException | None = error
    while ended is not None:
        traceback.clear_frames(ended.__traceback__)
        ended = ended.__context__


def as_json(failures: Failures) -> list[dict[str, str]]:
    """For programs: an object for each recipe."""
    return [
        {"head_type": head_type, "recipe": recipe, "reason": reason}
        for (head_type, recipe), reason in failures.items()
    ]


def by_reason(failures: Failures) -> dict[str, list[str]]:
    """``type.recipe`` of all that failed for the same reason, in the order of the run."""
    made: dict[str, list[str]] = {}
    for key, reason in failures.items():
        made.setdefault(reason, []).append(".".join(key))
    return made
