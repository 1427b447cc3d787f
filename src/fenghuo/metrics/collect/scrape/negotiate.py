"""What we ask a target for, and what we make of the type that it answers with."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from fenghuo.metrics.collect.scrape.outcome import Reason, ScrapeError
from fenghuo.metrics.collect.settings import DEFAULT_PROTOCOLS, EscapingScheme, ScrapeProtocol
from fenghuo.wire.exposition import Format, format_of

MEDIA_TYPES: Final = {
    ScrapeProtocol.PROTOBUF: (
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
    ),
    ScrapeProtocol.TEXT_0_0_4: "text/plain;version=0.0.4",
    ScrapeProtocol.TEXT_1_0_0: "text/plain;version=1.0.0",
    ScrapeProtocol.OPENMETRICS_0_0_1: "application/openmetrics-text;version=0.0.1",
    ScrapeProtocol.OPENMETRICS_1_0_0: "application/openmetrics-text;version=1.0.0",
}

_ESCAPABLE: Final = (ScrapeProtocol.TEXT_1_0_0, ScrapeProtocol.OPENMETRICS_1_0_0)
_MEDIA_TYPE = re.compile(r"[!-'*+\-.0-9A-Z^-~]+/[!-'*+\-.0-9A-Z^-~]+\Z")


def accept_header(protocols: Sequence[ScrapeProtocol], escaping: EscapingScheme = EscapingScheme.ALLOW_UTF8) -> str:
    """The ``Accept`` header for ``protocols``, most wanted first, as Prometheus writes it."""
    parts = []
    weight = len(MEDIA_TYPES) + 1
    for protocol in protocols:
        escape = f";escaping={escaping}" if protocol in _ESCAPABLE else ""
        parts.append(f"{MEDIA_TYPES[protocol]}{escape};q=0.{weight}")
        weight -= 1
    return ",".join([*parts, f"*/*;q=0.{weight}"])


def speakable(protocols: Sequence[ScrapeProtocol]) -> tuple[ScrapeProtocol, ...]:
    """``protocols`` without those that we cannot read; the default when that leaves none."""
    spoken = tuple(protocol for protocol in protocols if protocol is not ScrapeProtocol.PROTOBUF)
    return spoken or DEFAULT_PROTOCOLS


def content_type(announced: str, fallback: ScrapeProtocol | None = None) -> str:
    """The content type to read a body by.

    ``announced`` is the answer's header. A type that is missing, unreadable or none of ours falls back on
    ``fallback_scrape_protocol``; without one the scrape fails, so that a login page is not read as metrics.
    Raises ScrapeError then.
    """
    if format_of(announced) is not None:
        return announced
    if fallback is not None and fallback is not ScrapeProtocol.PROTOBUF:
        return MEDIA_TYPES[fallback]
    if not announced:
        fault = "the answer has no Content-Type"
    elif _MEDIA_TYPE.match(announced.partition(";")[0].strip()) is None:
        fault = f"cannot make sense of Content-Type {announced[:100]!r}"
    else:
        fault = f"Content-Type {announced[:100]!r} is not a metrics format"
    ours = " or ".join(kind.value.partition(";")[0] for kind in Format)
    raise ScrapeError(
        Reason.CONTENT_TYPE,
        f"{fault}; {ours} is expected (set fallback_scrape_protocol if it is metrics all the same)",
    )
