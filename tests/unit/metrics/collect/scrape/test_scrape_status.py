"""How targets are shown to others."""

from __future__ import annotations

import pytest

from fenghuo.metrics.collect.scrape.status import global_url

OUTSIDE = "https://fenghuo.example.com:8443/base"


@pytest.mark.parametrize(
    ("url", "external_url", "shown"),
    [
        ("http://localhost:9100/metrics", OUTSIDE, "http://fenghuo.example.com:9100/metrics"),
        ("http://127.0.0.1:9470/metrics", OUTSIDE, "https://fenghuo.example.com:8443/metrics"),
        ("http://[::1]:9100/metrics?a=b", OUTSIDE, "http://fenghuo.example.com:9100/metrics?a=b"),
        ("http://localhost/metrics", OUTSIDE, "http://fenghuo.example.com/metrics"),
        ("http://db1:9100/metrics", OUTSIDE, "http://db1:9100/metrics"),
        ("http://localhost:9100/metrics", "http://[2001:db8::1]:80", "http://[2001:db8::1]:9100/metrics"),
        ("http://localhost:9100/metrics", "", "http://localhost:9100/metrics"),
        ("http://localhost:99999/metrics", OUTSIDE, "http://localhost:99999/metrics"),
        ("http://localhost:http/metrics", OUTSIDE, "http://localhost:http/metrics"),
        ("http://[::1/metrics", OUTSIDE, "http://[::1/metrics"),
        ("builtin:node", OUTSIDE, "builtin:node"),
    ],
)
def test_loopback_targets_are_shown_by_the_outside_name(url: str, external_url: str, shown: str) -> None:
    assert global_url(url, external_url, 9470) == shown
