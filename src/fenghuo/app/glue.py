"""Small adapters between parts that do not know each other."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, tzinfo

from prometheus_client import CollectorRegistry

from fenghuo.alerting.intake import Intake
from fenghuo.alerting.notify.plots import Line, PlotSource
from fenghuo.alerting.notify.texts import TextOptions
from fenghuo.app.configuration import Configuration
from fenghuo.app.options import Address
from fenghuo.app.program import ConfigurationHolder
from fenghuo.app.self_source import SelfSource
from fenghuo.app.settings import AppSettings
from fenghuo.base.clock import Clock
from fenghuo.base.errors import InputError
from fenghuo.base.guard import Guard
from fenghuo.metrics.collect.integrations.host import HostIntegration, HostSettings
from fenghuo.metrics.collect.integrations.trading import TradingIntegration
from fenghuo.metrics.collect.scrape.apart import ScraperApart
from fenghuo.metrics.collect.scrape.job import SourceTarget
from fenghuo.metrics.promql import Engine, MatrixResult, QueryOptions, ScalarResult, VectorResult
from fenghuo.metrics.store import Store
from fenghuo.model.alert import Alert
from fenghuo.model.labels import EMPTY, Labels
from fenghuo.model.relabel import RelabelRule, relabel
from fenghuo.state import State
from fenghuo.trading import Market, built_in_markets

HOST_JOB = "node"
"""The job that the world's dashboards and rules expect of node_exporter."""
SELF_JOB = "fenghuo"
TRADING_JOB = "trading"
PLOT_QUERY_S = 3.0
"""Bound of the query behind one plot of a mail."""


def instant_query(engine: Engine) -> Callable[[str, int], list[tuple[Labels, float]]]:
    """The query function that rules are handed: vectors as they are, a scalar as one sample without labels."""

    def query(expr: str, time_ms: int) -> list[tuple[Labels, float]]:
        value = engine.instant(expr, time_ms).value
        match value:
            case VectorResult():
                return value.samples()
            case ScalarResult():
                return [(EMPTY, float(value.values[0]))]
            case _:
                raise InputError("rule result is not a vector or scalar", place=expr)

    return query


def query_options(settings: AppSettings) -> QueryOptions:
    """What the engine is told of the settings in force."""
    query = settings.query
    return QueryOptions(
        lookback_ms=query.lookback_ms,
        subquery_step_ms=settings.global_.evaluation_ms,  # As in Prometheus.
        timeout_s=query.timeout_ms / 1000,
        samples_max=query.samples_max,
        text_chars_max=query.text_chars_max,
    )


def plot_source(engine: Engine) -> PlotSource:
    """What mails draw: range queries that may take a few seconds and no more."""

    def lines(expr: str, start_ms: int, end_ms: int, step_ms: int) -> list[Line]:
        options = replace(engine.options(), timeout_s=PLOT_QUERY_S)
        value = engine.range(expr, start_ms, end_ms, step_ms, options).value
        return [Line(*series) for series in value.series()] if isinstance(value, MatrixResult) else []

    return lines


class AlertRelay:
    """What rules call with their alerts: relabels them as the configuration in force says, and hands them in."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._rules: Sequence[RelabelRule] = ()

    async def apply(self, configuration: Configuration) -> None:
        self._rules = configuration.settings.alert_relabel_rules

    def __call__(self, alerts: list[Alert]) -> None:
        if not self._rules:
            self._intake.put(alerts)
            return
        changed = ((alert, relabel(alert.labels, self._rules)) for alert in alerts)
        self._intake.put([replace(alert, labels=labels) for alert, labels in changed if labels])


class Markets:
    """The markets of the configuration in force."""

    def __init__(self) -> None:
        self._book = built_in_markets()

    async def apply(self, configuration: Configuration) -> None:
        self._book = configuration.markets

    def market(self, name: str) -> Market:
        """Raises InputError when there is none of that name."""
        return self._book.market(name)


class Fitness:
    """What keeps the program from its work: a disk or a database that refuses, a scraper that has ended. Empty when
    nothing does."""

    def __init__(self, state: State, store: Store, scraper: ScraperApart) -> None:
        self._state = state
        self._store = store
        self._scraper = scraper

    def __call__(self) -> str:
        troubles = (self._state.trouble, self._scraper.trouble, *self._store.health().troubles)
        return "; ".join(filter(None, troubles))


BUILT_IN_INTERVAL_MS = 15_000
"""How often this program looks at itself and its host where no settings say how often. Jobs of ``scrape_configs`` get
Prometheus' minute then."""


class BuiltInTargets:
    """The targets inside this program. The same settings give the same source objects, so that they go on unbroken."""

    def __init__(self, registry: CollectorRegistry, clock: Clock, guard: Guard, address: Address) -> None:
        self._self = SelfSource(registry)
        self._clock = clock
        self._guard = guard
        self._address = address
        self._host: tuple[HostSettings, HostIntegration] | None = None
        self._trading: tuple[Configuration, TradingIntegration] | None = None

    def targets(self, configuration: Configuration) -> list[SourceTarget]:
        settings = configuration.settings
        interval_ms = settings.global_.scrape_interval_ms or BUILT_IN_INTERVAL_MS
        timeout_ms = min(settings.global_.timeout_ms, interval_ms)
        own = Labels({"job": SELF_JOB, "instance": str(self._address)})
        targets = [SourceTarget(SELF_JOB, own, self._self, interval_ms, timeout_ms)]
        if (host := self._host_source(settings.integrations.host)) is not None:
            labels = Labels({"job": HOST_JOB, "instance": socket.gethostname()})
            targets.append(SourceTarget(HOST_JOB, labels, host, interval_ms, timeout_ms))
        if (trading := self._trading_source(configuration)) is not None:
            labels = Labels({"job": TRADING_JOB, "instance": str(self._address)})
            targets.append(SourceTarget(TRADING_JOB, labels, trading, interval_ms, timeout_ms))
        return targets

    def _trading_source(self, configuration: Configuration) -> TradingIntegration | None:
        names, known = configuration.market_names, self._trading
        if not names:
            self._trading = None
            return None
        if (
            known is None
            or known[0].market_names != names
            or known[0].settings.trading != configuration.settings.trading
        ):
            markets = [configuration.markets.market(name) for name in names]
            self._trading = (configuration, TradingIntegration(markets, self._clock))
        assert self._trading is not None
        return self._trading[1]

    def _host_source(self, settings: HostSettings | None) -> HostIntegration | None:
        if settings is None:
            self._host = None
            return None
        if self._host is None or self._host[0] != settings:
            self._host = (settings, HostIntegration(settings, self._clock, self._guard))
        return self._host[1]


class NoticeOptions:
    """What notices take from the configuration that is being applied, beside who is told what."""

    def __init__(self, holder: ConfigurationHolder, address: Address) -> None:
        self._holder = holder
        self._address = address

    def external_url(self) -> str:
        """Where people reach this server."""
        return self._holder.applying.settings.server.external_url.rstrip("/") or self._address.url

    def texts(self) -> TextOptions:
        return TextOptions(self._holder.applying.settings.language, local_zone())


def local_zone() -> tzinfo:
    """The zone of this machine, in which notices tell the time."""
    return datetime.now().astimezone().tzinfo or UTC
