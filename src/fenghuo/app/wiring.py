"""Everybody who runs, in start order. Stopping is the reverse.

This is the only file that knows all parts. It reads from top to bottom and holds no logic of its own.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import AsyncIterator

import anyio.to_thread
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector

from fenghuo.alerting.notify.channels.registry import Channels
from fenghuo.alerting.oncall.service import OnCall
from fenghuo.alerting.parts import AlertingParts
from fenghuo.alerting.service import Alerting
from fenghuo.api.audit.trail import Trail
from fenghuo.api.auth.authenticator import Authenticator
from fenghuo.api.auth.tokens import Tokens
from fenghuo.app.accounts import ensure_account, write_server_file
from fenghuo.app.afterwards import loading_the_rest, needed_soon
from fenghuo.app.banner import banner
from fenghuo.app.configuration import load_configuration
from fenghuo.app.forwarding import ForwardingWhenNamed
from fenghuo.app.glue import (
    AlertRelay,
    BuiltInTargets,
    Fitness,
    Markets,
    NoticeOptions,
    instant_query,
    plot_source,
    query_options,
)
from fenghuo.app.housekeeping import keeping_house
from fenghuo.app.http_parts import HttpParts
from fenghuo.app.http_server import bound_address, listen_on, serving
from fenghuo.app.http_wiring import http_application
from fenghuo.app.logs import counting_messages
from fenghuo.app.options import ServerOptions
from fenghuo.app.program import ConfigurationHolder, Program, Readiness
from fenghuo.app.remote_engine import abandoning, remote_engine
from fenghuo.app.services import opened_state, opened_store, owned_directory
from fenghuo.base.clock import Clock, SystemClock
from fenghuo.base.guard import Guard
from fenghuo.base.lifecycle import Stack
from fenghuo.base.limits import LimitHits
from fenghuo.heartbeat.service import Heartbeats
from fenghuo.heartbeat.watchdog import Watchdog
from fenghuo.metrics.collect.scrape.apart import ScraperApart
from fenghuo.metrics.collect.scrape.service import ScraperOptions
from fenghuo.metrics.promql import Engine, watched
from fenghuo.rules import Ports, RuleManager


@contextlib.asynccontextmanager
async def running(options: ServerOptions, clock: Clock | None = None) -> AsyncIterator[Program]:
    """A server that answers while the context is open. Port 0 takes a free port, as a test wants.

    Raises InputError for a configuration that cannot be used and OperatingError for a directory, a disk or a port
    that cannot be had.
    """
    clock = clock or SystemClock()
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    registry.register(LimitHits())
    guard = Guard(registry)
    configuration = await anyio.to_thread.run_sync(load_configuration, options.config, options.environment)
    settings = configuration.settings
    holder = ConfigurationHolder(options, configuration, clock, registry)

    async with Stack() as stack:
        await stack.start("log counter", counting_messages(registry))
        data_dir = await stack.start("data directory", owned_directory(options.data_dir))
        listener = await stack.start("listener", listen_on(options.address(settings.server.listen)))
        address = bound_address(listener)
        notices = NoticeOptions(holder, address)

        state = await stack.start("state", opened_state(data_dir / "state.db"))
        await stack.start("housekeeping", keeping_house(state, clock, guard))
        trail = await stack.start("audit", Trail(state.audit, clock, registry, guard))
        store = await stack.start("store", opened_store(data_dir / "metrics", settings.storage, clock, registry, guard))
        forwarding = await stack.start(
            "remote write", ForwardingWhenNamed(store, data_dir / "forward", clock, registry, guard)
        )
        engine = Engine(store, clock, registry, lambda: query_options(holder.current.settings))
        remote = await stack.start("remote engine", remote_engine(settings, clock, registry))

        oncall = await anyio.to_thread.run_sync(OnCall, state.overrides, clock, settings.oncall)
        alerting_parts = AlertingParts(
            alerts=state.alerts,
            log=state.notifications,
            silences=state.silences,
            incidents=state.incidents,
            channels=Channels(clock, notices.texts, plots=plot_source(engine)),
            clock=clock,
            registry=registry,
            guard=guard,
            oncall=oncall,
            escalations=state.escalations,
            external_url=notices.external_url,
            link_secret=await anyio.to_thread.run_sync(state.secret, "answers"),
        )
        alerting = await stack.start(
            "alerting",
            Alerting(
                alerting_parts, settings.alerting, configuration.markets, settings.priorities, settings.escalations
            ),
        )
        heartbeats = await stack.start(
            "heartbeats",
            Heartbeats(state.heartbeats, alerting.intake.put, clock, registry, guard, settings.heartbeat),
        )
        relay, markets = AlertRelay(alerting.intake), Markets()
        query = instant_query(engine) if remote is None else remote.query
        rule_ports = Ports(query, store, relay, clock, markets.market, watched)
        rules = await stack.start("rules", RuleManager(rule_ports, registry, guard))
        await stack.start("questions of rules", abandoning(remote))

        scraper_options = ScraperOptions(notices.external_url(), address.port)
        scraper = await stack.start("scraper", ScraperApart(store, clock, registry, guard, scraper_options))
        built_in = BuiltInTargets(registry, clock, guard, address)

        forwarding.tell_metadata_of(scraper)
        await holder.serve(forwarding.apply)
        await holder.serve(markets.apply)
        await holder.serve(relay.apply)
        holder.follow(lambda now: oncall.apply(now.settings.oncall))
        holder.follow(
            lambda now: alerting.apply(
                now.settings.alerting, now.markets, now.settings.priorities, now.settings.escalations
            )
        )
        await holder.serve(lambda now: rules.apply(now.rules(notices.external_url())))
        await holder.serve(lambda now: scraper.apply(now.settings.jobs, built_in.targets(now)))

        watchdog = Watchdog(settings.heartbeat.watchdog, Fitness(state, store, scraper), clock, registry, guard)
        holder.follow(lambda now: heartbeats.apply(now.settings.heartbeat))
        holder.follow(lambda now: watchdog.apply(now.settings.heartbeat.watchdog))

        token = secrets.token_urlsafe(32)
        sign_in = None if options.no_auth else await anyio.to_thread.run_sync(ensure_account, state.users)
        tokens = Tokens(state.tokens, state.users, clock)
        authenticator = None if options.no_auth else Authenticator(state.users, state.sessions, tokens, clock, token)
        readiness = Readiness()
        http = http_application(
            HttpParts(
                options, address, holder, readiness, clock, registry, state, store, engine, alerting, oncall, rules,
                scraper, forwarding, remote, authenticator, tokens, trail, watchdog, heartbeats,
            )
        )  # fmt: skip
        proxies = settings.server.trusted_proxies
        await stack.start("http", serving(http.application, listener, http.stop, proxies))
        await anyio.to_thread.run_sync(write_server_file, data_dir, address.url, token)
        readiness.ready = True
        await stack.start("watchdog", watchdog)
        rest = needed_soon(http.prepare, settings.alerting)
        await stack.start("afterwards", loading_the_rest(rest, clock, guard))
        lines = banner(
            address.url,
            data_dir=str(data_dir),
            sign_in=sign_in,
            open_to_all=options.no_auth,
            has_panel=http.has_panel,
        )
        yield Program(address.url, holder, lines, http.routes, guard, trail)
        readiness.ready = False
