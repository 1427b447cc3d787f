"""What a receiver's answer means for the request that it answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum, auto
from typing import Final

from fenghuo.metrics.forward.encode import Version
from fenghuo.net.answer import Answer

RETRY_AFTER_S_MAX: Final = 300.0
"""A receiver that asks for a longer wait is asked again after this all the same."""
_TEXT_MAX: Final = 2000
WRITTEN: Final = "x-prometheus-remote-write-samples-written"


class Fate(Enum):
    """What becomes of a request."""

    ACCEPTED = auto()
    AGAIN = auto()
    REFUSED = auto()
    OTHER_VERSION = auto()
    """The receiver does not know version 2.0 and may know 1.0."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """``message`` says why, in the receiver's own words where it has some."""

    fate: Fate
    message: str = ""
    retry_after_s: float = 0.0
    written: int = 0
    """Of a refused request: the samples that were taken all the same."""


def verdict_on(answer: Answer, version: Version, now_ms: int, *, retry_429: bool) -> Verdict:
    """Prometheus' rules: 2xx is good, 5xx and perhaps 429 come again, everything else is lost."""
    status = answer.status
    if 200 <= status < 300:
        return Verdict(Fate.ACCEPTED)
    if status == 415 and version is Version.TWO:
        return Verdict(Fate.OTHER_VERSION, "the receiver does not know remote write 2.0")
    text = answer.body.decode(errors="replace").strip()[:_TEXT_MAX]
    message = f"{status} {answer.reason}".strip() + (f": {text}" if text else "")
    if 500 <= status < 600 or (status == 429 and retry_429):
        return Verdict(Fate.AGAIN, message, _retry_after_s(answer.headers.get("retry-after", ""), now_ms))
    return Verdict(Fate.REFUSED, message, written=_count(answer.headers.get(WRITTEN, "")))


def _retry_after_s(text: str, now_ms: int) -> float:
    """Seconds from a number of them or from a date; 0 for anything else."""
    text = text.strip()
    if text.isdecimal():
        seconds = float(text[:9])
    else:
        try:
            moment = parsedate_to_datetime(text)
        except ValueError:
            return 0.0
        seconds = (moment - datetime.fromtimestamp(now_ms / 1000, UTC)).total_seconds() if moment.tzinfo else 0.0
    return min(max(seconds, 0.0), RETRY_AFTER_S_MAX)


def _count(text: str) -> int:
    return int(text[:9]) if text.strip().isdecimal() else 0
