"""Drawing a figure as PNG. Loaded when the first mail with a plot is made: Pillow is not for every start.

Drawn at four times the size at which a mail shows it and halved, which smooths the lines and leaves twice the pixels
for sharp screens.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from fenghuo.alerting.notify.facts import shown_number
from fenghuo.alerting.notify.plots import Figure, Line
from fenghuo.model.labels import METRIC_NAME

WIDTH: Final = 640
HEIGHT: Final = 260
LEGEND_ROW: Final = 16
SCALE: Final = 4
MARGINS: Final = (64, 44, 20, 30)
"""Left, top, right, bottom."""
INK, GREY, GRID, BACKGROUND = "#101828", "#667085", "#eaecf0", "#ffffff"
THRESHOLD, BEYOND = "#d92d20", "#fef3f2"
COLOURS: Final = ("#175cd3", "#dc6803", "#099250", "#7a5af8", "#c11574", "#475467")
FONTS: Final = (
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/google-noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/google-noto-sans-cjk-fonts/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
    "/usr/share/fonts/wqy-microhei/wqy-microhei.ttc",
    "/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf",
)
"""Where distributions put fonts with Chinese."""
LATIN_FONTS: Final = (
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    "/usr/share/fonts/dejavu-sans-fonts/DejaVuSans.ttf",
    "/usr/share/fonts/TTF/DejaVuSans.ttf",
)
SIMPLIFIED: Final = 2
"""The face of Noto's collections that draws Chinese as the mainland writes it."""
TICKS_WANTED: Final = 4
MINUTES_APART: Final = 10
TITLE_SIZE, TEXT_SIZE = 15, 11
LEGEND_CHARS_MAX: Final = 90
DRAWN_MAX: Final = 1e300
"""What is beyond is drawn as little as infinity and NaN: differences of such numbers overflow."""


def draws_chinese() -> bool:
    """Whether this machine has a font with Chinese characters."""
    return any(Path(name).exists() for name in FONTS)


