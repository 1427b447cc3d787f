"""The functions of rule templates: what Prometheus' annotations may call, ``query`` among them."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeAlias
from urllib.parse import quote_plus, urlsplit

from fenghuo.base.errors import InputError
from fenghuo.model.labels import EMPTY, Labels
from fenghuo.template import Exposed, Functions, SafeHtml, Scope, humanize
from fenghuo.template.functions import TEXT_FUNCTIONS
from fenghuo.template.values import type_name

Query: TypeAlias = Callable[[str, int], Sequence[tuple[Labels, float]]]
"""``query(expr, time_ms)``: the instant vector of an expression; a scalar is one sample without labels.

Synchronous; raises InputError for a bad expression and OperatingError when it cannot be answered.
"""


class QuerySample(Exposed):
    """One element of what ``query`` returns."""

    template_type: ClassVar[str] = "*template.sample"
    template_names: ClassVar[Mapping[str, str]] = {"Labels": "labels", "Value": "value"}

    def __init__(self, labels: Labels, value: Any) -> None:
        self.labels = labels
        self.value = value


def rule_functions(query: Query, time_ms: int, external_url: str) -> Functions:
    """Everything that a rule's template may call at one evaluation time."""

    def run(expr: str) -> list[QuerySample]:
        return [QuerySample(labels, value) for labels, value in query(expr, time_ms)]

    def now() -> float:
        return time_ms / 1000

    def shown_url() -> str:
        return external_url

    def path_prefix() -> str:
        return urlsplit(external_url).path

    return {**_FUNCTIONS, "query": run, "now": now, "externalURL": shown_url, "pathPrefix": path_prefix}


def graph_link(expr: str) -> str:
    """The path of the page that draws an expression."""
    return f"/graph?g0.expr={quote_plus(expr)}&g0.tab=0"


def table_link(expr: str) -> str:
    """The path of the page that lists an expression's value; an alert's generator URL ends in it."""
    return f"/graph?g0.expr={quote_plus(expr)}&g0.tab=1"


def _first(vector: Sequence[Any]) -> Any:
    if not vector:
        raise InputError("first() called on vector with no elements")
    return vector[0]


def _sample(value: object) -> QuerySample:
    if not isinstance(value, QuerySample):
        raise InputError(f"wrong type for value; expected a sample of a query; got {type_name(value)}")
    return value


def _label(name: str, sample: object) -> str:
    return _sample(sample).labels.get(name, "")


def _string_value(sample: object) -> str:
    return _sample(sample).labels.get("__value__", "")


def _value(sample: object) -> Any:
    # The dot of a console may be any struct with a Value, not only what a query returned.
    return sample["Value"] if isinstance(sample, Mapping) and "Value" in sample else _sample(sample).value


def _sort_by_label(name: str, vector: Sequence[Any]) -> list[Any]:
    return sorted(vector, key=lambda sample: _sample(sample).labels.get(name, ""))


def _args(*values: Any) -> dict[str, Any]:
    return {f"arg{at}": value for at, value in enumerate(values)}


def _tmpl(scope: Scope, name: str, data: object) -> str:
    return SafeHtml(scope.include(name, data))


def split_host_port(text: str) -> tuple[str, str] | None:
    """``host:port`` or ``[v6]:port`` in two; None for anything else."""
    host, colon, port = text.rpartition(":")
    if not colon:
        return None
    if host.startswith("["):
        return (host[1:-1], port) if host.endswith("]") and "]" not in host[1:-1] else None
    return (host, port) if ":" not in host and "[" not in text and "]" not in text else None


def _strip_port(text: str) -> str:
    parts = split_host_port(text)
    return parts[0] if parts else text


def _strip_domain(text: str) -> str:
    host, port = split_host_port(text) or (text, "")
    try:
        ipaddress.ip_address(host)
    except ValueError:
        short = host.split(".", 1)[0]
        return f"[{short}]:{port}" if port and ":" in short else f"{short}:{port}" if port else short
    return text


_FUNCTIONS: Functions = {
    **TEXT_FUNCTIONS,
    "args": _args,
    "first": _first,
    "graphLink": graph_link,
    "humanize": humanize.humanize,
    "humanize1024": humanize.humanize_1024,
    "humanizeDuration": humanize.humanize_duration,
    "humanizePercentage": humanize.humanize_percentage,
    "humanizeTimestamp": humanize.humanize_timestamp,
    "label": _label,
    "parseDuration": humanize.parse_duration,
    "sortByLabel": _sort_by_label,
    "stripDomain": _strip_domain,
    "stripPort": _strip_port,
    "strvalue": _string_value,
    "tableLink": table_link,
    "tmpl": _tmpl,
    "toDuration": humanize.to_duration,
    "toTime": humanize.to_time,
    "value": _value,
}


def _no_query(expr: str, time_ms: int) -> Sequence[tuple[Labels, float]]:
    return [(EMPTY, 0.0)]


CHECKED: Functions = rule_functions(_no_query, 0, "")
"""The same names, for parsing templates before there is anything to ask."""
