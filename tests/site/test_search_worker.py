from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import search_worker


def test_the_theme_has_the_fault_once_and_it_is_mended_once(tmp_path: Path) -> None:
    """If a newer theme has not, the module can go. That searches end well: tests/browser."""
    spec = find_spec("material")
    assert spec is not None
    assert spec.origin is not None
    workers = Path(spec.origin).parent / "templates/assets/javascripts/workers"
    (shipped,) = workers.glob("search.*.min.js")
    code = shipped.read_text(encoding="utf-8")
    assert code.count("TokenSet.prototype.toString=function(){if(this._str)") == 1
    assert code.count("e=e+s+o.id}") == 1
    copy = tmp_path / "assets/javascripts/workers" / shipped.name
    copy.parent.mkdir(parents=True)
    copy.write_text(code, encoding="utf-8")
    for _ in range(2):
        search_worker.mend(tmp_path)
        assert copy.read_text(encoding="utf-8") == code.replace("e=e+s+o.id}", 'e=e+s+o.id+","}')


def test_a_site_without_a_search_is_left_as_it_is(tmp_path: Path) -> None:
    search_worker.mend(tmp_path)
    assert list(tmp_path.iterdir()) == []
