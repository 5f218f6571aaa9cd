"""NumPy's own file format, version 1.0, written without numpy, which reading the API never needs.

A magic string, the length of a header, the header as a Python literal, padded so that the data
starts at a multiple of 64 bytes (numpy.lib.format).
"""

from __future__ import annotations

import struct
from math import nan

from sqlmodel import Session

from catalog.responses import EvidenceDetail


def scores(answer: EvidenceDetail, session: Session) -> bytes:
    """The mean score of every head: layers x heads, float64, NaN where there is none."""
    del session
    assert answer.record.scores is not None
    return matrix(answer.record.scores.mean)


def matrix(rows: tuple[tuple[float | None, ...], ...]) -> bytes:
    """A matrix of numbers as an ``.npy`` file, little-endian, rows first."""
    shape = (len(rows), len(rows[0]) if rows else 0)
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}"
    padding = -(10 + len(header) + 1) % 64
    text = (header + " " * padding + "\n").encode("latin-1")
    values = [nan if value is None else value for row in rows for value in row]
    start = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text))
    return start + text + struct.pack(f"<{len(values)}d", *values)
