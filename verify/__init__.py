"""The verifier: runs recipes on models and records evidence.

Imports catalog, torch and transformers; nothing but its own commands imports it. From Python, on a
model that is in memory already::

    import verify

    results = verify.run(model, tokenizer, types=["induction", "name-mover"])
    results["induction"].found  # ('5.1', '5.5', ...)

``verify.types()`` lists the types that can be run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from verify.in_memory import Interrupted, run, types
    from verify.results import HeadRow, Results

__all__ = ["HeadRow", "Interrupted", "Results", "run", "types"]
_IN_MEMORY = ("Interrupted", "run", "types")


def __getattr__(name: str) -> Any:
    """Load torch and transformers only when something is asked for."""
    if name in _IN_MEMORY:
        from verify import in_memory

        return getattr(in_memory, name)
    if name in __all__:
        from verify import results

        return getattr(results, name)
    raise AttributeError(f"module 'verify' has no attribute '{name}'")
