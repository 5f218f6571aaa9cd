"""How papers are cited: short author lists and BibTeX entries."""

from __future__ import annotations

import re

from catalog.schema import Paper

_PARTICLES = frozenset(
    {"da", "de", "del", "della", "den", "der", "di", "dos", "du", "la", "le", "ten", "ter", "van"}
    | {"von", "zu"}
)
_SUFFIXES = frozenset({"jr.", "jr", "sr.", "ii", "iii", "iv"})
_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}
_SPECIAL |= {letter: f"\\{letter}" for letter in "&%$#_"}


def family_name(author: str) -> str:
    """``"Elena Voita"`` -> ``"Voita"``; keeps particles (``van der Meer``) and ``Last, First``."""
    if "," in author:
        return author.split(",")[0].strip()
    words = author.split()
    while len(words) > 1 and words[-1].lower() in _SUFFIXES:
        words.pop()
    start = len(words) - 1
    while start > 1 and words[start - 1] in _PARTICLES:
        start -= 1
    return " ".join(words[start:])


def short_authors(paper: Paper) -> str:
    """The short form: ``Elhage``, ``Voita and Titov``, ``Olsson et al.``."""
    names = [family_name(author) for author in paper.authors]
    if not paper.authors_complete or len(names) > 2:
        return f"{names[0]} et al."
    return " and ".join(names)


def bibtex(paper: Paper) -> str:
    """A BibTeX ``@misc`` entry, whose key is the paper's id.

    ``@misc`` because the catalog does not record whether a venue is a journal or a conference.
    """
    authors = [_escaped(author) for author in paper.authors]
    if not paper.authors_complete:
        authors.append("others")
    fields = {
        "title": "{" + _escaped(paper.title) + "}",  # the second pair keeps capitals as they are
        "author": " and ".join(authors),
        "year": str(paper.year),
    }
    if paper.venue:
        fields["howpublished"] = _escaped(paper.venue)
    if paper.arxiv:
        fields |= {"eprint": paper.arxiv, "archiveprefix": "arXiv"}
    if paper.doi:
        fields["doi"] = _escaped(paper.doi)
    fields["url"] = _address(paper.address)
    lines = "".join(f"  {name} = {{{value}}},\n" for name, value in fields.items())
    return f"@misc{{{paper.id},\n{lines}}}\n"


def _escaped(text: str) -> str:
    return "".join(_SPECIAL.get(letter, letter) for letter in text)


def _address(url: str) -> str:
    return re.sub(r"[{}\\\s]", lambda found: f"%{ord(found.group()):02X}", url)
