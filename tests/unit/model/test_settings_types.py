"""Field types: sizes, durations, URLs."""

from __future__ import annotations

import pytest
from pydantic import Field

from fenghuo.base.document import Settings, load_yaml, validate
from fenghuo.model.settings_types import Count, DurationMs, HttpUrl, Secret, SizeBytes


class Typed(Settings):
    wait_ms: DurationMs = Field(0, alias="wait")
    size_bytes: SizeBytes = Field(0, alias="size")
    count: Count = 0
    url: HttpUrl = "http://a"
    secret: Secret = Secret("")


def read(text: str) -> tuple[Typed | None, list[str]]:
    settings, problems = validate(Typed, load_yaml(text, "f.yml"))
    return settings, [str(problem) for problem in problems]


@pytest.mark.parametrize(
    ("written", "size_bytes"),
    [("0", 0), ("15MB", 15 << 20), ("15MiB", 15 << 20), ("1.5KB", 1536), ("1GB512MB", 1536 << 20), ("7B", 7)],
)
def test_sizes_are_powers_of_1024(written: str, size_bytes: int) -> None:
    settings, problems = read(f"size: {written}")
    assert (settings and settings.size_bytes, problems) == (size_bytes, [])


@pytest.mark.parametrize(
    "text", ["size: 100", "size: -1GB", "size: 1kb", "size: [1]", "wait: -1h", "wait: 5", "count: -1"]
)
def test_what_is_none(text: str) -> None:
    settings, problems = read(text)
    assert settings is None
    assert len(problems) == 1
    assert problems[0].startswith("f.yml:1 ")


@pytest.mark.parametrize("url", ["''", "ftp://a", "http://", "a.example", "http://a:port/", "://x"])
def test_what_is_no_url(url: str) -> None:
    assert read(f"url: {url}")[0] is None


def test_they_are_shown_as_they_are_written() -> None:
    settings, _ = read("wait: 90s\nsize: 2048KB\nurl: https://u:p@h/\nsecret: s")
    assert settings is not None
    assert settings.model_dump(mode="json", by_alias=True) == {
        "wait": "1m30s", "size": "2MiB", "count": 0, "url": "https://u:xxxxx@h/", "secret": "<secret>",
    }  # fmt: skip
    assert settings.wait_ms == 90_000
