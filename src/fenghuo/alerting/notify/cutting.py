"""Cutting texts to what a platform takes."""

from __future__ import annotations

from typing import Final

ELLIPSIS: Final = "\n\n…"


def cut_bytes(text: str, bytes_max: int) -> str:
    """``text`` in at most ``bytes_max`` bytes of UTF-8, cut between lines where that loses little, and marked."""
    data = text.encode()
    if len(data) <= bytes_max:
        return text
    kept = data[: max(bytes_max - len(ELLIPSIS.encode()), 0)].decode("utf-8", "ignore")
    line_end = kept.rfind("\n")
    if line_end > len(kept) // 2:
        kept = kept[:line_end]
    return kept + ELLIPSIS


def cut_chars(text: str, chars_max: int) -> str:
    """``text`` in at most ``chars_max`` characters, the last of them an ellipsis when something is missing."""
    return text if len(text) <= chars_max else text[: chars_max - 1] + "…"
