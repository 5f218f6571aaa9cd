"""The navigation: sections and pages in reading order.

Papers, models and the pages of single heads are not in it: a sidebar that lists all of its siblings
makes each page longer with every other page. Their indexes list them, search finds them, and their
tab is marked all the same (``mkdocs_hook.on_nav``). What is near a model stands in its sidebar
instead (``near.py``).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import wording
from book import Book

from catalog.drawing.escaping import plain
from catalog.responses import HeadTypeDetail


def by_stage(book: Book) -> dict[Any, dict[str, list[HeadTypeDetail]]]:
    """Stage -> group -> head types, in the order of the lists."""
    stages: dict[Any, dict[str, list[HeadTypeDetail]]] = {stage: {} for stage in wording.STAGES}
    for entry in book.head_types:
        stages[entry.stage].setdefault(entry.group, []).append(entry)
    return stages


def navigation(book: Book) -> list[Any]:
    """What mkdocs is given as ``nav``; titles are HTML, as the theme prints them."""
    types: list[Any] = ["head-types/index.md"]
    for stage, groups in by_stage(book).items():
        if groups:
            types.append({wording.STAGES[stage][0]: list(_groups(groups))})
    return [
        {"Home": "index.md"},
        {"Head types": types},
        {"Models": ["models/index.md"]},
        {"Papers": ["papers/index.md"]},
        {"Claims": "reproduction.md"},
        {
            "Methods": [
                "methods.md",
                {"How to read a verdict": "verdicts.md"},
                {"Measures": "measures.md"},
                {"From Python": "from-python.md"},
                {"Glossary": "glossary.md"},
                {"The survey": "survey.md"},
            ]
        },
        {"API": ["api.md", {"Try it": "try.md"}]},
        {
            "Contributing": [
                "contributing.md",
                {"Open work": "open-work.md"},
                {"Changes": "changes.md"},
            ]
        },
    ]


def _groups(groups: dict[str, list[HeadTypeDetail]]) -> Iterable[Any]:
    """A group of one is its head type; a larger one opens to its head types."""
    for name, entries in groups.items():
        named = [{plain(e.name): f"head-types/{e.id}.md"} for e in entries]
        if len(entries) == 1:
            yield named[0]
        else:
            yield {plain(name): named}
