from __future__ import annotations

import json

import pytest

from catalog.citations import bibtex, family_name, short_authors
from catalog.schema import Paper


def paper(**fields: object) -> Paper:
    base = {"id": "doe2020x", "title": "T", "authors": ["Jane Doe"], "year": 2020}
    base |= {"arxiv": "2001.00001", "checked": {"state": "unchecked"}}
    return Paper.model_validate_json(json.dumps(base | fields))


@pytest.mark.parametrize(
    ("author", "name"),
    [
        ("Elena Voita", "Voita"),
        ("Jan van der Meer", "van der Meer"),
        ("Meer, Jan van der", "Meer"),
        ("Martin Luther King Jr.", "King"),
        ("Plato", "Plato"),
        ("van Gogh", "Gogh"),
        ("Łukasz Kaiser", "Kaiser"),
    ],
)
def test_family_names(author: str, name: str) -> None:
    assert family_name(author) == name


@pytest.mark.parametrize(
    ("authors", "complete", "short"),
    [
        (["Nelson Elhage"], True, "Elhage"),
        (["Nelson Elhage"], False, "Elhage et al."),
        (["Elena Voita", "Ivan Titov"], True, "Voita and Titov"),
        (["Elena Voita", "Ivan Titov"], False, "Voita et al."),
        (["A B", "C D", "E F"], True, "B et al."),
    ],
)
def test_short_authors(authors: list[str], complete: bool, short: str) -> None:
    assert short_authors(paper(authors=authors, authors_complete=complete)) == short


def test_bibtex() -> None:
    text = bibtex(
        paper(
            title="50% of {heads} & more_or_less",
            authors=["Jane Doe", "Max Mustermann"],
            authors_complete=False,
            venue="ICLR 2020",
            doi="10.1000/a_b",
        )
    )
    assert text == (
        "@misc{doe2020x,\n"
        "  title = {{50\\% of \\{heads\\} \\& more\\_or\\_less}},\n"
        "  author = {Jane Doe and Max Mustermann and others},\n"
        "  year = {2020},\n"
        "  howpublished = {ICLR 2020},\n"
        "  eprint = {2001.00001},\n"
        "  archiveprefix = {arXiv},\n"
        "  doi = {10.1000/a\\_b},\n"
        "  url = {https://arxiv.org/abs/2001.00001},\n"
        "}\n"
    )
