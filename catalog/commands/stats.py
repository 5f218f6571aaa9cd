"""``headbook stats``: how much there is of everything."""

from __future__ import annotations

import typer

from catalog.commands.options import Entries, EvidenceFolders, Form


def stats(
    form: Form = "text",
    entries: Entries = None,
    evidence: EvidenceFolders = None,
) -> None:
    """Count head types, claims, recipes and evidence."""
    from catalog import queries
    from catalog.commands.opening import in_memory

    with in_memory(entries, evidence) as session:
        counts = queries.counts(session)
    if form == "json":
        typer.echo(counts.model_dump_json(indent=2))
        return
    from catalog.commands import views

    views.show_counts(counts)
