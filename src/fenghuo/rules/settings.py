"""Rule files as Prometheus defines them. Names are Prometheus'; what needs an expression parser is in the loader."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from fenghuo.base.document import DictOf, ListOf, Settings
from fenghuo.model.settings_types import Count, DurationMs, Text


class RuleSettings(Settings):
    """One rule: ``record`` or ``alert``, and the expression that it watches."""

    record: Text = ""
    """The name of the metric that a recording rule writes."""
    alert: Text = ""
    """The name of the alert that an alerting rule raises."""
    expr: Text = ""
    """PromQL. Each element of its value is a sample to write, or an alert."""
    for_ms: DurationMs = Field(0, alias="for")
    """How long an alert stays pending before it fires."""
    keep_firing_for_ms: DurationMs = Field(0, alias="keep_firing_for")
    """How long an alert that no longer shows keeps firing."""
    active_during: Text = ""
    """A market such as ``SHFE.rb``. While it is closed the rule rests: nothing is asked, alerts stay as they are, and
    the time does not count for ``for``. Prometheus does not know this key."""
    labels: DictOf[Text] = Field(default_factory=dict)
    """Labels to set; those of alerts are templates."""
    annotations: DictOf[Text] = Field(default_factory=dict)
    """Texts for people; templates."""

    @property
    def name(self) -> str:
        return self.record or self.alert


class GroupSettings(Settings):
    """Rules that are evaluated together, in their order, at the same moments."""

    name: Text = ""
    interval_ms: DurationMs = Field(0, alias="interval")
    """Time between evaluations; 0 takes ``global.evaluation_interval``."""
    query_offset_ms: DurationMs | None = Field(None, alias="query_offset")
    """How far in the past expressions are asked; None takes ``global.rule_query_offset``."""
    active_during: Text = ""
    """The same for every rule that names no market of its own."""
    limit: Count = 0
    """A rule that yields more series or alerts than this has failed; 0 means no limit."""
    labels: DictOf[Text] = Field(default_factory=dict)
    """Labels for every rule; a rule's own win."""
    rules: ListOf[RuleSettings] = Field(default_factory=list)

    def market_of(self, rule: RuleSettings) -> str:
        return rule.active_during or self.active_during

    def labels_of(self, rule: RuleSettings) -> Mapping[str, str]:
        return {**self.labels, **rule.labels}


class RuleFileSettings(Settings):
    """The whole file."""

    groups: ListOf[GroupSettings] = Field(default_factory=list)
