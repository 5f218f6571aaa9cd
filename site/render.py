"""Write the pages of the docs site: Markdown, pictures and records, from the database.

    python site/render.py --database build/headbook.sqlite --out build/docs

mkdocs then builds ``build/site`` from ``build/docs``; ``headbook site`` does both. The same
database gives the same bytes.
"""

from __future__ import annotations

import argparse
import json
import posixpath
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import clone  # noqa: F401 - before the first import of the catalog
import jinja2
import pygments  # type: ignore[import-untyped]
import wording
from book import Book, read_book, standing
from markupsafe import Markup
from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]
from pygments.lexers import get_lexer_by_name  # type: ignore[import-untyped]
from recipe_words import identify_words, recipe_yaml, steps
from safe_prose import code, inline, markdown_text, prose, web

from catalog import places
from catalog.drawing.escaping import plain, still
from catalog.drawing.pictures import mosaic, number, type_colours
from catalog.drawing.record_view import View, view
from catalog.folder_swap import FolderInTheWay, replace_folder
from catalog.responses import ModelDetail, TypeResult

_SITE = Path(__file__).resolve().parent

MARKER = ".headbook-pages"
NAVIGATION = ".navigation.json"
HAND_WRITTEN = ("methods.md", "api.md", "contributing.md")


class Page:
    """One page to be: its address and its way to the others.

    Args:
        path: path below the docs folder without ``.md``, ``head-types/induction``.
    """

    def __init__(self, path: str) -> None:
        self.path = path

    @property
    def folder(self) -> str:
        """The folder that the page becomes (``use_directory_urls``), without slashes outside."""
        if posixpath.basename(self.path) == "index":
            return posixpath.dirname(self.path)
        return self.path

    def to(self, target: str, anchor: str = "") -> str:
        """Relative address of another page (``papers/x``, ``papers/``) or file (``a/b.svg``)."""
        is_file = posixpath.splitext(target)[1] in {".svg", ".json"}
        relative = posixpath.relpath("/" + target.strip("/"), "/" + self.folder)
        address = relative if is_file else relative + "/"
        return address + (f"#{anchor}" if anchor else "")


def highlighted(text: str, language: str) -> Markup:
    """A block of code; the theme adds its copy button."""
    made = pygments.highlight(
        text.rstrip("\n"),
        get_lexer_by_name(language),
        HtmlFormatter(cssclass="highlight", wrapcode=True),
    )
    return Markup(still(made.strip()))


