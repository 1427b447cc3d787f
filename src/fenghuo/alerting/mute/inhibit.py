"""Inhibition: alerts that need no telling while another one, their cause, is firing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from fenghuo.alerting.matcher import AlertMatcher, match_all
from fenghuo.alerting.matcher_settings import EqualMatch, MatcherList, RegexMatch, merge_matchers
from fenghuo.base.document import ListOf, Settings
from fenghuo.model.alert import Alert
from fenghuo.model.labels import Labels
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


Sources = dict[tuple[str, ...], dict[Labels, int | None]]
"""By what a rule says is to be equal: the alerts that may inhibit, each with when it ends."""


class Inhibitor:
    """The rules over the alerts that may inhibit. What an alert costs does not grow with how many there are."""

    def __init__(self, rules: Iterable[InhibitRule], firing: Iterable[Alert] = ()) -> None:
        self._rules = tuple(rules)
        self._pure: list[Sources] = [{} for _ in self._rules]
        self._both: list[Sources] = [{} for _ in self._rules]
        for alert in firing:
            self.take(alert.labels, alert.ends_at_ms)

    def take(self, labels: Labels, ends_at_ms: int | None) -> None:
        """From now on it inhibits, or did until then, as far as it meets a rule's source."""
        for sources, key in self._places(labels):
            sources.setdefault(key, {})[labels] = ends_at_ms

    def forget(self, labels: Labels) -> None:
        """It is known no more."""
        for sources, key in self._places(labels):
            found = sources.get(key, {})
            found.pop(labels, None)
            if not found:
                sources.pop(key, None)

    def _places(self, labels: Labels) -> Iterator[tuple[Sources, tuple[str, ...]]]:
        for index, rule in enumerate(self._rules):
            if match_all(rule.source, labels):
                side = self._both if match_all(rule.target, labels) else self._pure
                yield side[index], rule.key(labels)

    def inhibited_by(self, labels: Mapping[str, str], now_ms: int = 0) -> Labels | None:
        """The alert that fires at the moment and mutes one with these labels, or None."""
        for index, rule in enumerate(self._rules):
            if not match_all(rule.target, labels):
                continue
            key = rule.key(labels)
            source = _firing(self._pure[index].get(key), now_ms)
            if source is None and not match_all(rule.source, labels):
                source = _firing(self._both[index].get(key), now_ms)
            if source is not None:
                return source
        return None


def _firing(sources: dict[Labels, int | None] | None, now_ms: int) -> Labels | None:
    """The first that has not ended. Those that have are dropped on the way: none is looked at twice."""
    while sources:
        labels, ends_at_ms = next(iter(sources.items()))
        if ends_at_ms is None or ends_at_ms > now_ms:
            return labels
        del sources[labels]
    return None
