"""Imported first by ``render.py``: lets the catalog be found in a clone that is not installed."""

from __future__ import annotations

import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
if (_ROOT / "catalog" / "__init__.py").is_file() and str(_ROOT) not in sys.path:
    # In a wheel the catalog is on the path already, and site/ lies inside it
    sys.path.insert(1, str(_ROOT))
