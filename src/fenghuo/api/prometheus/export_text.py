"""Exported samples as text: OpenMetrics lines with timestamps, or a line of JSON for each series.

OpenMetrics has no word for the staleness marker and leaves it out; JSON lines say ``"StaleNaN"``. Everything else reads
back bit for bit, but NaNs, which all become the one that arithmetic gives.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import orjson

from fenghuo.api.prometheus.numbers import value_texts
from fenghuo.model.labels import Labels
from fenghuo.model.sample import Bools, Floats, Ints, is_absent, is_stale
from fenghuo.model.selection import DenseBlock, Selection
from fenghuo.wire.exposition import series_text

END = b"# EOF\n"


def openmetrics_lines(piece: Selection) -> Iterator[bytes]:
    """``name{labels} value seconds``, some lines at once; :data:`END` belongs behind the last piece."""
    for labels, times_ms, values in _series(piece):
        kept = ~is_stale(values)
        if not kept.all():
            times_ms, values = times_ms[kept], values[kept]
        if len(values):
            start = series_text(labels).encode() + b" "
            samples = zip(value_texts(values), _second_texts(times_ms), strict=True)
            yield b"".join([start + value + b" " + time + b"\n" for value, time in samples])


def json_lines(piece: Selection) -> Iterator[bytes]:
    """``{"metric":{…},"values":[…],"timestamps":[…]}`` with times in milliseconds, as VictoriaMetrics exports."""
    for labels, times_ms, values in _series(piece):
        line = {"metric": dict(labels.pairs), "values": _json_values(values), "timestamps": times_ms}
        yield orjson.dumps(line, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE)


def _series(piece: Selection) -> Iterator[tuple[Labels, Ints, Floats]]:
    """Each series with its samples."""
    rows = list(piece.labels.rows())
    for block in piece.blocks:
        for number, row in enumerate(block.series.tolist()):
            if isinstance(block, DenseBlock):
                values = block.values[number]
                present: Bools = ~is_absent(values)
                times_ms = block.times_ms
                if not present.all():
                    times_ms, values = times_ms[present], values[present]
            else:
                part = slice(int(block.offsets[number]), int(block.offsets[number + 1]))
                times_ms, values = block.times_ms[part], block.values[part]
            if len(values):
                yield rows[row], times_ms, values


def _second_texts(times_ms: Ints) -> list[bytes]:
    """Seconds that give the milliseconds back to readers that multiply by 1000 and cut, as Prometheus does."""
    seconds = times_ms / 1000
    short = (seconds * 1000).astype(np.int64) != times_ms
    if short.any():
        away = np.where(times_ms >= 0, np.inf, -np.inf)
        seconds[short] = np.nextafter(seconds[short], away[short])
    return orjson.dumps(seconds, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].split(b",")


def _json_values(values: Floats) -> Floats | list[float | str]:
    odd = ~np.isfinite(values)
    if not odd.any():
        return values
    stale = is_stale(values)
    words: list[float | str] = values.tolist()
    for place in np.flatnonzero(odd).tolist():
        words[place] = _word(values[place], is_marker=bool(stale[place]))
    return words


def _word(value: float, *, is_marker: bool) -> str:
    """What JSON has no number for."""
    if is_marker:
        return "StaleNaN"
    if np.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"
