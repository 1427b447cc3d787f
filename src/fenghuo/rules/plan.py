"""What is to be run, with every default filled in. Two equal plans behave the same, so a reload can tell.

A plan is a value; :class:`~fenghuo.rules.group.Group` runs it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from fenghuo.model.labels import EMPTY, Labels
from fenghuo.rules.loader import RuleFile
from fenghuo.rules.settings import GroupSettings, RuleSettings

DEFAULT_INTERVAL_MS = 60_000
URGENT_INTERVAL_MS = 3_000
"""How often a group is evaluated that has an urgent alert and names no interval. With a scrape every 15 s and
two seconds for all the rest a fault is told within 20 s (``benchmarks/alerting.py --only fault``)."""


@dataclass(frozen=True, slots=True)
class RulesSettings:
    """What the whole program says about its rules."""

    files: tuple[RuleFile, ...] = ()
    evaluation_interval_ms: int = DEFAULT_INTERVAL_MS
    """For groups that name none."""
    query_offset_ms: int = 0
    """For groups that name none."""
    external_labels: Labels = EMPTY
    """Set on every alert that leaves, where it does not have them already."""
    external_url: str = ""
    """Where people reach this server; links in alerts begin with it. No slash at its end."""
    urgent: Callable[[Labels], bool] = lambda labels: False
    """Tells by an alert's labels whether it is urgent."""


@dataclass(frozen=True, slots=True)
class RulePlan:
    """One rule."""

    name: str
    expr: str
    is_alert: bool
    labels: Labels
    annotations: Labels
    hold_ms: int
    keep_firing_ms: int
    market: str = ""
    """The market during whose sessions the rule is active; empty: always."""

    @staticmethod
    def of(rule: RuleSettings, group: GroupSettings) -> RulePlan:
        return RulePlan(
            name=rule.name,
            expr=rule.expr,
            is_alert=bool(rule.alert),
            labels=Labels(group.labels_of(rule)),
            annotations=Labels(rule.annotations),
            hold_ms=rule.for_ms,
            keep_firing_ms=rule.keep_firing_for_ms,
            market=group.market_of(rule),
        )


@dataclass(frozen=True, slots=True)
class GroupPlan:
    """One group of one file."""

    file: str
    name: str
    interval_ms: int
    query_offset_ms: int
    limit: int
    rules: tuple[RulePlan, ...]
    external_labels: Labels
    external_url: str

    @property
    def key(self) -> str:
        """``file;name``, which is unique, and the ``group`` label of our instruments."""
        return f"{self.file};{self.name}"

    def slot_offset_ms(self) -> int:
        """How far after the full interval this group is evaluated; spreads groups evenly and never changes."""
        return Labels({"name": self.name, "file": self.file}).fingerprint() % self.interval_ms

    def slot_before(self, now_ms: int) -> int:
        """The last of this group's evaluation times that is not after ``now_ms``."""
        offset_ms = self.slot_offset_ms()
        return (now_ms - offset_ms) // self.interval_ms * self.interval_ms + offset_ms


def plans_of(settings: RulesSettings) -> list[GroupPlan]:
    """A plan for each group, in the order of the files."""
    return [_plan(file, group, settings) for file in settings.files for group in file.groups]


def _interval_ms(group: GroupSettings, rules: Iterable[RulePlan], settings: RulesSettings) -> int:
    usual_ms = settings.evaluation_interval_ms
    if group.interval_ms:
        return group.interval_ms
    if any(rule.is_alert and settings.urgent(rule.labels) for rule in rules):
        return min(usual_ms, URGENT_INTERVAL_MS)
    return usual_ms


def _plan(file: RuleFile, group: GroupSettings, settings: RulesSettings) -> GroupPlan:
    offset_ms = settings.query_offset_ms if group.query_offset_ms is None else group.query_offset_ms
    rules = tuple(RulePlan.of(rule, group) for rule in group.rules)
    return GroupPlan(
        file=file.name,
        name=group.name,
        interval_ms=_interval_ms(group, rules, settings),
        query_offset_ms=offset_ms,
        limit=group.limit,
        rules=rules,
        external_labels=settings.external_labels,
        external_url=settings.external_url.rstrip("/"),
    )
