"""What answers on the port: every protocol's routes, put together from the running parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from starlette.types import ASGIApp

from fenghuo.api.alertmanager.alerts import AlertApi
from fenghuo.api.alertmanager.silences import SilenceApi
from fenghuo.api.alertmanager.status import StatusApi as AlertmanagerStatusApi
from fenghuo.api.application import ApplicationParts, build_application
from fenghuo.api.http_metrics import ServerHttpMetrics
from fenghuo.api.late import LateApplication
from fenghuo.api.management import Check, ManagementParts, management_routes
from fenghuo.api.own.ack import AnswerPage
from fenghuo.api.prometheus.admin import AdminApi
from fenghuo.api.prometheus.elsewhere import ElsewhereApi
from fenghuo.api.prometheus.export import ExportApi
from fenghuo.api.prometheus.expressions import expression_routes
from fenghuo.api.prometheus.federate import FederateApi
from fenghuo.api.prometheus.metadata import AllMetadata
from fenghuo.api.prometheus.query import QueryApi
from fenghuo.api.prometheus.rules import RuleApi
from fenghuo.api.prometheus.series import SeriesApi
from fenghuo.api.prometheus.status import StatusApi, StatusParts
from fenghuo.api.prometheus.targets import TargetApi
from fenghuo.api.prometheus.times import rfc3339
from fenghuo.app.http_parts import HttpParts
from fenghuo.app.options import SNAPSHOTS
from fenghuo.app.push_wiring import Pushing
from fenghuo.base.late import Later
from fenghuo.metrics.store import StoreHealth
from fenghuo.model.duration import format_duration
from fenghuo.model.labels import Labels
from fenghuo.web import Panel
from fenghuo.web.security import page_headers

OWN_APPLICATION = Later("fenghuo.app.own_wiring", "own_application")


@dataclass(frozen=True, slots=True)
class Http:
    """What answers, and which paths it answers."""

    application: ASGIApp
    routes: Sequence[tuple[str, str]]
    has_panel: bool
    prepare: Callable[[], object]
    """Loads what the start left for later. Blocking."""
    stop: Callable[[], object]
    """Ends what would keep clients waiting while the server stops."""


def http_application(parts: HttpParts) -> Http:
    """The ASGI application of the whole program."""
    started_at_ms = parts.clock.now_ms()
    settings = parts.holder.current.settings
    queries = QueryApi(parts.engine, parts.store, parts.clock, lambda: parts.holder.current.settings.query)
    pushing = Pushing(parts)
    management = ManagementParts(
        registry=parts.registry,
        checks=lambda: _checks(parts),
        is_ready=lambda: parts.readiness.ready,
        reload=parts.holder.reload,
    )
    routes = [
        *management_routes(management),
        *(ElsewhereApi(parts.remote).routes() if parts.remote is not None else ()),  # They come before ours.
        *queries.routes(),
        *expression_routes(parts.engine.parse),
        *SeriesApi(parts.store).routes(),
        *TargetApi(AllMetadata(parts.scraper, pushing.metadata)).routes(),
        *RuleApi(parts.rules.groups).routes(),
        *ExportApi(parts.store).routes(),
        *AdminApi(parts.store, parts.options.data_dir / SNAPSHOTS).routes(),
        *StatusApi(_status_parts(parts, started_at_ms)).routes(),
        *pushing.routes(),
        *AnswerPage(parts.alerting, parts.clock.now_ms, page_headers()).routes(),
        *AlertApi(parts.alerting, parts.clock.now_ms).routes(),
        *SilenceApi(parts.alerting, parts.clock.now_ms).routes(),
        *AlertmanagerStatusApi(lambda: parts.alerting.settings, started_at_ms).routes(),
        *_federation(parts).routes(),
    ]

    def prepare() -> None:
        own_api.prepare()
        parts.holder.yaml()  # Builds what pydantic writes settings with.

    own_api = LateApplication(lambda: OWN_APPLICATION.get()(parts, started_at_ms))
    panel = Panel()
    application = build_application(
        ApplicationParts(
            routes=routes,
            own_api=own_api,
            panel=panel,
            authenticator=parts.authenticator,
            metrics=ServerHttpMetrics(parts.registry),
            metrics_open=parts.address.is_loopback,
            trail=parts.trail,
            clock=parts.clock,
            cors_origins=settings.server.cors_origins,
        )
    )
    shown = [(route.path, ", ".join(sorted(route.methods or ()))) for route in routes]
    return Http(application, shown, panel.built, prepare, queries.stop)


def _federation(parts: HttpParts) -> FederateApi:
    holder = parts.holder
    return FederateApi(
        parts.store,
        parts.clock,
        lambda: Labels(holder.current.settings.global_.external_labels),
        lambda: holder.current.settings.query.lookback_ms,
    )


def _status_parts(parts: HttpParts, started_at_ms: int) -> StatusParts:
    options = parts.options
    return StatusParts(
        clock=parts.clock,
        started_at_ms=started_at_ms,
        config_yaml=parts.holder.yaml,
        flags={
            "config.file": str(options.config or ""),
            "data-dir": str(options.data_dir),
            "listen": str(parts.address),
            "no-auth": str(options.no_auth).lower(),
        },
        reload_state=lambda: parts.holder.state,
        retention=lambda: format_duration(parts.holder.current.settings.storage.retention_ms),
        corruptions=lambda: parts.store.health().corruptions,
        statistics=parts.store.statistics,
    )


def _checks(parts: HttpParts) -> Mapping[str, Check]:
    """What ``/health`` looks at: can it start its work, is the configuration the one on disk, can it store."""
    reload = parts.holder.state
    return {
        "ready": Check(parts.readiness.ready, "" if parts.readiness.ready else "starting or stopping"),
        "configuration": Check(reload.ok, "" if reload.ok else "the last reload was refused; the log says why"),
        "store": _store_check(parts.store.health()),
        "state": Check(not parts.state.trouble, parts.state.trouble),
        "scraper": Check(not parts.scraper.trouble, parts.scraper.trouble),
        "discovery": _discovery_check(parts.scraper.discovery_problems()),
        "watchdog": Check(not parts.watchdog.trouble, parts.watchdog.trouble),
        "remote_write": Check(not (behind := parts.forwarding.troubles()), "; ".join(behind)),
        **({"remote": Check(not parts.remote.trouble, parts.remote.trouble)} if parts.remote is not None else {}),
    }


def _discovery_check(problems: Mapping[str, Sequence[str]]) -> Check:
    return Check(not problems, "; ".join(f"job {job}: {', '.join(found)}" for job, found in problems.items()))


def _store_check(health: StoreHealth) -> Check:
    last = "never" if health.last_append_ms is None else rfc3339(health.last_append_ms)
    said = [*health.troubles, f"samples were last stored at {last}"] if health.troubles else []
    return Check(not said, "; ".join(said))
