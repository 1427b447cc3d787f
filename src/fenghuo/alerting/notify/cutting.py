"""Cutting texts to what a platform takes: counted as the platform counts, and with its markup left whole.

A :class:`Limit` says how long a text may be, in which unit, and in which markup it is written. A text that is too long
is taken apart into pieces that are never cut in two (an element's tag, an entity, a link, an emoji with what belongs to
it); pieces are kept as long as they, and what closes the markup that is open behind them, have room.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, TypeAlias

import orjson

Measure: TypeAlias = Callable[[str], int]
"""The length of a text; that of two texts together is the sum of theirs."""
Open: TypeAlias = tuple[str, ...]
"""What closes the markup that is open, the outermost first."""


def characters(text: str) -> int:
    """Unicode code points."""
    return len(text)


def utf8(text: str) -> int:
    """Bytes."""
    return len(text.encode())


def utf16(text: str) -> int:
    """Units of UTF-16, in which an emoji counts as two: how JavaScript counts, and Telegram."""
    return len(text) + sum(char > "\uffff" for char in text)


def json_utf8(text: str) -> int:
    """Bytes within a JSON text, where quotes and line breaks take more."""
    return len(orjson.dumps(text)) - 2


class Markup(StrEnum):
    """How a text is written."""

    TEXT = "text"
    MARKDOWN = "markdown"
    """As chat robots read it: ``**bold**``, ``[text](url)``, code, and ``<font color="…">``."""
    MRKDWN = "mrkdwn"
    """Slack's: ``*bold*``, ``<url|text>``, entities."""
    HTML = "html"
    """Simple elements without scripts."""


ELLIPSIS: Final = "…"
BLOCK_ELLIPSIS: Final = "\n\n…"
_EXTENDING: Final = "\u0300-\u036f\u20e3\ufe00-\ufe0f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f"
_CHARACTER: Final = rf"[\U0001f1e6-\U0001f1ff]{{2}}|.(?:[{_EXTENDING}]|\u200d.){{0,12}}"
"""A character with what is drawn with it: accents, variants, skin tones, families of emoji, flags."""
_TAG: Final = r"</?[A-Za-z@][^<>\n]{0,2000}>"
_ENTITY: Final = r"&[#\w]{1,10};"
_URL: Final = r"https?://[^\s)\]|<>]+"
_PIECES: Final = {
    Markup.TEXT: re.compile(rf"{_URL}|{_CHARACTER}", re.DOTALL),
    Markup.MARKDOWN: re.compile(
        rf"```|!?\[[^\[\]\n]{{0,2000}}\]\([^()\n]{{0,2000}}\)|`[^`\n]{{1,2000}}`|\*\*|{_TAG}|{_ENTITY}|{_URL}|{_CHARACTER}",
        re.DOTALL,
    ),
    Markup.MRKDWN: re.compile(
        rf"```|<[^<>\n]{{1,2000}}>|`[^`\n]{{1,2000}}`|\*[^*\s][^*\n]{{0,200}}\*|{_ENTITY}|{_CHARACTER}", re.DOTALL
    ),
    Markup.HTML: re.compile(rf"</?[A-Za-z][^>]*>|{_ENTITY}|{_CHARACTER}", re.DOTALL),
}
_NAME: Final = re.compile(r"<(?P<closing>/?)(?P<name>[A-Za-z][\w-]*)[^>]*>", re.DOTALL)
_VOID: Final = frozenset({"br", "hr", "img", "meta", "link", "input"})
FENCE: Final = "```"
CLOSED_FENCE: Final = "\n```"
BOLD: Final = "**"


@dataclass(frozen=True, slots=True)
class Limit:
    """How long a text may be: at most ``most`` of what ``measure`` counts."""

    most: int
    measure: Measure = characters
    markup: Markup = Markup.TEXT
    ellipsis: str = BLOCK_ELLIPSIS
    """What stands where something is missing."""

    def holds(self, text: str) -> bool:
        return self.measure(text) <= self.most

    def less(self, beside: str) -> Limit:
        """What is left when ``beside`` has to have room, too."""
        return replace(self, most=max(self.most - self.measure(beside), 0))

    def cut(self, text: str) -> str:
        """``text`` within the limit: cut between lines where that loses little, and marked where it was cut."""
        if self.holds(text):
            return text
        room = self.most - self.measure(self.ellipsis)
        if room < 0:
            return self.ellipsis.strip() if self.holds(self.ellipsis.strip()) else ""
        kept, still_open = self._kept(text, room)
        return f"{kept}{''.join(reversed(still_open))}{self.ellipsis}"

    def _kept(self, text: str, room: int) -> tuple[str, Open]:
        """The beginning of ``text`` that has room, and what closes it."""
        kept: list[str] = []
        size = 0
        still_open: Open = ()
        line_end: tuple[int, Open] = 0, ()
        before: Open = ()
        for piece, after in _opened(text, self.markup):
            size += self.measure(piece)
            if size + self.measure("".join(after)) > room:
                break
            kept.append(piece)
            before, still_open = still_open, after
            if piece == "\n":
                line_end = len(kept), after
        if line_end[0] > len(kept) // 2:
            kept, still_open = kept[: line_end[0]], line_end[1]
        elif len(still_open) > len(before):
            kept, still_open = kept[:-1], before  # What was opened last would hold nothing.
        return "".join(kept).rstrip(), still_open


def line(most: int, measure: Measure = characters) -> Limit:
    """The limit of a text of one line, such as a title."""
    return Limit(most, measure, ellipsis=ELLIPSIS)


def _opened(text: str, markup: Markup) -> Iterator[tuple[str, Open]]:
    """Every piece of ``text``, with what is open behind it."""
    still_open: Open = ()
    for found in _PIECES[markup].finditer(text):
        piece = found[0]
        if markup is not Markup.TEXT:
            still_open = _after(piece, still_open, markup)
        yield piece, still_open


def _after(piece: str, still_open: Open, markup: Markup) -> Open:
    """What is open behind ``piece``."""
    last = still_open[-1] if still_open else ""
    if markup is not Markup.HTML:
        if piece == FENCE:
            return still_open[:-1] if last == CLOSED_FENCE else (*still_open, CLOSED_FENCE)
        if last == CLOSED_FENCE:
            return still_open
        if piece == BOLD and markup is Markup.MARKDOWN:
            return still_open[:-1] if last == BOLD else (*still_open, BOLD)
        if piece == "\n" and last == BOLD:
            return still_open[:-1]  # Bold ends with its line.
    tag = None if markup is Markup.MRKDWN else _NAME.fullmatch(piece)
    if tag is None or tag["name"].lower() in _VOID:
        return still_open
    closing = f"</{tag['name']}>"
    if not tag["closing"]:
        return (*still_open, closing)
    return still_open[:-1] if last == closing else still_open