def environment() -> jinja2.Environment:
    """Templates with autoescape, always: most of what they print was written by strangers."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_SITE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters.update(
        prose=prose,
        inline=inline,
        heading=markdown_text,
        code=code,
        web=web,
        standing=standing,
        revision=lambda text: text[:12],
        number=number,
        meta=lambda text: Markup(json.dumps(plain(text))),
        bigger=lambda value: f"{value:,}".replace(",", "\u202f"),
    )
    made.globals.update(
        words=wording,
        highlighted=highlighted,
        identify_words=identify_words,
        recipe_yaml=recipe_yaml,
        steps=steps,
    )
    return made


class Renderer:
    """Writes all pages of a book into a folder."""

    def __init__(self, book: Book, out: Path) -> None:
        self.book = book
        self.out = out
        self.environment = environment()
        self.environment.globals["listed"] = lambda model: self.book.listed_heads.get(model, ())

    def everything(self) -> None:
        """Write every page, picture, record and the navigation."""
        shutil.copytree(_SITE / "assets", self.out / "assets")
        for name in HAND_WRITTEN:
            shutil.copy(_SITE / "pages" / name, self.out / name)
        views = self._evidence()
        types = {"by_stage": self._by_stage()}
        self._page("index", "index.md.jinja", **types)
        self._page("head-types/index", "head-types.md.jinja", **types)
        self._page("papers/index", "papers.md.jinja")
        self._page("models/index", "models.md.jinja")
        self._page("changes", "changes.md.jinja")
        for entry in self.book.head_types:
            joined = {r.evidence for result in entry.results for r in result.recipes}
            unjoined = [
                made
                for name, made in views.items()
                if made.record.head_type == entry.id and name not in joined
            ]
            self._page(
                f"head-types/{entry.id}",
                "head-type.md.jinja",
                entry=entry,
                views=views,
                unjoined=unjoined,
            )
        for paper in self.book.papers:
            self._page(f"papers/{paper.id}", "paper.md.jinja", paper=paper)
        for model in self.book.models:
            self._page(f"models/{model.id}", "model.md.jinja", **self._model(model, views))
        navigation = json.dumps(self._navigation(), indent=1, ensure_ascii=False)
        self._write(NAVIGATION, navigation + "\n")
        self._write(MARKER, "Written by site/render.py; the next run replaces this folder.\n")

    def _write(self, path: str, text: str) -> None:
        file = self.out / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8", newline="\n")

    def _page(self, path: str, template: str, **values: Any) -> None:
        page = Page(path)
        to: Callable[..., str] = page.to
        text = self.environment.get_template(template).render(
            book=self.book, to=to, number=number, **values
        )
        self._write(path + ".md", text)

    def _evidence(self) -> dict[str, View]:
        """Views of all records by id; their pictures and the records themselves as files."""
        views: dict[str, View] = {}
        for name, record in self.book.evidence.items():
            published = self.book.published_heads(record.head_type, record.model.id)
            made = view(record, published)
            views[name] = made
            if made.picture is not None:
                self._write(f"evidence/{name}.svg", made.picture.alone())
            data = json.dumps(record.model_dump(mode="json", by_alias=True), indent=1)
            self._write(f"evidence/{name}.json", data + "\n")
        return views

    def _by_stage(self) -> dict[Any, list[Any]]:
        return {
            stage: [entry for entry in self.book.head_types if entry.stage == stage]
            for stage in wording.STAGES
        }

    def _model(self, model: ModelDetail, views: dict[str, View]) -> dict[str, Any]:
        """What the page of a model needs: its heads with their types, in order of the grid."""
        found: dict[str, list[TypeResult]] = {}
        for result in standing(model.results):
            for head in result.found:
                found.setdefault(head, []).append(result)
        claimed: dict[str, list[Any]] = {}
        for claim in model.claim_results:
            for head in claim.heads or ():
                claimed.setdefault(head, []).append(claim)
        heads = self.book.listed_heads[model.id]
        in_order = [entry.id for entry in self.book.head_types]
        types = sorted(
            {result.head_type for results in found.values() for result in results},
            key=in_order.index,
        )
        colours = type_colours(types)
        picture = None
        if any(entry.verdict != "not-applicable" for entry in model.results):
            by_head = {
                head: sorted({r.head_type for r in found[head]}, key=in_order.index)
                for head in heads
                if head in found
            }
            picture = mosaic(
                model.name, model.layers, model.heads, by_head, self.book.type_names, colours
            )
        gates = [
            (views[recipe.evidence].record, gate)
            for result in model.results
            for recipe in result.recipes
            if recipe.evidence in views
            for gate in views[recipe.evidence].record.gates
            if not gate.passed
        ]
        return {
            "model": model,
            "heads": heads,
            "found": found,
            "claimed": claimed,
            "colours": colours,
            "picture": picture,
            "failed_gates": gates,
            "to_run": self._to_run(model),
        }

    def _to_run(self, model: ModelDetail) -> str | None:
        """A head type to run on a model without evidence: the runnable one with most claims there.

        Of equals the first of the list; none if nothing runnable is claimed for the model.
        """
        claims = [claim.head_type for claim in model.claim_results]
        claimed = [e.id for e in self.book.head_types if e.runnable and e.id in claims]
        return max(claimed, key=claims.count, default=None)

    def _navigation(self) -> list[Any]:
        """Sections and pages in reading order; titles are HTML, as the theme prints them."""
        types: list[Any] = ["head-types/index.md"]
        for stage, entries in self._by_stage().items():
            if entries:
                named = [{plain(e.name): f"head-types/{e.id}.md"} for e in entries]
                types.append({wording.STAGES[stage][0]: named})
        papers = [
            {plain(f"{paper.authors} {paper.year}: {paper.title}"): f"papers/{paper.id}.md"}
            for paper in self.book.papers
        ]
        models = [{plain(model.name): f"models/{model.id}.md"} for model in self.book.models]
        return [
            {"Home": "index.md"},
            {"Head types": types},
            {"Models": ["models/index.md", *models]},
            {"Papers": ["papers/index.md", *papers]},
            {"Methods": "methods.md"},
            {"API": "api.md"},
            {"Contributing": ["contributing.md", {"Changes": "changes.md"}]},
        ]


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
