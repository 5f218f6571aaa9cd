"""Options of the commands that run a model, and what they may be."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated

import typer

from catalog.commands.errors import CommandError
from catalog.schema.base import Stage, Strength
from catalog.suggestions import did_you_mean

DTYPES = ("float32", "bfloat16", "float16")

Revision = Annotated[str | None, typer.Option(help="Commit of a hub model.")]
DescribedAs = Annotated[
    str | None, typer.Option("--as", help="The model entry that a local folder is a copy of.")
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps, or several.")]
Dtype = Annotated[str, typer.Option(help="float32, bfloat16 or float16.")]
Seed = Annotated[int, typer.Option(min=0, help="Added to the seeds of the recipes.")]
Again = Annotated[bool, typer.Option("--again", help="Run fresh evidence again too.")]
Stages = Annotated[
    list[str] | None,
    typer.Option(
        "--stage",
        metavar="STAGE",
        help="Only head types of this stage; may be given more than once.",
    ),
]
Strengths = Annotated[
    list[str] | None,
    typer.Option(
        "--strength",
        metavar="KIND",
        help="Only recipes that show this kind of evidence (pattern, weights, direct-effect,"
        " decodable, necessary, sufficient); may be given more than once.",
    ),
]


def stages_of(names: Sequence[str] | None) -> list[Stage]:
    """The stages of these names.

    Raises:
        CommandError: for a name that is none.
    """
    return [
        Stage(one_of("--stage", name, [stage.value for stage in Stage])) for name in names or ()
    ]


def strengths_of(names: Sequence[str] | None) -> list[Strength]:
    """The kinds of evidence of these names.

    Raises:
        CommandError: for a name that is none.
    """
    kinds = [kind.value for kind in Strength if kind is not Strength.TRIANGULATED]
    return [Strength(one_of("--strength", name, kinds)) for name in names or ()]


def one_of(option: str, name: str, known: Sequence[str]) -> str:
    """The name, if it is one of those that an option may have.

    Raises:
        CommandError: saying which there are.
    """
    if name in known:
        return name
    near = did_you_mean(name, known)
    hint = f" (did you mean '{near}'?)" if near else ""
    raise CommandError(f"{option} is one of {', '.join(known)}; not '{name[:60]}'{hint}", 2)


def check_device(device: str, dtype: str) -> None:
    """Say now what is no device or number format.

    Raises:
        CommandError: saying what there is.
    """
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?|mps|several", device):
        raise CommandError(
            f"--device is auto, cpu, cuda, cuda:N, mps or several, not '{device}'", 2
        )
    one_of("--dtype", dtype, DTYPES)
