"""The test file, key by key as promtool names them."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from fenghuo.base.document import DictOf, ListOf, RefusedError, Settings
from fenghuo.model.settings_types import DurationMs, Text

DEFAULT_INTERVAL_MS = 60_000


def _moment_ms(value: Any) -> Any:
    """Unix seconds or RFC 3339 as milliseconds."""
    if value is None or isinstance(value, int):
        return value or 0
    text = str(value)
    try:
        seconds = float(text)
        if math.isfinite(seconds):
            return round(seconds * 1000)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise RefusedError(f"{text!r} is not a moment", "write Unix seconds or RFC 3339, as in 2027-02-08T09:00:00Z")
    return round(moment.timestamp() * 1000)


MomentMs = Annotated[int, BeforeValidator(_moment_ms)]


class InputSeries(Settings):
    """One series of samples, ``interval`` apart."""

    series: Text = ""
    values: Text = ""


class ExpectedSample(Settings):
    """One element of an expression's value."""

    labels: Text = ""
    value: float = 0.0
    histogram: Text = ""
    """A native histogram. They are not supported: a test that expects one fails."""


class ExprTest(Settings):
    """What an expression gives at a moment."""

    expr: Text = ""
    eval_time_ms: DurationMs = Field(0, alias="eval_time")
    """Counted from the start of the test."""
    exp_samples: ListOf[ExpectedSample] = Field(default_factory=list)


class ExpectedAlert(Settings):
    """One alert that fires. The label ``alertname`` need not be written."""

    exp_labels: DictOf[Text] = Field(default_factory=dict)
    exp_annotations: DictOf[Text] = Field(default_factory=dict)


class AlertTest(Settings):
    """Which alerts of a name fire at a moment: these and no others."""

    eval_time_ms: DurationMs = Field(0, alias="eval_time")
    alertname: Text = ""
    exp_alerts: ListOf[ExpectedAlert] = Field(default_factory=list)


class CaseSettings(Settings):
    """One test: series, and what rules and expressions make of them."""

    name: Text = ""
    interval_ms: DurationMs = Field(0, alias="interval")
    """Between two samples; 0 takes ``evaluation_interval``."""
    start_ms: MomentMs = Field(0, alias="start_timestamp")
    """When the test begins; 1970 unless it says."""
    input_series: ListOf[InputSeries] = Field(default_factory=list)
    promql_expr_test: ListOf[ExprTest] = Field(default_factory=list)
    alert_rule_test: ListOf[AlertTest] = Field(default_factory=list)
    external_labels: DictOf[Text] = Field(default_factory=dict)
    external_url: Text = ""

    @property
    def last_ms(self) -> int:
        """How long after its start the test ends."""
        asked = [each.eval_time_ms for each in self.promql_expr_test]
        asked += [each.eval_time_ms for each in self.alert_rule_test]
        return max(asked, default=0)


class TestFileSettings(Settings):
    """The whole file."""

    __test__ = False  # pytest collects what is named Test….

    rule_files: ListOf[str] = Field(default_factory=list)
    """Patterns, relative to the test file."""
    evaluation_interval_ms: DurationMs = Field(0, alias="evaluation_interval")
    group_eval_order: ListOf[str] = Field(default_factory=list)
    """Names of groups in the order in which they are evaluated; the others come first."""
    fuzzy_compare: bool = False
    """Whether neighbouring floating point numbers count as equal."""
    tests: ListOf[CaseSettings] = Field(default_factory=list)

    @property
    def interval_ms(self) -> int:
        return self.evaluation_interval_ms or DEFAULT_INTERVAL_MS
