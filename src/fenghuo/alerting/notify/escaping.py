"""Words of other people within a platform's markup: they mention nobody and open nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import quote

from fenghuo.alerting.notify.cutting import Markup, line
from fenghuo.base import limits

WORDS = limits.declare(
    "notice_words_chars",
    1_000,
    limits.Policy.REJECT,
    "Characters of one label or annotation in a default text; what is beyond is cut off.",
)
_MRKDWN: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_CARD: Final = str.maketrans({"<": "&#60;", ">": "&#62;"})
_URL_SAFE: Final = ":/?#[]@!$&'*+,;=%~-._"
"""What may stand in a URL as it is; parentheses and spaces would end a link of Markdown."""


def mrkdwn(text: str) -> str:
    """For Slack, where ``<!channel>`` would call everybody."""
    return text.translate(_MRKDWN)


def card(text: str) -> str:
    """For cards of Feishu, where ``<at id=all>`` would."""
    return text.translate(_CARD)


def robot(text: str) -> str:
    """For Markdown of WeCom's robots, which knows no entities: a space takes the meaning from ``<@all>``."""
    return text.replace("<", "< ")


def link_target(url: str) -> str:
    """A URL that a link of Markdown holds whole."""
    return quote(url, safe=_URL_SAFE)


def link(text: str, url: str, markup: Markup) -> str:
    """A link in the platform's markup; without markup the bare URL."""
    match markup:
        case Markup.MARKDOWN:
            return f"[{text}]({link_target(url)})"
        case Markup.MRKDWN:
            return f"<{mrkdwn(url).replace('|', '%7C')}|{mrkdwn(text)}>"
        case Markup.HTML:
            escaped = url.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")
            return f'<a href="{escaped}">{text}</a>'
    return url


def one_line(text: str) -> str:
    """Words with single spaces between them, and not too many of them: nobody reads on for ever."""
    words = " ".join(text[: 4 * WORDS.default].split())
    if len(words) > WORDS.default or len(text) > 4 * WORDS.default:
        WORDS.hit()
    return line(WORDS.default).cut(words)


ESCAPES: Final[Mapping[str, Callable[[str], str]]] = {
    "mrkdwn": mrkdwn,
    "cardText": card,
    "robotText": robot,
    "linkTarget": link_target,
    "oneLine": one_line,
}
"""The functions of notice templates that escape."""
