"""Checkpoints: a model as it was on the way through its training, and what recipes made of it.

``entries/evidence/<org--name>/<revision>-step<6 digits>/checkpoint.json``, written by the verifier
only. They are the model's history and never its evidence: no verdict on a head type, claim or head
rests on one. All recipes share a file, and of each head only what a curve over training needs is
kept; the weights are not.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, model_validator

from catalog.schema.base import Head, Slug, Strict
from catalog.schema.evidence import Engine, EvidenceModel, Grid, Verdict

CHECKPOINT_FILE = "checkpoint.json"
_REVISION = re.compile(r"(?P<of>v[0-9]+)-step(?P<step>[0-9]{6})")


class CheckpointResult(Strict):
    """One recipe on a checkpoint. Grids are layers x heads, in the unit of the measure."""

    head_type: Slug
    recipe: Slug
    recipe_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    unit: str
    verdict: Verdict
    reason: Annotated[str, Field(min_length=1)]
    found: tuple[Head, ...]
    """Heads that pass and were confirmed on a second seed, best first."""
    unclear: tuple[Head, ...]
    mean: Grid | None
    """Null where the recipe was not applicable, as are the other grids."""
    low: Grid | None
    high: Grid | None
    control: Grid | None


class Checkpoint(Strict):
    """A model after some steps of its training."""

    schema_version: Literal[1] = 1
    model: EvidenceModel
    """Its revision is ``<revision of the trained model>-step<step, 6 digits>``."""
    step: Annotated[int, Field(ge=0)]
    """Optimizer steps so far."""
    tokens: Annotated[int, Field(ge=0)]
    """Tokens read so far."""
    loss: float | None
    """Mean loss in nats a token on documents drawn apart from those of training, always the same,
    so that it can be compared over a training whose data changes; null if not recorded."""
    accuracies: dict[Slug, Annotated[float, Field(ge=0, le=1)]]
    """Share of right answers by task, on items that are not trained on."""
    dtype: Literal["float32", "bfloat16", "float16"]
    device: str
    engine: Engine = 1
    versions: dict[str, str]
    results: tuple[CheckpointResult, ...]

    @model_validator(mode="after")
    def _whole(self) -> Checkpoint:
        named = _REVISION.fullmatch(self.model.revision)
        if named is None or int(named["step"]) != self.step:
            raise ValueError(
                f"the revision of step {self.step} ends in -step{self.step:06}, as in"
                f" v1-step{self.step:06}, not '{self.model.revision}'"
            )
        shape = (self.model.layers, {self.model.heads})
        for result in self.results:
            if (result.mean is None) != (result.verdict == "not-applicable"):
                raise ValueError("scores are given unless the recipe was not applicable")
            for name in ("mean", "low", "high", "control"):
                grid: Grid | None = getattr(result, name)
                if grid is not None and (len(grid), {len(row) for row in grid}) != shape:
                    raise ValueError(
                        f"{name} of {result.head_type}.{result.recipe} is not"
                        f" {self.model.layers} layers x {self.model.heads} heads"
                    )
        return self

    @property
    def of(self) -> str:
        """The revision of the model that this training led to."""
        return self.model.revision.partition("-")[0]

    @property
    def id(self) -> str:
        """``<org--name>/<revision>/checkpoint``, also the file's place without ``.json``."""
        return f"{self.model.id}/{self.model.revision}/checkpoint"
