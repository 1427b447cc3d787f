"""Accept headers and what is made of an answer's content type."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fenghuo.metrics.collect.scrape.negotiate import accept_header, content_type, speakable
from fenghuo.metrics.collect.scrape.outcome import Reason, ScrapeError
from fenghuo.metrics.collect.settings import DEFAULT_PROTOCOLS, EscapingScheme, ScrapeProtocol
from fenghuo.wire.exposition import Format, format_of

SCHEMES = {
    "model.UnderscoreEscaping": EscapingScheme.UNDERSCORES,
    "model.DotsEscaping": EscapingScheme.DOTS,
    "model.NoEscaping": EscapingScheme.ALLOW_UTF8,
}
PROTOCOLS = {
    "config.DefaultScrapeProtocols": DEFAULT_PROTOCOLS,
    "config.DefaultProtoFirstScrapeProtocols": (ScrapeProtocol.PROTOBUF, *DEFAULT_PROTOCOLS),
}


def test_the_accept_header_is_prometheus_own(conformance: Path) -> None:
    cases = json.loads((conformance / "prometheus" / "scrape.json").read_text())["accept_header"]
    assert len(cases) == 4
    for case in cases:
        header = accept_header(PROTOCOLS[case["scrapeProtocols"]], SCHEMES[case["scheme"]])
        assert header == case["expectedHeader"], case["name"]


def test_protobuf_is_never_asked_for() -> None:
    assert speakable([ScrapeProtocol.PROTOBUF, ScrapeProtocol.TEXT_0_0_4]) == (ScrapeProtocol.TEXT_0_0_4,)
    assert speakable([ScrapeProtocol.PROTOBUF]) == DEFAULT_PROTOCOLS


@pytest.mark.parametrize(
    ("announced", "fallback", "read_as"),
    [
        ("text/plain; version=0.0.4; charset=utf-8", None, Format.TEXT),
        ("application/openmetrics-text; version=1.0.0", None, Format.OPENMETRICS),
        ("application/openmetrics-text", ScrapeProtocol.TEXT_0_0_4, Format.OPENMETRICS),
        ("text/html", ScrapeProtocol.TEXT_0_0_4, Format.TEXT),
        ("", ScrapeProtocol.OPENMETRICS_1_0_0, Format.OPENMETRICS),
    ],
)
def test_the_announced_type_goes_before_the_fallback(
    announced: str, fallback: ScrapeProtocol | None, read_as: Format
) -> None:
    assert format_of(content_type(announced, fallback)) is read_as


@pytest.mark.parametrize(
    ("announced", "fallback", "complaint"),
    [
        ("", None, "no Content-Type"),
        ("text/html; charset=utf-8", None, "'text/html; charset=utf-8' is not a metrics format"),
        ("=;=", None, "cannot make sense of Content-Type '=;='"),
        ("text/html", ScrapeProtocol.PROTOBUF, "is not a metrics format"),
    ],
)
def test_without_a_fallback_a_foreign_type_fails_the_scrape(
    announced: str, fallback: ScrapeProtocol | None, complaint: str
) -> None:
    with pytest.raises(ScrapeError) as caught:
        content_type(announced, fallback)

    assert caught.value.failure.reason is Reason.CONTENT_TYPE
    assert complaint in caught.value.failure.message
