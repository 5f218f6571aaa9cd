from __future__ import annotations

import re
import time

import pytest
from safe_prose import ALLOWED_TAGS, breakable, inline, markdown_text, prose

from catalog.drawing.escaping import plain
from catalog.schema.base import MOST_BRACKETS, MOST_NESTED, safe_markdown

NASTY = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "a\n\n<div onclick='alert(1)'>b</div>\n\nc",
    "\\`<script>alert(1)</script>\\`",
    "``` ` <script>alert(1)</script>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x](https:javascript:alert(1))",
    "[x](//example.org)",
    "[x][1]\n\n[1]: javascript:alert(1)",
    '[x](https://example.org "a\\" onmouseover=\\"alert(1)")',
    "<javascript:alert(1)>",
    "![x](https://example.org/pixel.png)",
    "![x][1]\n\n[1]: https://example.org/pixel.png",
    "text {: onclick=alert(1) }",
    "# heading {: #a onclick=alert(1) }",
    "<!-- --><script>alert(1)</script>",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?php echo 1 ?>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "\x02wzxhzdk:0\x03 \x02klzzwxh:0001\x03",
    "</div></article><script>alert(1)</script>",
    "<svg/onload=alert(1)>",
    '"><script>alert(1)</script>',
    "{{ config }} {% raw %}",
    "<style>*{display:none}</style>",
    "*[HTML]: <b onclick=alert(1)>",
    "~~~\n</div><script>alert(1)</script>\n~~~",
]


@pytest.mark.parametrize("text", NASTY)
def test_prose_holds_allowed_tags_only(text: str) -> None:
    made = prose(text)
    tags = re.findall(r"<\s*/?\s*([^\s>/]+)([^>]*)>", made)
    assert {name for name, _ in tags} <= ALLOWED_TAGS | {"span"}
    for name, attributes in tags:
        if attributes.strip(" /"):
            assert name == "a", made
            assert re.fullmatch(r' href="https://[a-z.]+[^"<>]*" rel="noopener"', attributes), made
    # every '<' left is a tag of ours: nothing half-open remains
    assert made.count("<") == len(tags)
    assert "`" not in made
    assert "~" not in made


@pytest.mark.parametrize("text", NASTY)
def test_headings_and_titles_hold_no_markup(text: str) -> None:
    heading = markdown_text(text)
    assert re.fullmatch(r"(?:[A-Za-z0-9 ,]|&#\d+;)*", heading)
    assert not re.search(r"[<>\"'`~\n]", plain(text))


def test_plain_prose_becomes_what_markdown_says() -> None:
    assert prose("A *head*, `9.9`:\n\n- one\n- **two**") == (
        "<p>A <em>head</em>, <code>9.9</code>:</p>\n"
        "<ul>\n<li>one</li>\n<li><strong>two</strong></li>\n</ul>"
    )
    assert prose("a < b & c") == "<p>a &lt; b &amp; c</p>"
    assert prose(None) == ""


def test_a_line_cannot_end_within_an_arrow() -> None:
    assert prose("in -> mind, `a -> b`, [c -> d](https://example.org)") == (
        "<p>in \u2192 mind, <code>a -&gt; b</code>,"
        ' <a href="https://example.org" rel="noopener">c \u2192 d</a></p>'
    )
    assert prose("    a -> b") == "<pre><code>a -&gt; b\n</code></pre>"


def test_a_long_path_breaks_between_its_parts() -> None:
    assert breakable("a/b of src/fv_scores/x-1_main.txt & <c>") == (
        "a/b of src/<wbr>fv_<wbr>scores/<wbr>x-1_<wbr>main.txt &amp; &lt;c&gt;"
    )
    assert breakable("Section 3.3, appendix C") == "Section 3.3, appendix C"


def test_https_links_stay() -> None:
    assert prose("[paper](https://arxiv.org/abs/2209.11895)") == (
        '<p><a href="https://arxiv.org/abs/2209.11895" rel="noopener">paper</a></p>'
    )


@pytest.mark.parametrize(
    "text", ["[paper](https://github.com@example.org/a)", "[paper](https://a:b@example.org)"]
)
def test_links_with_an_account_lead_nowhere(text: str) -> None:
    assert "href" not in prose(text)
    assert prose("[a](https://medium.com/@author)").count('href="https://medium.com/@author"') == 1


@pytest.mark.parametrize(
    "unit", ["[", "[a", "[a][", "> ", "1. ", "+ ", "- + ", "*", "_a", "`", "&#64;", "\\"]
)
def test_the_longest_text_that_validation_passes_takes_no_time(unit: str) -> None:
    """6,000 brackets took 6 s and 1,000 list marks raised RecursionError (2 ms at the bounds)."""
    most = {"[": MOST_BRACKETS // unit.count("[")} if "[" in unit else {}
    if unit.strip("> 1.+-") == "":
        most = {unit: MOST_NESTED // len(unit.split())}
    text = unit * next(iter(most.values()), 6000 // len(unit))
    text = safe_markdown(f"{text}{'a' * (6000 - len(text))}")
    began = time.perf_counter()
    prose(text)
    assert time.perf_counter() - began < 1.0


def test_headings_become_paragraphs() -> None:
    assert prose("# Big") == "<p>Big</p>"


def test_inline_drops_a_lone_paragraph_only() -> None:
    assert inline("one *word*") == "one <em>word</em>"
    assert inline("one\n\ntwo") == "<p>one</p>\n<p>two</p>"
