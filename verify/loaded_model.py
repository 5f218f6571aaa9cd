"""A model in memory, and what identifies it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from catalog.schema.claim import Checked
from catalog.schema.model import Hub, Model
from verify.anatomy import Anatomy
from verify.model_files import ModelError


@dataclass(frozen=True)
class LoadedModel:
    """A model in memory and what identifies it."""

    id: str
    """Slug ``org--name``; ``local--<folder>`` for a folder that no entry describes."""
    revision: str
    name: str
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    anatomy: Anatomy
    weights_sha256: str
    config_sha256: str
    tokenizer_sha256: str
    device: str
    dtype: str
    """Of the numbers that layers hand one another."""
    foreign_layers: tuple[str, ...] = ()
    """Linear layers that are quantized or adapted: how many of which kind."""
    libraries: Mapping[str, str] = field(default_factory=dict)
    """Versions of the libraries that these and other parts of the model come from."""
    entry: Model | None = None

    def described(self) -> Model:
        """The model's entry; for a model without one, what its own configuration says."""
        if self.entry is not None:
            return self.entry
        anatomy = self.anatomy
        return Model(
            id=self.id,
            name=self.name,
            source=Hub(kind="hub", hub_id=self.id.replace("--", "/", 1)),
            architecture=anatomy.architecture,
            layers=anatomy.layers,
            heads=anatomy.heads,
            kv_heads=anatomy.kv_heads,
            width=anatomy.width,
            context=anatomy.context,
            vocabulary=anatomy.embedding_rows,
            positions="none",
            licence="unknown",
            checked=Checked(state="read", where="the configuration of the loaded model"),
        )


def check_size(loaded: LoadedModel) -> None:
    """Refuse a model of another size than its entry says.

    Raises:
        ModelError: naming what differs.
    """
    entry, anatomy = loaded.entry, loaded.anatomy
    if entry is None:
        return
    for what, said, real in (
        ("architecture", entry.architecture, anatomy.architecture),
        ("layers", entry.layers, anatomy.layers),
        ("heads", entry.heads, anatomy.heads),
        ("kv_heads", entry.kv_heads, anatomy.kv_heads),
        ("width", entry.width, anatomy.width),
    ):
        if said != real:
            raise ModelError(f"{entry.id}: {what} {said} by its entry, {real} by its weights")
