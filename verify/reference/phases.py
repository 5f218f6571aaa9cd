"""The three phases of a training run, and how far the curricula of each have come."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from verify.reference.plan import Plan
from verify.reference.world import LEFT_OUT, NEAR_SUBJECTS

OF_THE_LAST_STEP = 0.05
"""Weight of the last step in the moving averages of accuracies."""


@dataclass
class Phases:
    """Where a run stands: *first*, *attention* (queries and keys alone are trained) or *later*."""

    plan: Plan
    starts: dict[str, int] = field(default_factory=lambda: {"first": 0})
    """The step with which each phase began, as far as the run has come."""
    curriculum_steps: int = 0
    """Steps at which copies were predicted well enough for the first curriculum to move on."""
    near_steps: int = 0
    """The same of indirect objects and the curriculum of the attention phase."""
    copying: float = 0.0
    """Moving average of the accuracy on words that continue a copy."""
    selecting: float = 0.0
    """The same on names that end an indirect-object sentence, from the attention phase on."""

    @property
    def phase(self) -> str:
        """The phase that the run is in."""
        return list(self.starts)[-1]

    @property
    def curriculum(self) -> float:
        """How far the first curriculum has come, 0 to 1."""
        return min(1.0, self.curriculum_steps / self.plan.curriculum_steps)

    @property
    def near_subjects(self) -> float:
        """Share of the indirect-object sentences whose subject stands right before the end."""
        if self.phase != "attention":
            return NEAR_SUBJECTS
        return max(NEAR_SUBJECTS, 1 - self.near_steps / self.plan.near_steps)

    def left_out(self, step: int) -> float:
        """How often words between a key and its value are left out at a step of the run."""
        if self.phase != "later":
            return 0.0
        plan, start = self.plan, self.starts["later"]
        done = (step - start) / (plan.steps - start)
        return max(
            LEFT_OUT, plan.left_out + (LEFT_OUT - plan.left_out) * done / plan.left_out_until
        )

    def copied(self, right: float) -> None:
        """Take the share of right guesses, in one step, of words that continue a copy."""
        self.copying += OF_THE_LAST_STEP * (right - self.copying)

    def selected(self, right: float) -> None:
        """The same of names that end an indirect-object sentence."""
        self.selecting += OF_THE_LAST_STEP * (right - self.selecting)

    def move_on(self, step: int) -> str:
        """Advance the curricula and, where it is time, begin the next phase with the next step.

        Returns:
            What has begun, in words; empty if nothing has.
        """
        plan = self.plan
        if self.copying >= plan.curriculum_accuracy:
            self.curriculum_steps += 1
        begun = ""
        if self.phase == "first" and self.curriculum == 1.0:
            self.starts["attention"] = step + 1
            begun = "attention phase: only queries, keys and learned positions, if any, are trained"
        elif self.phase == "attention" and self.selecting >= plan.near_accuracy:
            self.near_steps += 1
        if self.phase == "attention" and (
            (self.near_subjects == NEAR_SUBJECTS and self.selecting >= plan.selection_accuracy)
            or step + 1 >= self.starts["attention"] + plan.attention_steps
        ):
            self.starts["later"] = step + 1
            begun = f"last phase: indirect objects at {self.selecting:.2f}"
        return begun

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps: everything but the plan, by name."""
        kept = (part.name for part in fields(self) if part.name != "plan")
        return {name: getattr(self, name) for name in kept}
