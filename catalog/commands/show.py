"""``headbook show``: a head type, a model, one head of a model, or a paper."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from catalog.commands.options import Entries, EvidenceFolders, Form

if TYPE_CHECKING:
    from sqlmodel import Session

    from catalog.names import NotFound
    from catalog.responses import HeadDetail, HeadTypeDetail, ModelDetail, PaperDetail

MOST_NAMED = 4
"""Most names that are given for one that there is not."""


def show(
    name: Annotated[
        str, typer.Argument(help="A head type (induction), model (gpt2) or paper.", metavar="NAME")
    ],
    head: Annotated[
        str | None, typer.Argument(help="A head of the model, layer.head: 9.9.", metavar="HEAD")
    ] = None,
    form: Form = "text",
    entries: Entries = None,
    evidence: EvidenceFolders = None,
) -> None:
    """Show what is known of a head type, a model, one of its heads, or a paper."""
    from catalog.commands.opening import in_memory

    with in_memory(entries, evidence) as session:
        answer = _head(session, name, head) if head is not None else _any(session, name)
    if form == "json":
        typer.echo(answer.model_dump_json(indent=2))
        return
    from catalog.commands import views

    views.show(answer)


def _head(session: Session, model: str, head: str) -> HeadDetail:
    from catalog import queries
    from catalog.commands.errors import CommandError

    try:
        return queries.head(session, model, head)
    except queries.NotFound as error:
        raise CommandError(str(error)) from error
    except ValueError as error:
        raise CommandError(
            f"a head is written layer.head, both from 0, like 9.10; got {head[:40]!r}", exit_code=2
        ) from error


def _any(session: Session, name: str) -> HeadTypeDetail | ModelDetail | PaperDetail:
    """Whatever has this name: a head type, else a model, else a paper."""
    from catalog import queries
    from catalog.commands.errors import CommandError
    from catalog.names import shown

    missing: list[queries.NotFound] = []
    for look_up in (queries.head_type, queries.model, queries.paper):
        try:
            return look_up(session, name)
        except queries.NotFound as error:
            if isinstance(error, queries.Moved | queries.Withdrawn):
                raise CommandError(str(error)) from error
            missing.append(error)
    raise CommandError(f"there is no head type, model or paper {shown(name)}; {_hint(missing)}")


def _hint(missing: list[NotFound]) -> str:
    """What may have been meant: the nearest of each kind before the others."""
    first = [error.near[0] for error in missing if error.near]
    others = [name for error in missing for name in error.near[1:]]
    named = list(dict.fromkeys([*first, *others]))[:MOST_NAMED]
    if not named:
        return (
            "names are like induction, gpt2 and olsson2022induction,"
            " and `headbook stats` counts what there is"
        )
    *earlier, last = named
    return f"did you mean {', '.join(earlier)}{' or ' if earlier else ''}{last}?"
