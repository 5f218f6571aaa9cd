"""Where pydantic found something wrong: the place that the author wrote, and what belongs there.

Pydantic's places name the branch of a union that it tried. The walk goes along the annotations of
the schema, so that a new builder or measure needs nothing here.
"""

from __future__ import annotations

import types
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, Discriminator, Tag
from pydantic.fields import FieldInfo

from catalog.problems import Path


@dataclass(frozen=True)
class Trace:
    """The place of an error: ``owner`` is the model whose field it is in."""

    path: Path
    annotation: Any
    owner: type[BaseModel] | None
    union: Any = None
    """The annotation of a union without a discriminator that the place leads into."""
    union_path: Path = ()
    branch: type[BaseModel] | None = None
    """The model among its members that pydantic tried."""


def trace_of(model: type[BaseModel], loc: Sequence[int | str]) -> Trace:
    """Follow ``loc``, as pydantic gives it, along the annotations of ``model``."""
    annotation: Any = model
    metadata: tuple[Any, ...] = ()
    path: Path = ()
    owner: type[BaseModel] | None = None
    union: Any = None
    union_path: Path = ()
    branch: type[BaseModel] | None = None
    rest = list(loc)
    while rest:
        bare, found = unwrapped(annotation)
        metadata += found
        if _is_union(bare):
            label = str(rest.pop(0))
            discriminator = discriminator_of(metadata)
            metadata = ()
            if discriminator is None:
                union, union_path = annotation, path
                branch = annotation = next(
                    (m for m in map(model_of, get_args(bare)) if m and m.__name__ == label), None
                )
                if annotation is None:
                    break
            else:
                annotation = members_by_tag(bare, discriminator).get(label)
            continue
        step = rest.pop(0)
        path = (*path, step)
        metadata = ()
        if isinstance(bare, type) and issubclass(bare, BaseModel):
            owner = bare
            info = fields_of(bare).get(str(step))
            annotation, metadata = (info.annotation, _metadata(info)) if info else (None, ())
        elif get_origin(bare) is tuple and isinstance(step, int):
            members = get_args(bare)
            repeated = len(members) == 2 and members[1] is Ellipsis
            annotation = members[0 if repeated else min(step, len(members) - 1)]
        elif get_origin(bare) is dict:
            annotation = get_args(bare)[1]
        else:
            annotation = None
    full: Any = annotation
    if metadata and annotation is not None:
        full = Annotated[(annotation, *metadata)]
    return Trace(path, full, owner, union, union_path, branch)


def unwrapped(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    """Annotation without ``Annotated`` and ``| None``, and the metadata taken off."""
    metadata: tuple[Any, ...] = ()
    while True:
        if get_origin(annotation) is Annotated:
            annotation, *found = get_args(annotation)
            metadata += tuple(found)
            continue
        if _is_union(annotation):
            some = [member for member in get_args(annotation) if member is not types.NoneType]
            if len(some) == 1:
                annotation = some[0]
                continue
        return annotation, metadata


def _is_union(annotation: Any) -> bool:
    if get_origin(annotation) not in (Union, types.UnionType):
        return False
    return sum(member is not types.NoneType for member in get_args(annotation)) >= 1


def _metadata(info: FieldInfo) -> tuple[Any, ...]:
    found = tuple(info.metadata)
    return (*found, info) if info.discriminator is not None else found


def discriminator_of(metadata: tuple[Any, ...]) -> str | Discriminator | None:
    """The discriminator among the metadata of a union, if it has one."""
    for item in metadata:
        if isinstance(item, Discriminator):
            return item
        if isinstance(item, FieldInfo) and item.discriminator is not None:
            return item.discriminator
    return None


def members_by_tag(union: Any, discriminator: str | Discriminator) -> dict[str, Any]:
    """The members of a union by their tags."""
    choices: dict[str, Any] = {}
    name = discriminator if isinstance(discriminator, str) else discriminator.discriminator
    for member in get_args(union):
        bare, metadata = unwrapped(member)
        for item in metadata:
            if isinstance(item, Tag):
                choices[item.tag] = member
        if isinstance(name, str) and isinstance(bare, type) and issubclass(bare, BaseModel):
            literal, _ = unwrapped(bare.model_fields[name].annotation)
            choices.update(dict.fromkeys(map(str, get_args(literal)), bare))
    return choices


def fields_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Fields by the name that a file uses."""
    return {info.alias or name: info for name, info in model.model_fields.items()}


def model_of(annotation: Any) -> type[BaseModel] | None:
    """The pydantic model that an annotation names, if it does."""
    bare, _ = unwrapped(annotation)
    return bare if isinstance(bare, type) and issubclass(bare, BaseModel) else None
