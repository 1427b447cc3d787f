"""Alertmanager's configuration, and what in it cannot be.

:class:`AlertingSettings` is the whole file. Its keys are Alertmanager's, so that an existing ``alertmanager.yml``
loads unchanged; ``dingtalk_configs`` is ours. :func:`warnings_of` names what is read but not acted upon.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Self

from pydantic import Field, model_validator

from fenghuo.alerting.mute.inhibit import InhibitRuleEntry
from fenghuo.alerting.mute.intervals import NamedIntervals
from fenghuo.alerting.notify.channels.email.settings import EmailSettings
from fenghuo.alerting.notify.channels.services.kind import ServiceSettings, global_name
from fenghuo.alerting.notify.channels.settings import HttpChannelSettings
from fenghuo.alerting.notify.channels.slack.settings import POST_MESSAGE_URL, SlackSettings
from fenghuo.alerting.receivers import Receiver
from fenghuo.alerting.route.tree import RouteSettings, is_label_name
from fenghuo.alerting.settings_global import GlobalSettings
from fenghuo.base.document import (
    Document,
    ListOf,
    Path,
    Problem,
    RefusedError,
    RefusedManyError,
    Settings,
    Severity,
    nearest,
)
from fenghuo.model.settings_types import FileName
from fenghuo.trading import MarketBook, unknown_market

Refusal = tuple[Path, RefusedError]

NO_KEY_PAIR = "tokens are not fetched with a key pair; notifications go without"
BUILT_IN_RECEIVER = "nobody"
"""The receiver without channels that everything goes to while none is configured."""


class AlertingSettings(Settings):
    """A whole ``alertmanager.yml``."""

    global_: GlobalSettings = Field(default=GlobalSettings(), alias="global")
    templates: ListOf[FileName] = Field(default=[])
    """Files of notification templates; the last part of each may hold wildcards."""
    route: RouteSettings | None = None
    receivers: ListOf[Receiver] = Field(default=[])
    inhibit_rules: ListOf[InhibitRuleEntry] = Field(default=[])
    mute_time_intervals: ListOf[NamedIntervals] = Field(default=[])
    time_intervals: ListOf[NamedIntervals] = Field(default=[])
    tracing: dict[str, Any] | None = None
    event_recorder: dict[str, Any] | None = None

    @staticmethod
    def built_in() -> AlertingSettings:
        """What holds while nothing is configured: alerts are kept and shown, and nobody is told."""
        # Not validated: pydantic would first build the schema of every kind of channel, a tenth of the program's start.
        return AlertingSettings.model_construct(
            route=RouteSettings.model_construct(receiver=BUILT_IN_RECEIVER, group_by=["alertname"]),
            receivers=[Receiver.model_construct(name=BUILT_IN_RECEIVER)],
        )

    @property
    def root(self) -> RouteSettings:
        """The root route, which every loaded file has."""
        assert self.route is not None
        return self.route

    @property
    def intervals(self) -> dict[str, NamedIntervals]:
        """Every named interval of both lists."""
        return {named.name: named for named in (*self.mute_time_intervals, *self.time_intervals)}

    @model_validator(mode="after")
    def _check(self) -> Self:
        refusals = [
            *self._check_receivers(),
            *self._check_failovers(),
            *self._check_intervals(),
            *self._check_root(),
            *self._check_routes(),
            *self._check_globals(),
        ]
        if refusals:
            raise RefusedManyError(refusals)
        return self

    def _check_receivers(self) -> Iterator[Refusal]:
        counts = Counter(receiver.name for receiver in self.receivers)
        for index, receiver in enumerate(self.receivers):
            if not receiver.name:
                yield ("receivers", index), RefusedError("missing name in receiver")
            elif counts[receiver.name] > 1:
                counts[receiver.name] = 1  # Once for each name.
                yield (
                    ("receivers", index, "name"),
                    RefusedError(f"notification config name {receiver.name!r} is not unique", "rename one of them"),
                )
            named = receiver.labels.get("name", receiver.name)
            if named != receiver.name:
                yield (
                    ("receivers", index, "labels", "name"),
                    RefusedError(f'receiver label "name" must match receiver name {receiver.name!r}, got {named!r}'),
                )

    def _check_failovers(self) -> Iterator[Refusal]:
        named = {receiver.name: receiver for receiver in self.receivers}
        for index, receiver in enumerate(self.receivers):
            name, place = receiver.failover, ("receivers", index, "failover")
            if not name:
                continue
            if name not in named:
                yield place, RefusedError(f"undefined receiver {name!r} used as failover", nearest(name, named))
            elif not any(named[name].channels()):
                yield place, RefusedError(f"receiver {name!r} has no channels and can stand in for nobody")
            elif receiver.name in (chain := _failovers_after(receiver.name, named)):
                said = " → ".join((receiver.name, *chain))
                yield place, RefusedError(f"receivers stand in for each other: {said}", "let one of them have none")

    def _check_intervals(self) -> Iterator[Refusal]:
        seen: set[str] = set()
        for key in ("mute_time_intervals", "time_intervals"):
            for index, named in enumerate(getattr(self, key)):
                if not named.name:
                    yield (key, index), RefusedError("missing name in time interval")
                elif named.name in seen:
                    yield (key, index, "name"), RefusedError(f"time interval {named.name!r} is not unique")
                seen.add(named.name)

    def _check_root(self) -> Iterator[Refusal]:
        root = self.route
        if root is None:
            yield ("route",), RefusedError("no route provided", "give at least route: {receiver: NAME}")
            return
        if not root.receiver:
            yield ("route",), RefusedError("root route must specify a default receiver")
        if root.matchers or root.match or root.match_re:
            yield ("route",), RefusedError("root route must not have any matchers", "put them into a child route")
        if root.mute_time_intervals:
            yield ("route", "mute_time_intervals"), RefusedError("root route must not have any mute time intervals")
        if root.active_time_intervals:
            yield ("route", "active_time_intervals"), RefusedError("root route must not have any active time intervals")
        if root.continue_:
            yield ("route", "continue"), RefusedError("cannot have continue in root route")

    def _check_routes(self) -> Iterator[Refusal]:
        names = {receiver.name for receiver in self.receivers}
        intervals = self.intervals
        for path, route in self.route.walk(("route",)) if self.route else ():
            if route.receiver and route.receiver not in names:
                known = ", ".join(sorted(names)) or "none"
                yield (
                    (*path, "receiver"),
                    RefusedError(f"undefined receiver {route.receiver!r} used in route", f"defined: {known}"),
                )
            for key in ("mute_time_intervals", "active_time_intervals"):
                for name in getattr(route, key):
                    if name not in intervals:
                        yield (*path, key), RefusedError(f"undefined time interval {name!r} used in route")
            for name in route.labels:
                if not is_label_name(name):
                    yield (*path, "labels"), RefusedError(f"invalid label name {name!r} in route labels")

    def _check_globals(self) -> Iterator[Refusal]:
        for index, receiver in enumerate(self.receivers):
            for number, channel in receiver.channels():
                path: Path = ("receivers", index, f"{channel.kind}_configs", number)
                if isinstance(channel, EmailSettings):
                    yield from self._check_email(path, channel)
                elif isinstance(channel, SlackSettings):
                    yield from self._check_slack(path, channel)
                elif isinstance(channel, ServiceSettings):
                    yield from self._check_service(path, channel)

    def _check_email(self, path: Path, email: EmailSettings) -> Iterator[Refusal]:
        if not email.smarthost and not self.global_.smtp_smarthost:
            yield path, RefusedError("no global SMTP smarthost set", "give smarthost here, or global.smtp_smarthost")
        if not email.from_ and not self.global_.smtp_from:
            yield path, RefusedError("no global SMTP from set", "give from here, or global.smtp_from")

    def _check_slack(self, path: Path, slack: SlackSettings) -> Iterator[Refusal]:
        g = self.global_
        has_url = slack.api_url or slack.api_url_file or g.slack_api_url or g.slack_api_url_file
        has_token = slack.app_token or slack.app_token_file or g.slack_app_token or g.slack_app_token_file
        if not has_url and not has_token:
            yield path, RefusedError("no Slack API URL nor App token set either inline or in a file")
        url = slack.api_url.reveal()
        if slack.update_message and url not in ("", POST_MESSAGE_URL):
            yield (
                (*path, "update_message"),
                RefusedError(
                    "update_message can only be used with bot tokens. api_url must be set to " + POST_MESSAGE_URL
                ),
            )

    def _check_service(self, path: Path, channel: ServiceSettings) -> Iterator[Refusal]:
        for names, complaint in channel.from_global:
            own = any(getattr(channel, name) for name in names)
            fallback = any(getattr(self.global_, global_name(channel.kind, name)) for name in names)
            if not own and not fallback:
                yield path, RefusedError(complaint)
        if channel.kind == "jira" and not getattr(channel, "api_url", "") and not self.global_.jira_api_url:
            yield path, RefusedError("no global Jira Cloud URL set")


def _failovers_after(name: str, named: Mapping[str, Receiver]) -> list[str]:
    """Who stands in for the receiver, who for that one, and so on; it ends with the first that comes again."""
    chain: list[str] = []
    while (name := named[name].failover) in named:
        chain.append(name)
        if chain.count(name) > 1:
            break
    return chain


def unknown_markets(settings: AlertingSettings, document: Document, markets: MarketBook) -> list[Problem]:
    """Intervals that name a market which does not exist, each with its place."""
    return [
        problem
        for key in ("mute_time_intervals", "time_intervals")
        for index, named in enumerate(getattr(settings, key))
        for number, interval in enumerate(named.time_intervals)
        if interval.trading
        for problem in unknown_market(
            markets, interval.trading, document, (key, index, "time_intervals", number, "trading")
        )
    ]


def warnings_of(settings: AlertingSettings, document: Document, at: Path = ()) -> list[Problem]:
    """What the file asks for and Fenghuo does not do yet, each with its place in ``document``."""
    found = []

    def warn(path: Path, message: str, remedy: str = "") -> None:
        place = (*at, *path)
        shown = document.problem(message, place, remedy=remedy)
        found.append(Problem(shown.message, shown.file, shown.line, shown.path, shown.remedy, Severity.WARNING))

    for index, receiver in enumerate(settings.receivers):
        for number, channel in receiver.channels():
            own = channel.http_config if isinstance(channel, HttpChannelSettings) else None
            if own is not None and own.oauth2 is not None and not own.oauth2.is_spoken:
                warn(("receivers", index, f"{channel.kind}_configs", number, "http_config", "oauth2"), NO_KEY_PAIR)
    common = settings.global_.http_config.oauth2
    if common is not None and not common.is_spoken:
        warn(("global", "http_config", "oauth2"), NO_KEY_PAIR)
    for key in ("tracing", "event_recorder"):
        if getattr(settings, key) is not None:
            warn((key,), f"{key} is read but has no effect")
    return found
