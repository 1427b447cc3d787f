"""The running parts that HTTP speaks for."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from fenghuo.alerting.oncall.service import OnCall
from fenghuo.alerting.service import Alerting
from fenghuo.api.audit.trail import Trail
from fenghuo.api.auth.authenticator import Authenticator
from fenghuo.api.auth.tokens import Tokens
from fenghuo.app.forwarding import ForwardingWhenNamed
from fenghuo.app.options import Address, ServerOptions
from fenghuo.app.program import ConfigurationHolder, Readiness
from fenghuo.base.clock import Clock
from fenghuo.heartbeat.service import Heartbeats
from fenghuo.heartbeat.watchdog import Watchdog
from fenghuo.metrics.collect.scrape.apart import ScraperApart
from fenghuo.metrics.promql import Engine
from fenghuo.metrics.remote.engine import RemoteEngine
from fenghuo.metrics.store import Store
from fenghuo.rules import RuleManager
from fenghuo.state import State


@dataclass(frozen=True, slots=True)
class HttpParts:
    """What the routes are made of."""

    options: ServerOptions
    address: Address
    holder: ConfigurationHolder
    readiness: Readiness
    clock: Clock
    registry: CollectorRegistry
    state: State
    store: Store
    engine: Engine
    alerting: Alerting
    oncall: OnCall
    rules: RuleManager
    scraper: ScraperApart
    forwarding: ForwardingWhenNamed
    remote: RemoteEngine | None
    authenticator: Authenticator | None
    tokens: Tokens
    trail: Trail
    watchdog: Watchdog
    heartbeats: Heartbeats
