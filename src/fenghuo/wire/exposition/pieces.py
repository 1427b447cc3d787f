"""A body in pieces of some thousand lines.

A single call into C holds the interpreter for a millisecond and more, however long the body is, so whoever parses in
a thread leaves the others their turns between the pieces.
"""

from __future__ import annotations

from collections.abc import Iterator

PIECE_BYTES = 1 << 18
"""About two thousand lines. Splitting a body of 2.7 MB at once held the interpreter for 5 ms, in such pieces for 0.5
ms each; the parser was not slower by it, since a piece stays in the processor's cache."""


def pieces_of(body: bytes) -> Iterator[bytes]:
    """The body in pieces that end where lines do, which is never within a character."""
    if len(body) <= PIECE_BYTES:
        yield body
        return
    start = 0
    while start < len(body):
        end = body.find(b"\n", min(start + PIECE_BYTES, len(body))) + 1 or len(body)
        yield body[start:end]
        start = end


def byte_lines(piece: bytes) -> list[bytes]:
    """The lines of a piece, without the empty one behind a last line break."""
    lines = piece.split(b"\n")
    if not lines[-1]:
        lines.pop()
    return lines
