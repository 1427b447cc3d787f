"""Patterns are remembered compiled, long ones only a few of them."""

from __future__ import annotations

import pytest

from fenghuo.base.errors import InputError
from fenghuo.model import regex
from fenghuo.model.regex import LONG_CHARS, LONG_KEPT, compile_anchored, compile_free


def test_the_whole_text_is_matched_or_any_part() -> None:
    assert compile_anchored("b.").match("b\n")
    assert not compile_anchored("b").match("abc")
    assert compile_free("b").search("abc")


@pytest.mark.parametrize("pattern", ["(", "x{1001}", "(" + "a" * LONG_CHARS])
def test_what_is_no_pattern(pattern: str) -> None:
    with pytest.raises(InputError, match="bad regular expression"):
        compile_anchored(pattern)


def test_of_long_patterns_few_are_remembered() -> None:
    """Clients send patterns; those of a day must not stay in memory."""
    long = ["a" * LONG_CHARS + str(number) for number in range(3 * LONG_KEPT)]
    assert all(compile_anchored(pattern).match(pattern) for pattern in long)
    assert compile_anchored(long[-1]) is compile_anchored(long[-1])
    assert regex._long_kept.cache_info().currsize <= LONG_KEPT
    assert compile_anchored("short") is compile_anchored("short")
