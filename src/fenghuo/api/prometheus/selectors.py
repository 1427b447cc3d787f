"""``match[]``: which series a request means."""

from __future__ import annotations

from fenghuo.api.params import invalid
from fenghuo.base.errors import InputError
from fenghuo.metrics.promql import parse_matchers
from fenghuo.model.matcher import Matcher


def selector(text: str) -> list[Matcher]:
    """The matchers of one ``match[]``. Raises ParameterError in Prometheus' words."""
    try:
        return list(parse_matchers(text))
    except InputError as error:
        raise invalid("match[]", error.message) from error
