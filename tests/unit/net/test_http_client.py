"""Bodies that are compressed, damaged or too long."""

from __future__ import annotations

import gzip
import tracemalloc

import pytest

from fenghuo.net.answer import Answer, HttpError, HttpFault

TEXT = b"up 1\n" * 1000


def answer(body: bytes, encoding: str = "gzip") -> Answer:
    return Answer(200, "OK", "text/plain", encoding, body)


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (TEXT, ""),
        (TEXT, "identity"),
        (gzip.compress(TEXT, mtime=0), "gzip"),
        (gzip.compress(TEXT[:7], mtime=0) + gzip.compress(TEXT[7:], mtime=0), "gzip"),
        (gzip.compress(TEXT, mtime=0), "x-gzip"),
    ],
)
def test_a_body_comes_out_whole(body: bytes, encoding: str) -> None:
    assert answer(body, encoding).inflated(len(TEXT)) == TEXT


@pytest.mark.parametrize(
    ("body", "encoding", "fault"),
    [
        (gzip.compress(TEXT, mtime=0), "gzip", HttpFault.BODY_SIZE),
        (gzip.compress(TEXT[:4000], mtime=0) + gzip.compress(TEXT[4000:], mtime=0), "gzip", HttpFault.BODY_SIZE),
        (gzip.compress(TEXT, mtime=0)[:-5], "gzip", HttpFault.ENCODING),
        (TEXT, "gzip", HttpFault.ENCODING),
        (gzip.compress(TEXT, mtime=0) + b"and more", "gzip", HttpFault.ENCODING),
        (gzip.compress(TEXT, mtime=0)[:20] + b"\0" * 20, "gzip", HttpFault.ENCODING),
        (TEXT, "deflate", HttpFault.ENCODING),
    ],
)
def test_a_body_that_cannot_be_had_says_why(body: bytes, encoding: str, fault: HttpFault) -> None:
    limit = len(TEXT) - (fault is HttpFault.BODY_SIZE)
    with pytest.raises(HttpError) as caught:
        answer(body, encoding).inflated(limit)

    assert caught.value.fault is fault


def test_a_bomb_costs_no_more_than_the_limit() -> None:
    """100 MB of zeros in 100 kB: what comes out of the decompressor is bounded, not only what is kept."""
    bomb = answer(gzip.compress(bytes(100_000_000), 9, mtime=0))
    tracemalloc.start()
    try:
        with pytest.raises(HttpError):
            bomb.inflated(10_000)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 2_000_000
