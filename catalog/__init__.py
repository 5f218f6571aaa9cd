"""The knowledge base: schema, loading and checking of entries, database, queries, the command.

Nothing in this package imports torch, transformers, numpy or ``verify``: the catalog, the API
and the site start without them (``tests/test_imports.py``).
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("headbook")
except PackageNotFoundError:  # a bare checkout that was never installed
    __version__ = "0+unknown"
