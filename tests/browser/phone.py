"""What on a page is wider than a phone, measured in the page."""

from __future__ import annotations

from tests.browser.conftest import Site


def leads_on(site: Site, address: str) -> bool:
    """Whether a page only sends to where an entry has moved."""
    return 'http-equiv="refresh"' in (site.folder / address.strip("/") / "index.html").read_text()


MEASURE = """() => {
  document.querySelectorAll('details').forEach(d => d.open = true);
  const cut = [...document.querySelectorAll('.md-content p, .md-content td, .md-content dd')]
    .filter(e => e.offsetParent && !e.closest('.hb-table:not(.hb-stack)')
                 && e.getBoundingClientRect().right > 361)
    .map(e => e.textContent.slice(0, 60));
  return [document.documentElement.scrollWidth, cut];
}"""


# The content of other pages in the frame of this one: no script and no style is loaded again
IN_TURN = """async addresses => {
  const measure = MEASURE, nothing = 'data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA=';
  const measured = {};
  for (const address of addresses) {
    const text = await (await fetch(address)).text();
    const other = new DOMParser().parseFromString(text, 'text/html');
    other.querySelectorAll('.md-content img').forEach(image => image.src = nothing);
    document.querySelector('.md-content').replaceWith(other.querySelector('.md-content'));
    measured[address] = measure();
  }
  return measured;
}""".replace("MEASURE", MEASURE)
