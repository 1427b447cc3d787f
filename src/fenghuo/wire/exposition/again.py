"""The fast path: a body that is laid out like the last one of its source.

Most lines of a body are, byte for byte, those of the last one, and what they gave is still good. Only lines that
changed are looked at: each must begin with its key and go on with a value. ``benchmarks/exposition.py`` measures it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from operator import ne

import numpy as np

from fenghuo.model.sample import Floats
from fenghuo.wire.exposition.layout import LineLayout, Parsed
from fenghuo.wire.exposition.pieces import byte_lines, pieces_of
from fenghuo.wire.exposition.samples import BadSampleError, read_samples
from fenghuo.wire.exposition.values import bare_floats


def parse_again(last: Parsed, body: bytes) -> Parsed | None:
    """What ``body`` holds; None when it is laid out differently from the last one or has a bad line."""
    known = last.layout.lines
    if known is None or last.lines is None:
        return None
    lines: list[bytes] = []
    before = iter(last.lines)
    changed = bytearray()
    rests: list[bytes] = []
    for piece in pieces_of(body):
        part = byte_lines(piece)
        marks = bytes(map(ne, part, before))
        found = _behind_keys(known, part, marks, len(lines)) if len(marks) == len(part) else None
        if found is None:
            return None
        rests += found
        changed += marks
        if lines:
            lines += part
        else:
            lines = part
    if len(lines) != len(last.lines):
        return None
    if last.times_ms is None and not last.exemplars:
        values = _patched(last.values, known, changed, rests)
        if values is not None:
            return Parsed(last.layout, values, lines=lines)
    return _read_whole(last, known, lines)


def _behind_keys(known: LineLayout, part: Sequence[bytes], marks: bytes, start: int) -> list[bytes] | None:
    """What stands behind their keys in the lines that changed; None when one does not begin with its key."""
    picked = list(compress(part, marks))
    sizes = list(compress(known.key_sizes[start : start + len(part)], marks))
    if 0 in sizes:
        return None  # A line that is no sample is another now.
    keys = compress(known.keys[start : start + len(part)], marks)
    rests = list(map(bytes.removeprefix, picked, keys))
    # A line that does not begin with its key is left whole, which makes the rests longer than they should be.
    surplus = sum(map(len, rests)) + sum(sizes) - sum(map(len, picked))
    return None if surplus else rests


def _patched(values: Floats, known: LineLayout, changed: bytearray, rests: Sequence[bytes]) -> Floats | None:
    """The last values with those of the changed lines in their places; None when they are not all bare values."""
    fresh = bare_floats(rests)
    if fresh is None:
        return None
    places = known.places[np.frombuffer(changed, dtype=np.bool_)]
    patched = values.copy()
    patched[places] = fresh
    return patched


def _read_whole(last: Parsed, known: LineLayout, lines: list[bytes]) -> Parsed | None:
    """With timestamps or exemplars every line is read: they may change where the value does not."""
    samples = compress(lines, known.key_sizes)
    keys = compress(known.keys, known.key_sizes)
    rests = [line[len(key) :].decode(errors="surrogateescape") for line, key in zip(samples, keys, strict=True)]
    try:
        read = read_samples(rests, known.format)
    except BadSampleError:
        return None
    return Parsed(last.layout, read.values, read.times_ms, read.exemplars, lines=lines)
