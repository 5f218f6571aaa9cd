"""``headbook diff``: what differs between two evidence records."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from catalog.commands.errors import CommandError
from catalog.commands.options import Entries, EvidenceFolders, Form

if TYPE_CHECKING:
    from catalog.differences import Differences
    from catalog.loading import Catalog
    from catalog.schema.evidence import Evidence

DIFFERENT = 1
TROUBLE = 2
_SHOWN = 10


def diff(
    a: Annotated[str, typer.Argument(help="A record: its file, or MODEL/TYPE.RECIPE.")],
    b: Annotated[str, typer.Argument(help="The record to compare it with.")],
    tolerance: Annotated[
        float, typer.Option(min=0.0, help="Scores and margins nearer than this are the same.")
    ] = 1e-4,
    show_all: Annotated[bool, typer.Option("--all", help="Every head that differs.")] = False,
    form: Form = "text",
    entries: Entries = None,
    evidence: EvidenceFolders = None,
) -> None:
    """Compare two records of one recipe: settings, verdict, heads gained and lost, every score.

    MODEL/TYPE.RECIPE names the record of the model's standing revision, MODEL/REVISION/TYPE.RECIPE
    any. Exit codes as of diff: 0 no difference, 1 they differ, 2 they cannot be compared.
    """
    from catalog.differences import CannotCompare, compare

    names = _Names(entries, evidence)
    one, other = names.record(a), names.record(b)
    try:
        found = compare(one, other, tolerance)
    except CannotCompare as error:
        raise CommandError(str(error), TROUBLE) from None
    if form == "json":
        typer.echo(found.model_dump_json(indent=2))
    else:
        _print(found, None if show_all else _SHOWN)
    if found.different:
        raise typer.Exit(DIFFERENT)


class _Names:
    """Records by file or name; entries are read only where a name is given."""

    def __init__(self, entries: Path | None, evidence: list[Path] | None) -> None:
        self._folders = entries, evidence
        self._catalog: Catalog | None = None

    def record(self, name: str) -> Evidence:
        path = Path(name)
        if path.is_file():
            return _read(path)
        if path.suffix == ".json" or name.startswith((".", "/", "~")) or name.count("/") == 0:
            raise CommandError(
                f"there is no file {name} (a record is a file, or MODEL/TYPE.RECIPE such as"
                " reference/induction.copying)",
                TROUBLE,
            )
        return self._named(name)

    def _named(self, name: str) -> Evidence:
        from catalog.commands.opening import load_entries
        from catalog.loading import UnknownModel
        from catalog.revisions import revision_order
        from catalog.suggestions import did_you_mean

        if self._catalog is None:
            try:
                self._catalog = load_entries(*self._folders)
            except CommandError as error:
                raise CommandError(str(error), TROUBLE) from None
        catalog = self._catalog
        *place, record = name.split("/")
        revision = (
            place.pop() if len(place) > 1 and "/".join(place) not in _models(catalog) else None
        )
        try:
            model = catalog.resolve_model("/".join(place))
        except UnknownModel as error:
            raise CommandError(str(error), TROUBLE) from None
        by_revision = {
            e.model.revision: e
            for e in catalog.evidence.values()
            if e.model.id == model.id
            and f"{e.head_type}.{e.recipe}" == record
            and revision in (None, e.model.revision)
        }
        if by_revision:
            return by_revision[min(by_revision, key=revision_order(model))]
        there = sorted(
            {
                f"{e.head_type}.{e.recipe}"
                for e in catalog.evidence.values()
                if e.model.id == model.id and revision in (None, e.model.revision)
            }
        )
        if not there:
            what = f"revision {revision} of {model.id}" if revision else model.id
            raise CommandError(
                f"there is no evidence on {what}; run: headbook verify --model {model.id}", TROUBLE
            )
        near = did_you_mean(record, there)
        hint = f"; did you mean {near}?" if near else f" (it has: {', '.join(there[:8])}, ...)"
        raise CommandError(f"{model.id} has no record {record}{hint}", TROUBLE)


def _models(catalog: Catalog) -> set[str]:
    from catalog.loading import names_of

    return {name for model in catalog.models.values() for name in names_of(model)}


def _read(path: Path) -> Evidence:
    from pydantic import ValidationError

    from catalog.schema.evidence import Evidence

    try:
        return Evidence.model_validate_json(path.read_text(encoding="utf-8"))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise CommandError(
            f"{path} is no evidence record: {where}: {first['msg']}", TROUBLE
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise CommandError(f"cannot read {path}: {said}", TROUBLE) from None


def _print(found: Differences, most: int | None) -> None:
    typer.echo(f"A  {found.a}")
    typer.echo(f"B  {found.b}")
    if not found.different:
        typer.echo(
            f"no difference (largest change of a score or margin: {found.largest or 0.0:.2g})"
        )
        return
    for setting in found.settings:
        typer.echo(f"{setting.name}: {_short(setting.a)} -> {_short(setting.b)}")
    if found.verdict_a != found.verdict_b:
        typer.echo(f"verdict: {found.verdict_a} -> {found.verdict_b}")
    for what, heads in (("gained", found.gained), ("lost", found.lost)):
        if heads:
            typer.echo(f"heads {what}: {', '.join(heads)}")
    if found.not_compared:
        typer.echo(f"heads not compared: {found.not_compared}")
    shown = found.heads[:most]
    if shown:
        typer.echo(f"{len(found.heads)} of {found.compared} heads score otherwise:")
        typer.echo("  head    score A   score B    change  margin A  margin B  status")
    for head in shown:
        status = (
            head.status_a
            if head.status_a == head.status_b
            else (f"{head.status_a} -> {head.status_b}")
        )
        apart = "" if head.intervals_overlap else ", intervals apart"
        typer.echo(
            f"  {head.head:6}{_number(head.score_a):>9} {_number(head.score_b):>9}"
            f" {_number(head.change, '+'):>9} {_number(head.margin_a):>9}"
            f" {_number(head.margin_b):>9}  {status}{apart}"
        )
    if len(shown) < len(found.heads):
        typer.echo(f"  and {len(found.heads) - len(shown)} more (--all shows them)")


def _short(value: str) -> str:
    """A hash by its first twelve digits."""
    return value[:12] if len(value) == 64 and set(value) <= set("0123456789abcdef") else value


def _number(value: float | None, sign: str = "") -> str:
    return "-" if value is None else f"{value:{sign}.4f}"
