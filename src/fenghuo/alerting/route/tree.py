"""The route tree: which receivers an alert goes to, and how its notices are grouped and timed. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field

from fenghuo.alerting.matcher import AlertMatcher, match_all, show_matchers
from fenghuo.alerting.matcher_settings import EqualMatch, MatcherList, RegexMatch, merge_matchers
from fenghuo.base.document import DictOf, ListOf, RefusedError, Settings
from fenghuo.model.labels import Labels
from fenghuo.model.settings_types import DurationMs, Text

GROUP_BY_ALL: Final = "..."
GROUP_WAIT_MS: Final = 30_000
GROUP_INTERVAL_MS: Final = 300_000
REPEAT_INTERVAL_MS: Final = 4 * 3_600_000


def is_label_name(name: str) -> bool:
    """Any UTF-8 text that begins with a letter, ``_`` or a character beyond ASCII."""
    return bool(name) and (name[0].isalpha() or name[0] == "_" or not name[0].isascii())


def _group_by(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    if GROUP_BY_ALL in value and len(value) > 1:
        raise RefusedError("cannot have wildcard group_by (`...`) and other labels at the same time")
    for name in value:
        if isinstance(name, str) and name != GROUP_BY_ALL and not is_label_name(name):
            raise RefusedError(f"invalid label name {str(name)!r} in group_by list")
        if value.count(name) > 1:
            raise RefusedError(f"duplicated label {str(name)!r} in group_by")
    return value


def _above_zero(value: Any) -> Any:
    if str(value) in ("0", "0s", "0ms", "0m", "0h", "0d"):
        raise RefusedError("cannot be zero", "leave it out to inherit it, or give a duration such as 5m")
    return value


PositiveDurationMs = Annotated[DurationMs, BeforeValidator(_above_zero)]


class RouteSettings(Settings):
    """One node of ``route``. What is None is inherited from the node above."""

    receiver: Text = ""
    group_by: Annotated[list[str] | None, BeforeValidator(_group_by)] = None
    """Alerts that agree on these labels share one notice; ``['...']`` gives each alert its own."""
    matchers: MatcherList = Field(default=[])
    match: EqualMatch = Field(default={})
    match_re: RegexMatch = Field(default={})
    continue_: bool = Field(default=False, alias="continue")
    """Whether later siblings are asked, too, when this node matches."""
    group_wait_ms: DurationMs | None = Field(default=None, alias="group_wait")
    """How long a new group waits for company before its first notice. Default: 30s, and nothing for P0."""
    group_interval_ms: PositiveDurationMs | None = Field(default=None, alias="group_interval")
    """Time between looks at a group; news goes out then, and a failing notice is tried as long. Default: 5m, which
    P0 does not wait for."""
    repeat_interval_ms: PositiveDurationMs | None = Field(default=None, alias="repeat_interval")
    """What fires on without news is told again after this long. Default: 4h."""
    mute_time_intervals: ListOf[str] = Field(default=[])
    active_time_intervals: ListOf[str] = Field(default=[])
    labels: DictOf[str] = Field(default={})
    routes: ListOf[RouteSettings] = Field(default=[])

    def walk(self, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], RouteSettings]]:
        """This node and all below it, each with its path from here."""
        yield path, self
        for index, child in enumerate(self.routes):
            yield from child.walk((*path, "routes", index))


@dataclass(frozen=True, slots=True)
class Route:
    """One node with everything that it inherits filled in."""

    key: str
    """``{}/{team="db"}``: the matchers from the root down, the first half of a group's key."""
    index: tuple[int, ...]
    """The position in the tree, child by child; tells apart nodes with the same matchers."""
    receiver: str
    matchers: tuple[AlertMatcher, ...]
    goes_on: bool
    group_by: frozenset[str]
    group_by_all: bool
    group_wait_ms: int
    group_interval_ms: int
    repeat_interval_ms: int
    mute_time_intervals: tuple[str, ...]
    active_time_intervals: tuple[str, ...]
    labels: Labels
    children: tuple[Route, ...]
    wait_is_given: bool = False
    """``group_wait`` is said here or above; where it is not, alerts that are urgent do not wait."""
    interval_is_given: bool = False
    """The same of ``group_interval``."""

    def match(self, labels: Mapping[str, str]) -> list[Route]:
        """The nodes that an alert with these labels ends at, in the tree's order; empty when it does not match.

        Children are tried in order; the first that matches takes the alert unless it says ``continue``. An alert
        that no child takes stays here.
        """
        if not match_all(self.matchers, labels):
            return []
        found: list[Route] = []
        for child in self.children:
            matched = child.match(labels)
            found += matched
            if matched and not child.goes_on:
                break
        return found or [self]

    def group_labels(self, labels: Labels) -> Labels:
        """The labels that an alert's group has in common."""
        return labels if self.group_by_all else labels.only(self.group_by)

    def walk(self) -> Iterator[Route]:
        """This node and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()


def build_route(settings: RouteSettings) -> Route:
    """The tree, from the root's settings."""
    return _build(settings, None, 0)


def _build(own: RouteSettings, parent: Route | None, position: int) -> Route:
    matchers = merge_matchers(own.match, own.match_re, own.matchers)
    if own.group_by is not None:
        group_by, everything = frozenset(own.group_by), GROUP_BY_ALL in own.group_by
    else:
        group_by, everything = (parent.group_by, parent.group_by_all) if parent else (frozenset(), False)
    route = Route(
        key=(f"{parent.key}/" if parent else "") + show_matchers(matchers),
        index=(*parent.index, position) if parent else (),
        receiver=own.receiver or (parent.receiver if parent else ""),
        matchers=matchers,
        goes_on=own.continue_,
        group_by=frozenset() if everything else group_by,
        group_by_all=everything,
        group_wait_ms=_first(own.group_wait_ms, parent.group_wait_ms if parent else GROUP_WAIT_MS),
        group_interval_ms=_first(own.group_interval_ms, parent.group_interval_ms if parent else GROUP_INTERVAL_MS),
        repeat_interval_ms=_first(own.repeat_interval_ms, parent.repeat_interval_ms if parent else REPEAT_INTERVAL_MS),
        mute_time_intervals=tuple(own.mute_time_intervals),
        active_time_intervals=tuple(own.active_time_intervals),
        labels=(parent.labels if parent else Labels()).merged(own.labels),
        children=(),
        wait_is_given=own.group_wait_ms is not None or (parent is not None and parent.wait_is_given),
        interval_is_given=own.group_interval_ms is not None or (parent is not None and parent.interval_is_given),
    )
    children = tuple(_build(child, route, number) for number, child in enumerate(own.routes))
    return replace(route, children=children)


def _first(own: int | None, inherited: int) -> int:
    return inherited if own is None else own
