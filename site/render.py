"""Write the pages of the docs site: Markdown, pictures and records, from the database.

    python site/render.py --database build/headbook.sqlite --out build/docs

mkdocs then builds ``build/site`` from ``build/docs``; ``headbook site`` does both. The same
database gives the same bytes.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import clone  # noqa: F401 - before the first import of the catalog
import facets
import measure_words
import notebook
import reproduction
import stamping
import wording
from book import Book, best_first, read_book
from model_view import best_ranks, found_types, model_view
from navigation import by_stage, navigation
from near import Near, near_head, near_model, near_mosaic
from open_work import open_work
from page import Page, environment
from type_view import attention_view, histories, inlined, mosaic_tiles

from catalog import places
from catalog.drawing.record_view import View, view
from catalog.folder_swap import FolderInTheWay, replace_folder
from catalog.heads import empty_head
from catalog.responses import HeadTypeDetail, ModelDetail, SurveyedType
from catalog.schema.base import layer_and_head

_SITE = Path(__file__).resolve().parent

MARKER = ".headbook-pages"
NAVIGATION = ".navigation.json"
HAND_WRITTEN = ("api.md", "contributing.md", "glossary.md", "methods.md", "verdicts.md")
FRAMES = ("head-types", "models")
"""Sections that have a frame for small pages (``stamping.py``)."""


class Renderer:
    """Writes all pages of a book into a folder."""

    def __init__(self, book: Book, out: Path) -> None:
        self.book = book
        self.out = out
        self.sheet = stamping.Sheet()
        self.environment = environment()
        self.environment.globals.update(
            book=book,
            has_page=lambda model, head: (model, head) in book.listed,
            runs=book.runs,
        )
        self.environment.tests.update(claim_runs=book.runs)
        self.views: dict[str, View] = {}
        self.beside: dict[str, str] = {}
        """Page of mkdocs -> its sidebar, where that does not list the whole section."""

    def everything(self) -> None:
        """Write every page, picture, record, feed and the navigation."""
        shutil.copytree(_SITE / "assets", self.out / "assets")
        for name in HAND_WRITTEN:
            shutil.copy(_SITE / "pages" / name, self.out / name)
        self._evidence()
        self._page("index", "index.md.jinja", stages=by_stage(self.book), state=facets.state)
        chosen, lines = facets.table(self.book)
        self._page(
            "head-types/index",
            "head-types.md.jinja",
            facets=chosen,
            lines=lines,
            state=facets.state,
        )
        for name in ("papers/index", "models/index", "changes", "try"):
            self._page(name, f"{name.split('/')[0]}.md.jinja")
        self._page(
            "reproduction",
            "reproduction.md.jinja",
            by_model=reproduction.by_model(self.book),
            by_paper=reproduction.by_paper(self.book),
            commands=reproduction.next_commands(self.book),
        )
        self._page("open-work", "open-work.md.jinja", work=open_work(self.book))
        self._survey()
        self._page("measures", "measures.md.jinja", measures=measure_words.measures())
        self._page("from-python", "notebook.md.jinja", cells=notebook.cells())
        for entry in self.book.head_types:
            self._head_type(entry)
        for paper in self.book.papers:
            self._page(f"papers/{paper.id}", "paper.md.jinja", paper=paper)
        for model in self.book.models:
            self._model(model)
        for section in FRAMES:
            self._page(f"{section}/frame/pages", "frame.md.jinja", section=section)
        self.sheet.write(self.out)
        self._feed_and_redirects()
        for name, data in ((NAVIGATION, navigation(self.book)), (stamping.BESIDE, self.beside)):
            self._write(name, json.dumps(data, indent=1, ensure_ascii=False) + "\n")
        self._write(MARKER, "Written by site/render.py; the next run replaces this folder.\n")

    def _survey(self) -> None:
        survey = self.book.survey
        stages: dict[Any, dict[str, list[SurveyedType]]] = {name: {} for name in wording.STAGES}
        for placed in survey.types if survey else ():
            stages[placed.stage].setdefault(placed.group, []).append(placed)
        self._page(
            "survey",
            "survey.md.jinja",
            survey=survey,
            stages={stage: groups for stage, groups in stages.items() if groups},
            own=sum(entry.placed_by != "survey" for entry in self.book.head_types),
            tally=Counter(tag.mapping for tag in survey.tags) if survey else {},
            ways=wording.MAPPINGS,
            state=facets.state,
        )

    def _write(self, path: str, text: str) -> None:
        file = self.out / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8", newline="\n")

    def _html(self, path: str, template: str, **values: Any) -> str:
        return self.environment.get_template(template).render(to=Page(path).to, **values)

    def _page(self, path: str, template: str, **values: Any) -> None:
        self._write(path + ".md", self._html(path, template, **values))

    def _beside(self, near: Near) -> str:
        """What the sidebar of a page lists, as list items."""
        return self._html(near.here, "near.jinja", near=near)

    def _stamp(
        self, template: str, near: Near, title: str, about: str, search: bool = True, **values: Any
    ) -> None:
        path = near.here
        html = self._html(path, template, title=title, **values)
        beside = self._beside(near)
        frame = path.split("/")[0]
        self.sheet.add(stamping.Stamped(path, frame, title, about, html, beside, search))

    def _evidence(self) -> None:
        """Views of all records by id; their pictures and the records themselves as files."""
        for name, record in self.book.evidence.items():
            published = self.book.published_heads(record.head_type, record.model.id)
            made = self.views[name] = view(record, published)
            if made.picture is not None:
                self._write(f"evidence/{name}.svg", made.picture.alone())
            data = json.dumps(record.model_dump(mode="json", by_alias=True), indent=1)
            self._write(f"evidence/{name}.json", data + "\n")

    def _head_type(self, entry: HeadTypeDetail) -> None:
        joined = [recipe.evidence for result in entry.results for recipe in result.recipes]
        unjoined = [
            name
            for name, made in self.views.items()
            if made.record.head_type == entry.id and name not in joined
        ]
        tiles = mosaic_tiles(self.book, entry, self.views)
        self._page(
            f"head-types/{entry.id}",
            "head-type.md.jinja",
            entry=entry,
            results=best_first(entry.results),
            views=self.views,
            unjoined=[self.views[name] for name in unjoined],
            inline=inlined(self.views, [*joined, *unjoined]),
            attention=attention_view(self.book, entry),
            histories=histories(self.book, entry),
            tiles=tiles,
        )
        if tiles:
            title = f"{entry.name} in {len(tiles)} model{'' if len(tiles) == 1 else 's'}"
            about = (
                f"Every head of every model that was run, or that a claim is about: {entry.name}"
            )
            near = near_mosaic(self.book, entry)
            # The page of the type is what a search for it should find
            self._stamp("mosaic.jinja", near, title, about, False, entry=entry, tiles=tiles)

    def _model(self, model: ModelDetail) -> None:
        path = f"models/{model.id}"
        known = {head.head: head for head in self.book.heads.get(model.id, ())}
        scored = any(head.scores for head in known.values())
        self._page(
            path, "model.md.jinja", view=model_view(self.book, model, self.views, Page(path).to)
        )
        self.beside[f"{path}.md"] = self._beside(near_model(self.book, model, scored))
        types = found_types(model)
        for head in self.book.listed_heads[model.id]:
            self._stamp(
                "head.jinja",
                near_head(self.book, model.id, head, scored),
                f"Head {head} of {model.name}",
                f"What is known of head {head} of {model.name}: claims, evidence and ranks",
                model=model,
                head=known.get(head) or empty_head(model, *layer_and_head(head)),
                types=types.get(head, []),
            )
        if scored:
            self._stamp(
                "heads.jinja",
                near_head(self.book, model.id, "heads", scored),
                f"Every head of {model.name}",
                f"What every head of {model.name} was found to be, and its highest ranks",
                search=False,
                model=model,
                heads=list(known.values()),
                ranks=best_ranks,
            )

    def _feed_and_redirects(self) -> None:
        self._write("changes.xml", self._html("index", "feed.xml.jinja"))
        for redirect in self.book.redirects:
            if not any(redirect.old == f"{kind}/{name}" for kind, name in self._pages()):
                html = self._html(redirect.old, "redirect.html.jinja", redirect=redirect)
                self._write(f"{redirect.old}/index.html", html)

    def _pages(self) -> list[tuple[str, str]]:
        """Kind and id of everything that has a page."""
        book = self.book
        named = {"head-types": book.head_types, "papers": book.papers, "models": book.models}
        return [(kind, entry.id) for kind, entries in named.items() for entry in entries]


def write_pages(book: Book, out: Path) -> None:
    """Write the pages of ``book`` to ``out``, replacing what an earlier run left there.

    Raises:
        catalog.folder_swap.FolderInTheWay: if ``out`` holds anything else.
    """
    with replace_folder(out, marker=MARKER) as fresh:
        Renderer(book, fresh).everything()


def main(arguments: list[str] | None = None) -> int:
    """Run the script; 0 if the pages were written."""
    parser = argparse.ArgumentParser(description="Write the pages of the docs site.")
    parser.add_argument("--database", type=Path, default=places.database_file())
    parser.add_argument("--out", type=Path, default=places.build_dir() / "docs")
    chosen = parser.parse_args(arguments)
    from catalog.database import DatabaseError, open_session

    try:
        with open_session(chosen.database) as session:
            book = read_book(session)
        write_pages(book, chosen.out)
    except (DatabaseError, FolderInTheWay) as error:
        print(f"render.py: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
