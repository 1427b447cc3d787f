"""Texts that come from outside, as databases keep them."""

from __future__ import annotations


def storable(text: str) -> str:
    """Without NUL, which PostgreSQL refuses; half a surrogate pair, which is no UTF-8, becomes a question mark."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()
