"""Benchmarks: how long the engine takes and how much memory, beside its peers.

The peers live in an environment of their own::

    python3.11 -m venv build/peers
    build/peers/bin/pip install -r tests/benchmarks/requirements.txt
    build/peers/bin/python -m tests.benchmarks --rounds 7

That takes one to two hours on two cores that do nothing else, writes each run to ``results.jsonl``
(the same command goes on where it stopped) and the table to ``README.md`` here. A part of it:
``--sizes 8x800 --rounds 3 --minutes 20``.

``python -m tests.benchmarks.one_pass`` compares all recipes that read attention, run together, with
the dearest of them. Nothing here asserts a time; the figures are for people.
"""
