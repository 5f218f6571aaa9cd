"""Models that claims and evidence are about: ``entries/models/<org--name>.yaml``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from catalog.schema.base import Alias, Line, ModelId, Prose, Strict, layer_and_head
from catalog.schema.claim import Checked


class Hub(Strict):
    """A model on the Hugging Face hub."""

    kind: Literal["hub"]
    hub_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$")]
    revision: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")] | None = None
    """The commit that results are pinned to; null where it is not known yet."""
    gated: bool = False


class Shipped(Strict):
    """A model that comes with this package, in a folder below ``verify/``."""

    kind: Literal["shipped"]
    folder: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+(/[a-z0-9-]+)*$")]
    revision: Annotated[str, StringConstraints(pattern=r"^v[0-9]+$")]


class Model(Strict):
    """A language model and its size, so that claims about its heads can be checked."""

    id: ModelId
    name: Line
    aliases: tuple[Alias, ...] = ()
    source: Annotated[Hub | Shipped, Field(discriminator="kind")]
    architecture: Line
    """The transformers class, ``GPT2LMHeadModel``."""
    layers: Annotated[int, Field(ge=1, le=1000)]
    heads: Annotated[int, Field(ge=1, le=1000)]
    kv_heads: Annotated[int, Field(ge=1, le=1000)]
    width: Annotated[int, Field(ge=1)]
    context: Annotated[int, Field(ge=1)]
    vocabulary: Annotated[int, Field(ge=1)]
    positions: Literal["learned", "rotary", "alibi", "none"]
    parameters: Annotated[int, Field(ge=1)] | None = None
    licence: Line
    loadable: bool = True
    """Whether transformers loads it as a causal model, to run recipes; else ``note`` says why."""
    checked: Checked
    """Whether the figures were read in the model's own configuration."""
    note: Prose | None = None

    @model_validator(mode="after")
    def _fits(self) -> Model:
        if self.heads % self.kv_heads:
            raise ValueError(f"{self.heads} heads do not divide into {self.kv_heads} kv_heads")
        if isinstance(self.source, Hub) and self.source.hub_id.replace("/", "--") != self.id:
            raise ValueError(f"id must be the hub id with -- for /, not '{self.id}'")
        if not self.loadable and not self.note:
            raise ValueError("'note' says why the model cannot be loaded")
        return self

    def has_head(self, head: str) -> bool:
        """Whether ``layer.head`` lies inside the model."""
        layer, index = layer_and_head(head)
        return layer < self.layers and index < self.heads

    @property
    def revision(self) -> str | None:
        """The pinned revision, if there is one."""
        return self.source.revision
