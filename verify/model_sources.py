"""What the name of a model means: an entry, a folder or a hub id; and how hub models get here."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

from catalog.loading import Catalog
from catalog.schema.model import Hub, Model, Shipped
from verify.model_files import ModelError

_HUB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*")
_FILES = ["*.json", "*.txt", "*.model", "tokenizer*"]
_WHOLE = "model.safetensors"
_INDEX = "model.safetensors.index.json"


@dataclass(frozen=True)
class Source:
    """Where a model is to be loaded from."""

    id: str
    name: str
    folder: Path | None
    """None: the hub."""
    hub_id: str | None = None
    revision: str | None = None
    entry: Model | None = None


def find(name: str, catalog: Catalog, *, revision: str | None, described_as: str | None) -> Source:
    """What ``name`` means: an entry (id, hub id, alias), a folder, or a hub id.

    Args:
        name: what the person wrote.
        catalog: for entries of models.
        revision: a commit of a hub model; default the pinned one.
        described_as: the entry that a local folder is a copy of.

    Raises:
        ModelError: if it is none of these.
    """
    looks_like_path = name.startswith((".", "/", "~")) or name.endswith("/")
    if not looks_like_path:
        try:
            entry = catalog.resolve_model(name)
        except LookupError as error:
            if not _HUB_ID.fullmatch(name) and not Path(name).is_dir():
                raise ModelError(
                    f"{error.args[0]} (expected: id or alias of an entry, a folder, a hub id)"
                ) from None
        else:
            if not entry.loadable:
                raise ModelError(f"{entry.id} cannot be loaded: {entry.note}")
            if described_as is not None:
                raise ModelError(f"--as is for folders, and {name} is the entry {entry.id}")
            return _entry_source(entry, revision)
    folder = Path(name).expanduser()
    if folder.is_dir():
        if revision is not None:
            raise ModelError("--revision is for hub models; a folder holds one revision")
        if described_as is not None:
            entry = _described(catalog, described_as)
            return Source(entry.id, entry.name, folder, entry=entry)
        stem = re.sub(r"[^A-Za-z0-9._-]+", "-", folder.resolve().name).strip("-.") or "model"
        return Source(f"local--{stem}", folder.resolve().name, folder)
    if looks_like_path or not _HUB_ID.fullmatch(name):
        raise ModelError(f"no folder {name}")
    if described_as is not None:
        raise ModelError(f"--as is for folders; there is no folder {name}")
    return Source(name.replace("/", "--"), name, None, hub_id=name, revision=revision)


def _described(catalog: Catalog, name: str) -> Model:
    try:
        return catalog.resolve_model(name)
    except LookupError as error:
        raise ModelError(str(error.args[0])) from None


def _entry_source(entry: Model, revision: str | None) -> Source:
    if isinstance(entry.source, Shipped):
        if revision not in (None, entry.source.revision):
            raise ModelError(f"{entry.id} comes in revision {entry.source.revision} only")
        folder = Path(__file__).parent / entry.source.folder
        return Source(entry.id, entry.name, folder, revision=entry.source.revision, entry=entry)
    assert isinstance(entry.source, Hub)
    return Source(
        entry.id,
        entry.name,
        None,
        hub_id=entry.source.hub_id,
        revision=revision or entry.source.revision,
        entry=entry,
    )


def download(source: Source) -> tuple[Path, str]:
    """The folder of a hub model's files and the commit that they are of.

    Of weights only those files are fetched that transformers reads: some repositories hold the same
    weights again in another layout (``consolidated.safetensors``, ``original/``).

    Raises:
        ModelError: if the hub does not give them.
    """
    assert source.hub_id is not None
    try:
        folder = Path(
            snapshot_download(source.hub_id, revision=source.revision, allow_patterns=_FILES)
        )
        weights = [_WHOLE, *_named_weights(folder / _INDEX)]
        snapshot_download(source.hub_id, revision=folder.name, allow_patterns=weights)
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        raise ModelError(
            f"cannot get {source.hub_id} from the hub: {reason[:200]}\n"
            "If it is on this machine, give its folder: --model FOLDER --as "
            f"{source.hub_id}"
        ) from error
    return folder, folder.name  # a snapshot folder is named after its commit


def _named_weights(index: Path) -> list[str]:
    """The files that an index of weights names; none where there is none or it cannot be read."""
    try:
        names = json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return []  # what is wrong with it is said where weights are looked for
    return sorted({name for name in names if isinstance(name, str)})
