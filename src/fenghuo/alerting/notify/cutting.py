"""Cutting texts to what a platform takes."""

from __future__ import annotations

import re
from typing import Final

ELLIPSIS: Final = "\n\n…"
_PIECES: Final = re.compile(r"</?[A-Za-z][^>]*>|&[#\w]{1,10};|.", re.DOTALL)
_TAG: Final = re.compile(r"<(?P<closing>/?)(?P<name>[A-Za-z][\w-]*)[^>]*>", re.DOTALL)


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


def cut_html(text: str, chars_max: int) -> str:
    """HTML of simple elements (``<b>``, ``<a href>``, entities) in at most ``chars_max`` characters of source.

    No element or entity is cut in two, and what is open at the cut is closed.
    """
    if len(text) <= chars_max:
        return text
    kept: list[str] = []
    size = 0
    still_open: list[str] = []
    for piece in _PIECES.findall(text):
        name = _TAG.fullmatch(piece)
        after = [*still_open]
        if name is not None and not name["closing"]:
            after.append(name["name"])
        elif name is not None and after and after[-1] == name["name"]:
            after.pop()
        if size + len(piece) + sum(len(one) + 3 for one in after) + 1 > chars_max:
            break
        kept.append(piece)
        size += len(piece)
        still_open = after
    return "".join(kept) + "…" + "".join(f"</{one}>" for one in reversed(still_open))
