"""The pictures of a mail: what its rules watch, as PNG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fenghuo.alerting.notify.facts import TextOptions, choose
from fenghuo.alerting.notify.message import Message
from fenghuo.alerting.notify.plots import PlotSource, figures
from fenghuo.base.late import Later
from fenghuo.model.language import Language

DRAWING: Final = "fenghuo.alerting.notify.channels.email.drawing"
PNG: Final = Later(DRAWING, "png")
DRAWS_CHINESE: Final = Later(DRAWING, "draws_chinese")


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of a mail."""

    title: str
    cid: str
    """Under which the HTML names it: ``cid:…``."""
    file: str
    png: bytes


def draw(message: Message, source: PlotSource, options: TextOptions) -> Sequence[Picture]:
    """A picture for each rule of the message. Blocking; raises what ``source`` raises."""
    language = (message.language or options.language) if DRAWS_CHINESE.get()() else Language.ENGLISH
    subtitle = choose(language, "最近 1 小时", "last hour")
    return [
        Picture(figure.title, f"plot{number}@fenghuo", f"plot{number}.png", PNG.get()(figure))
        for number, figure in enumerate(figures(message, source, subtitle, options.zone), 1)
    ]
