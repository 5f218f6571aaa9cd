"""Controls: the same measure where a head of the type should *not* score."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from catalog.schema.base import Slug, Strict


class Control(Strict):
    """Common to all controls. ``paired``: head and control scores belong to the same prompt."""

    version: ClassVar[int] = 1
    runnable: ClassVar[bool] = True
    paired: ClassVar[bool] = False


class VaryRole(Control):
    """The same prompts, another query role, key role or both (paired by prompt)."""

    paired: ClassVar[bool] = True

    vary: Literal["role"]
    query: Slug | None = None
    key: Slug | None = None

    @model_validator(mode="after")
    def _something(self) -> VaryRole:
        if not (self.query or self.key):
            raise ValueError("say which role differs: 'query', 'key' or both")
        return self


class VaryPrompts(Control):
    """An aligned variant of the same prompts (paired: same seed, same template).

    Where prompts are sorted by the model's answers, variant ``solved`` has other prompts of the
    same draw, and nothing is paired.
    """

    paired: ClassVar[bool] = True

    vary: Literal["prompts"]
    variant: Slug


class VaryTokens(Control):
    """Weights-only measures: another target token, or another input.

    ``shuffle: target`` asks for the token of another source. ``input: first-mlp-successor`` keeps
    of the effective embedding only what the first MLP wrote along the successor's own embedding: a
    plain copying head scores there too, a head that itself maps to the successor does not.
    """

    vary: Literal["tokens"]
    shuffle: Literal["target"] | None = None
    input: Literal["first-mlp-successor"] | None = None

    @model_validator(mode="after")
    def _one(self) -> VaryTokens:
        if (self.shuffle is None) == (self.input is None):
            raise ValueError("give either 'shuffle: target' or 'input: first-mlp-successor'")
        return self

    @property
    def pairs_tokens(self) -> bool:
        """Whether head and control scores belong to the same token."""
        return self.input is not None


class VaryHeads(Control):
    """Random heads of the same layers: gives a percentile and a difference, never a q."""

    runnable: ClassVar[bool] = False

    vary: Literal["heads"]
    draws: Annotated[int, Field(ge=10, le=1000)] = 100


class VaryModel(Control):
    """The untrained twin: the same architecture with random weights."""

    runnable: ClassVar[bool] = False

    vary: Literal["model"]
    twin: Literal["untrained"] = "untrained"


AnyControl = Annotated[
    VaryRole | VaryPrompts | VaryTokens | VaryHeads | VaryModel, Field(discriminator="vary")
]

CONTROLS: tuple[type[Control], ...] = (VaryRole, VaryPrompts, VaryTokens, VaryHeads, VaryModel)