def png(figure: Figure) -> bytes:
    """The figure as a picture of twice 640 pixels of width. Blocking."""
    legend = _legend(figure.lines)
    height = HEIGHT + LEGEND_ROW * len(legend)
    picture = Image.new("RGB", (WIDTH * SCALE, height * SCALE), BACKGROUND)
    _Canvas(ImageDraw.Draw(picture), _Frame.of(figure)).draw(figure, legend)
    small = picture.resize((WIDTH * SCALE // 2, height * SCALE // 2), Image.Resampling.LANCZOS)
    out = BytesIO()
    small.quantize(128, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()


@dataclass(frozen=True, slots=True)
class _Frame:
    """From times and values to places, in the picture's own pixels."""

    start_ms: int
    end_ms: int
    low: float
    high: float
    ticks: Sequence[float]

    @staticmethod
    def of(figure: Figure) -> _Frame:
        values = np.concatenate([line.values for line in figure.lines])
        values = values[np.abs(values) <= DRAWN_MAX]
        shown = values.tolist()
        threshold = figure.watched.threshold
        if threshold is not None and abs(threshold) <= DRAWN_MAX:
            shown.append(threshold)
        low, high = (min(shown), max(shown)) if shown else (0.0, 1.0)
        if low >= 0 and low < (high - low) * 2:
            low = 0.0
        if high - low <= abs(high) * 1e-9:
            low, high = low - (abs(low) or 1) * 0.1, high + (abs(high) or 1) * 0.1
        ticks = nice_ticks(low, high + (high - low) * 0.05)
        return _Frame(figure.start_ms, figure.end_ms, ticks[0], ticks[-1], ticks)

    @property
    def box(self) -> tuple[int, int, int, int]:
        left, top, right, bottom = MARGINS
        return left * SCALE, top * SCALE, (WIDTH - right) * SCALE, (HEIGHT - bottom) * SCALE

    def x(self, time_ms: float) -> float:
        left, _, right, _ = self.box
        return left + (right - left) * (time_ms - self.start_ms) / (self.end_ms - self.start_ms)

    def y(self, value: float) -> float:
        _, top, _, bottom = self.box
        return bottom - (bottom - top) * (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)


@dataclass(frozen=True, slots=True)
class _Canvas:
    pen: ImageDraw.ImageDraw
    frame: _Frame

    def draw(self, figure: Figure, legend: Sequence[str]) -> None:
        self._beyond(figure)
        self._axes(figure)
        for at, line in enumerate(figure.lines):
            self._line(line, COLOURS[at % len(COLOURS)])
        self._threshold(figure)
        left = MARGINS[0] * SCALE
        self._words(left, 12, figure.title, INK, TITLE_SIZE, "lm", figure.subtitle)
        self._words(WIDTH * SCALE - MARGINS[2] * SCALE, 12, figure.subtitle, GREY, TEXT_SIZE, "rm")
        for row, words in enumerate(legend):
            y = HEIGHT - 2 + LEGEND_ROW * row
            colour = COLOURS[row % len(COLOURS)]
            self.pen.rounded_rectangle([left, (y - 2) * SCALE, left + 12 * SCALE, (y + 2) * SCALE], SCALE, fill=colour)
            self._words(left + 18 * SCALE, y, words, GREY, TEXT_SIZE, "lm")

    def _words(self, x: float, y: float, text: str, colour: str, size: int, anchor: str, beside: str = "") -> None:
        font = _font(size)
        text = "".join(char if char.isprintable() else " " for char in text)
        room = WIDTH * SCALE - x - font.getlength(beside) - 24 * SCALE
        while anchor == "lm" and len(text) > 1 and font.getlength(text) > room:
            text = text[:-2] + "…"
        self.pen.text((x, y * SCALE), text, colour, font, anchor)

    def _beyond(self, figure: Figure) -> None:
        """The side of the threshold on which the rule fires."""
        threshold, comparison = figure.watched.threshold, figure.watched.comparison
        if threshold is None or comparison[:1] not in ("<", ">"):
            return
        left, top, right, bottom = self.frame.box
        y = self.frame.y(threshold)
        self.pen.rectangle([left, top, right, y] if comparison[0] == ">" else [left, y, right, bottom], BEYOND)

    def _axes(self, figure: Figure) -> None:
        left, top, right, bottom = self.frame.box
        for value in self.frame.ticks:
            y = self.frame.y(value)
            self.pen.line([left, y, right, y], GRID, SCALE)
            self._words(left - 8 * SCALE, y / SCALE, short_number(value, self.frame.ticks), GREY, TEXT_SIZE, "rm")
        for time_ms in time_ticks(figure):
            x = self.frame.x(time_ms)
            self.pen.line([x, top, x, bottom], GRID, SCALE)
            clock = datetime.fromtimestamp(time_ms / 1000, figure.zone).strftime("%H:%M")
            self._words(x, bottom / SCALE + 12, clock, GREY, TEXT_SIZE, "mm")

    def _line(self, line: Line, colour: str) -> None:
        last: tuple[float, float] | None = None
        for run in runs(line):
            points = [(self.frame.x(time_ms), self.frame.y(value)) for time_ms, value in run]
            if len(points) > 1:
                self.pen.line(points, colour, 2 * SCALE, "curve")
            else:
                self._dot(points[0], 1.5, colour)
            last = points[-1]
        if last is not None:
            self._dot(last, 3.5, colour)

    def _dot(self, at: tuple[float, float], radius: float, colour: str) -> None:
        self.pen.circle(at, radius * SCALE, colour)

    def _threshold(self, figure: Figure) -> None:
        threshold = figure.watched.threshold
        if threshold is None or not abs(threshold) <= DRAWN_MAX:  # Neither is NaN.
            return
        left, top, right, _ = self.frame.box
        y = self.frame.y(threshold)
        for x in range(left, right, 8 * SCALE):
            self.pen.line([x, y, min(x + 5 * SCALE, right), y], THRESHOLD, round(1.5 * SCALE))
        words = f"{figure.watched.comparison} {shown_number(threshold)}"
        above = y / SCALE - 9 if y - 18 * SCALE > top else y / SCALE + 10
        width = _font(TEXT_SIZE).getlength(words) / SCALE
        box = [left + 4 * SCALE, (above - 7) * SCALE, left + (12 + width) * SCALE, (above + 7) * SCALE]
        self.pen.rounded_rectangle(box, 3 * SCALE, BACKGROUND)
        self._words(left + 8 * SCALE, above, words, THRESHOLD, TEXT_SIZE, "lm")


@lru_cache(maxsize=4)
def _font(size: int) -> ImageFont.FreeTypeFont:
    for name in (*FONTS, *LATIN_FONTS):
        try:
            face = SIMPLIFIED if "CJK" in name else 0
            return ImageFont.truetype(name, size * SCALE, face, layout_engine=ImageFont.Layout.BASIC)
        except OSError:
            continue
    built_in = ImageFont.load_default(size * SCALE)
    assert isinstance(built_in, ImageFont.FreeTypeFont)
    return built_in


def nice_ticks(low: float, high: float) -> list[float]:
    """Round numbers, at equal distances of 1, 2 or 5 times a power of ten, from below ``low`` to above ``high``."""
    rough = (high - low) / TICKS_WANTED
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [number * step for number in range(first, last + 1)]


def short_number(value: float, ticks: Sequence[float]) -> str:
    """A tick's number: with k, M, G or T where they are large, and as many digits as tell the ticks apart."""
    largest = max(abs(ticks[0]), abs(ticks[-1]))
    unit, sign = next(((u, s) for u, s in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k")) if largest >= u), (1.0, ""))
    unit = 1e3 if sign == "k" else unit
    step = (ticks[1] - ticks[0]) / unit
    digits = max(-math.floor(math.log10(step) + 1e-9), 0)
    if digits > 6 or largest >= 1e16:
        return f"{value:.3g}"
    return f"{value / unit:.{digits}f}{sign if value else ''}"


def time_ticks(figure: Figure) -> Iterator[int]:
    """Every tenth minute of the clock on the reader's wall."""
    apart_ms = MINUTES_APART * 60_000
    start = datetime.fromtimestamp(figure.start_ms / 1000, figure.zone)
    offset = start.utcoffset()
    shift_ms = round(offset.total_seconds() * 1000) if offset is not None else 0
    first = -(-(figure.start_ms + shift_ms) // apart_ms) * apart_ms - shift_ms
    yield from range(first, figure.end_ms + 1, apart_ms)


def runs(line: Line) -> Iterator[list[tuple[int, float]]]:
    """The parts of a line between its gaps: where a value is missing or none, nothing is drawn."""
    if not len(line.times_ms):
        return
    apart_ms = int(np.diff(line.times_ms).min()) if len(line.times_ms) > 1 else 0
    run: list[tuple[int, float]] = []
    for time_ms, value in zip(line.times_ms.tolist(), line.values.tolist(), strict=True):
        if run and (not abs(value) <= DRAWN_MAX or time_ms - run[-1][0] > apart_ms):
            yield run
            run = []
        if abs(value) <= DRAWN_MAX:
            run.append((time_ms, value))
    if run:
        yield run


def _legend(lines: Sequence[Line]) -> list[str]:
    """What tells the lines apart, a row each; a single line needs none."""
    if len(lines) < 2:
        return []
    shared = set.intersection(*(set(line.labels.pairs) for line in lines))
    rows = []
    for line in lines:
        own = [f"{name}={value}" for name, value in line.labels.pairs if (name, value) not in shared]
        rows.append((", ".join(own) or line.labels.get(METRIC_NAME, ""))[:LEGEND_CHARS_MAX])
    return rows
