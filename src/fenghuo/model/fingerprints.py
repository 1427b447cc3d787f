"""Fingerprints of many label sets at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from fenghuo.model.labels import FNV_OFFSET, FNV_PRIME, Labels, hash_bytes

FEW: Final = 24
"""So few label sets are quicker one by one: an array operation costs as much as hashing some twenty bytes."""


def fingerprints(sets: Sequence[Labels]) -> list[int]:
    """:meth:`Labels.fingerprint` of each. Byte by byte over all sets; what few long ones have more is left to them."""
    if len(sets) < FEW:
        return [labels.fingerprint() for labels in sets]
    texts = [labels.identity() for labels in sets]
    lengths = np.array([len(text) for text in texts])
    order = np.argsort(-lengths, kind="stable")
    together = int(lengths[order[FEW - 1]])
    """Bytes that at least so many sets have that an array is worth its while."""
    rows = b"".join(texts[index][:together].ljust(together, b"\0") for index in order.tolist())
    columns = np.ascontiguousarray(np.frombuffer(rows, np.uint8).reshape(len(sets), together).T)
    # How many sets reach each byte; they stand first.
    reaching = np.searchsorted(-lengths[order], -np.arange(1, together + 1), side="right").tolist()
    hashes = np.full(len(sets), FNV_OFFSET, np.uint64)
    prime = np.uint64(FNV_PRIME)
    for column, count in zip(columns, reaching, strict=True):
        part = hashes[:count]
        part ^= column[:count]  # Eight bits into sixty-four.
        part *= prime
    found = np.empty(len(sets), np.uint64)
    found[order] = hashes
    done: list[int] = found.tolist()
    for index in order[:FEW].tolist():
        done[index] = hash_bytes(texts[index][together:], done[index])
    return done
