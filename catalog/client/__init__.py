"""A client of the API: typed answers, pages read as they are needed, nothing fetched twice.

>>> from catalog.client import Headbook
>>> with Headbook("http://localhost:8000") as book:
...     book.head("gpt2", "9.9").claim_results
...     for entry in book.head_types(stage="latent-reasoning", year_gte=2022):
...         print(entry.name)

``AsyncHeadbook`` has the same methods to be awaited, and lists to be read with ``async for``.
"""

from catalog.client.asynchronous import AsyncHeadbook
from catalog.client.problems import HeadbookError, Missing, NotReachable, WrongRequest
from catalog.client.synchronous import Headbook

__all__ = [
    "AsyncHeadbook",
    "Headbook",
    "HeadbookError",
    "Missing",
    "NotReachable",
    "WrongRequest",
]
