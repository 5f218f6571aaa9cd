"""A fault of lunr, the search of the theme, mended in the built site.

lunr shares the ends of words in its index. It tells two states apart by a string of their edges'
letters and targets, written without separators: ``a`` to 1 and ``2`` to 3 is ``a123``, and so is
``a`` to 123. Where words hold digits, as names of heads do, two states that differ are then taken
for one. The index seems to hold words that it does not, and a search that meets one ends in an
error and finds nothing (lunr 2.3.9, ``TokenSet.prototype.toString``). With a comma after each
target the string is unambiguous.
"""

from __future__ import annotations

from pathlib import Path

FAULT = "e=e+s+o.id}"
MENDED = 'e=e+s+o.id+","}'


def mend(site: Path) -> None:
    """Mend the theme's search worker below ``site``, if it is there and has the fault."""
    for worker in sorted(site.glob("assets/javascripts/workers/search.*.min.js")):
        code = worker.read_text(encoding="utf-8")
        if FAULT in code:
            worker.write_text(code.replace(FAULT, MENDED), encoding="utf-8")
