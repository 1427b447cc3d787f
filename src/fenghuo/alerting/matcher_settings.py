"""The three ways in which Alertmanager's files write matchers: ``match``, ``match_re`` and ``matchers``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer

from fenghuo.alerting.matcher import AlertMatcher, parse_matchers
from fenghuo.base.document import RefusedError, refusing
from fenghuo.base.errors import InputError
from fenghuo.model.matcher import MatchOp
from fenghuo.model.regex import compile_free


def _equal_match(value: Any) -> Any:
    if value is None:
        return {}
    if isinstance(value, Mapping):
        for name, text in value.items():
            if not isinstance(text, str | None):
                raise RefusedError(f"the value of {name!r} is text")
        return {name: text or "" for name, text in value.items()}
    return value


def _regex_match(value: Any) -> Any:
    if value is None:
        return {}
    if isinstance(value, Mapping):
        for name, text in value.items():
            if text is None:
                raise RefusedError(f"missing regular expression for {name!r}", "write the expression, or remove it")
            try:
                compile_free(str(text))
            except InputError as error:
                raise refusing(error) from error
    return value


def _parse_each(value: Any) -> Any:
    if value is None:
        return []
    if isinstance(value, str):
        raise RefusedError("matchers is a list", f"write [{value!r}]")
    if not isinstance(value, list):
        return value
    try:
        return [matcher for text in value for matcher in _parsed(text)]
    except InputError as error:
        raise refusing(error) from error


def _parsed(text: Any) -> list[AlertMatcher]:
    if isinstance(text, AlertMatcher):
        return [text]
    if not isinstance(text, str):
        raise RefusedError('a matcher is text such as severity="critical"')
    return parse_matchers(text)


EqualMatch = Annotated[dict[str, str], BeforeValidator(_equal_match)]
"""Deprecated by Alertmanager, and in every second file: label name to exact value."""
RegexMatch = Annotated[dict[str, str], BeforeValidator(_regex_match)]
"""Deprecated likewise: label name to expression."""
MatcherList = Annotated[
    list[AlertMatcher],
    BeforeValidator(_parse_each),
    PlainSerializer(lambda matchers: [str(matcher) for matcher in matchers], return_type=list[str]),
]
"""``matchers``: each entry may hold several."""


def merge_matchers(
    equal: Mapping[str, str], regex: Mapping[str, str], matchers: Iterable[AlertMatcher]
) -> tuple[AlertMatcher, ...]:
    """All three in one, in the order in which route keys show them."""
    return tuple(
        sorted(
            [
                *(AlertMatcher(name, value, MatchOp.EQUAL) for name, value in equal.items()),
                *(AlertMatcher(name, f"^(?:{value})$", MatchOp.REGEX) for name, value in regex.items()),
                *matchers,
            ]
        )
    )
