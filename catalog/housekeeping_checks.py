"""Checks of redirects and change notes: what they name exists, or moved."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping
from typing import Any

from catalog.contents import Contents, EntryFile
from catalog.problems import Path, Problem
from catalog.references import all_names, cycles
from catalog.schema.housekeeping import Redirect
from catalog.suggestions import did_you_mean


def check_housekeeping(contents: Contents) -> Iterator[Problem]:
    """What redirects and change notes name exists, or moved."""
    yield from _redirects(contents)
    yield from _changes(contents)


def _addresses(contents: Contents) -> set[str]:
    """Kind and id of everything that has a page."""
    folders: dict[str, Mapping[str, EntryFile[Any]]] = {
        "head-types": contents.head_types,
        "papers": contents.papers,
        "models": contents.models,
    }
    return {f"{folder}/{name}" for folder, files in folders.items() for name in all_names(files)}


def _moved(contents: Contents) -> tuple[Redirect, ...]:
    file = contents.redirects
    return file.value.redirects if file is not None and file.value is not None else ()


def _redirects(contents: Contents) -> Iterator[Problem]:
    file, moved, known = contents.redirects, _moved(contents), _addresses(contents)
    if file is None:
        return
    first: dict[str, int] = {}
    olds = {redirect.old for redirect in moved}
    for i, redirect in enumerate(moved):
        path: Path = ("redirects", i)
        if redirect.old in first:
            yield file.problem((*path, "old"), f"'{redirect.old}' is given twice")
        first.setdefault(redirect.old, i)
        if redirect.old in known:
            yield file.problem(
                (*path, "old"), f"'{redirect.old}' still exists; delete it or the redirect"
            )
        if redirect.new is None:
            continue
        if redirect.new.split("/")[0] != redirect.old.split("/")[0]:
            yield file.problem((*path, "new"), f"'{redirect.new}' is of another kind than 'old'")
        elif redirect.new not in known and redirect.new not in olds:
            near = did_you_mean(redirect.new, known)
            more = f"; did you mean '{near}'?" if near else ""
            yield file.problem((*path, "new"), f"'{redirect.new}' does not exist{more}")
    graph: dict[str, list[str]] = {}
    for redirect in moved:
        graph.setdefault(redirect.old, []).extend([redirect.new] if redirect.new else [])
    for circle in cycles(graph):
        shown = " -> ".join([*circle, circle[0]])
        yield file.problem(
            ("redirects", first[circle[0]], "new"), f"redirects go in a circle: {shown}"
        )


def _changes(contents: Contents) -> Iterator[Problem]:
    known = _addresses(contents)
    moved = {item.old for item in _moved(contents)}
    for name, file in contents.changes.items():
        change = file.value
        if change is None:
            continue
        try:
            datetime.date.fromisoformat(change.date)
        except ValueError:
            yield file.problem(("date",), f"there is no day {change.date}")
        if not re.fullmatch(rf"{re.escape(change.date)}(-[a-z0-9]+)+", name):
            yield file.problem(
                ("date",),
                f"the file's name must be the date and a word, '{change.date}-<word>.yaml',"
                f" not '{name}.yaml'",
            )
        for i, subject in enumerate(change.subjects):
            if subject not in known and subject not in moved:
                near = did_you_mean(subject, known)
                more = (
                    f"did you mean '{near}'?" if near else "if it moved, say so in redirects.yaml"
                )
                yield file.problem(("subjects", i), f"'{subject}' does not exist; {more}")
