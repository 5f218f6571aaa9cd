"""What contributors' Markdown and addresses may hold."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from catalog.schema.base import MOST_BRACKETS, MOST_NESTED, Prose, Url

PROSE: TypeAdapter[str] = TypeAdapter(Prose)
URL: TypeAdapter[object] = TypeAdapter(Url)

LEADS_ELSEWHERE = [
    "https://github.com@example.org/paper",
    "https://github.com:secret@example.org",
    "https://reader:secret@github.com/paper",
    "https://reader@github.com?a=b",
]


@pytest.mark.parametrize("address", LEADS_ELSEWHERE)
@pytest.mark.parametrize(
    "written", ["[paper]({})", "[paper]( {} 'title')", "[paper][1]\n\n[1]: {}"]
)
def test_links_with_an_account_are_refused(address: str, written: str) -> None:
    with pytest.raises(ValidationError, match="hides where the link leads"):
        PROSE.validate_python(f"See {written.format(address)}")


@pytest.mark.parametrize("at", ["&#64;", "&#x40;", "&commat;"])
def test_an_at_sign_is_one_however_it_is_written(at: str) -> None:
    with pytest.raises(ValidationError, match="hides where the link leads"):
        PROSE.validate_python(f"[paper](https://github.com{at}example.org)")


@pytest.mark.parametrize("address", LEADS_ELSEWHERE)
def test_addresses_with_an_account_are_refused(address: str) -> None:
    with pytest.raises(ValidationError, match="hides where the link leads"):
        URL.validate_python(address)


@pytest.mark.parametrize(
    "address",
    [
        "https://medium.com/@author/post",
        "https://example.org/?mail=a@b.org",
        "https://example.org#@author",
    ],
)
def test_an_at_sign_behind_the_host_is_no_account(address: str) -> None:
    assert PROSE.validate_python(f"[post]({address})")
    assert URL.validate_python(address)


@pytest.mark.parametrize("unit", ["[", "[a", "[a][", "`[`"])
def test_too_many_brackets_are_refused(unit: str) -> None:
    """They cost the site's Markdown up to six seconds a text (tests/site/test_safe_prose.py)."""
    assert PROSE.validate_python("[" * MOST_BRACKETS)
    with pytest.raises(ValidationError, match="too many"):
        PROSE.validate_python(f"{unit * (MOST_BRACKETS + 1)}](https://example.org)")


@pytest.mark.parametrize("unit", ["> ", ">", "1. ", "+ ", "- + ", "1) - > "])
def test_lists_inside_each_other_on_one_line_are_bounded(unit: str) -> None:
    markers = sum(unit.count(marker) for marker in ">.+-)")
    assert PROSE.validate_python(f"a\n\n{unit * (MOST_NESTED // markers)}b")
    with pytest.raises(ValidationError, match="inside each other"):
        PROSE.validate_python(f"a\n\n{unit * (MOST_NESTED // markers + 1)}b")


def test_what_only_looks_like_lists_is_prose() -> None:
    for text in ("-" * 40, "**bold** " * 20, "1.2.3.4.5.6.7.8.9.10.11.12", "9.10, 9.9, 9.6 " * 10):
        assert PROSE.validate_python(text) == text.strip()
