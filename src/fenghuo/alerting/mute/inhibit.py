"""Inhibition: alerts that need no telling while another one, their cause, is firing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from fenghuo.alerting.matcher import AlertMatcher, match_all
from fenghuo.alerting.matcher_settings import EqualMatch, MatcherList, RegexMatch, merge_matchers
from fenghuo.base.document import ListOf, Settings
from fenghuo.model.alert import Alert
from fenghuo.model.settings_types import Text


class InhibitRuleSettings(Settings):
    """One entry of ``inhibit_rules``."""

    name: Text = ""
    source_match: EqualMatch = Field(default={})
    source_match_re: RegexMatch = Field(default={})
    source_matchers: MatcherList = Field(default=[])
    target_match: EqualMatch = Field(default={})
    target_match_re: RegexMatch = Field(default={})
    target_matchers: MatcherList = Field(default=[])
    equal: ListOf[str] = Field(default=[])

    def compiled(self) -> InhibitRule:
        return InhibitRule(
            self.name,
            merge_matchers(self.source_match, self.source_match_re, self.source_matchers),
            merge_matchers(self.target_match, self.target_match_re, self.target_matchers),
            tuple(self.equal),
        )


def _nothing_is_a_rule(value: Any) -> Any:
    return {} if value is None else value


InhibitRuleEntry = Annotated[InhibitRuleSettings, BeforeValidator(_nothing_is_a_rule)]
"""An empty entry is a rule without matchers. It mutes nothing, since every alert meets both of its sides."""


@dataclass(frozen=True, slots=True)
class InhibitRule:
    """While a firing alert meets ``source``, alerts that meet ``target`` and agree in ``equal`` are muted.

    An alert that meets both sides cannot be muted by another that also meets both, itself included. A label that
    is missing equals an empty one.
    """

    name: str
    source: tuple[AlertMatcher, ...]
    target: tuple[AlertMatcher, ...]
    equal: tuple[str, ...]

    def key(self, labels: Mapping[str, str]) -> tuple[str, ...]:
        return tuple(labels.get(name, "") for name in self.equal)


class Inhibitor:
    """The rules over the alerts that fire at one moment. Building it is linear, asking it constant for each rule."""

    def __init__(self, rules: Iterable[InhibitRule], firing: Iterable[Alert]) -> None:
        self._rules = tuple(rules)
        pure: list[dict[tuple[str, ...], Alert]] = [{} for _ in self._rules]
        both: list[dict[tuple[str, ...], Alert]] = [{} for _ in self._rules]
        for alert in firing if self._rules else ():
            for index, rule in enumerate(self._rules):
                if match_all(rule.source, alert.labels):
                    side = both if match_all(rule.target, alert.labels) else pure
                    side[index].setdefault(rule.key(alert.labels), alert)
        self._pure = pure
        self._both = both

    def inhibited_by(self, labels: Mapping[str, str]) -> Alert | None:
        """The firing alert that mutes one with these labels, or None."""
        for index, rule in enumerate(self._rules):
            if not match_all(rule.target, labels):
                continue
            key = rule.key(labels)
            source = self._pure[index].get(key)
            if source is None and not match_all(rule.source, labels):
                source = self._both[index].get(key)
            if source is not None:
                return source
        return None
