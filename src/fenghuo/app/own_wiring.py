"""Our own API, put together from the running parts.

FastAPI is a fifth of what a start would load, and nothing asks for this API before somebody opens the panel: this
module is loaded after the start (see :mod:`fenghuo.app.http_wiring`).
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any

from starlette.types import ASGIApp

from fenghuo import __version__
from fenghuo.alerting.notify.channels.registry import Channels
from fenghuo.alerting.notify.tryout import TryOut
from fenghuo.alerting.reached import Duty, kinds_of
from fenghuo.alerting.whatif import WhatIf
from fenghuo.api.own.app import own_api
from fenghuo.api.own.audit import audit_router
from fenghuo.api.own.heartbeat import heartbeat_router
from fenghuo.api.own.incidents import incident_router
from fenghuo.api.own.intake.door import Door
from fenghuo.api.own.intake.router import intake_router
from fenghuo.api.own.intake.settings import IntakesSettings
from fenghuo.api.own.notify import notify_router
from fenghuo.api.own.oncall import Feeds, oncall_router
from fenghuo.api.own.session import session_router
from fenghuo.api.own.signatures import Signatures
from fenghuo.api.own.status import NotificationView, StatusView, status_router
from fenghuo.api.own.tokens import token_router
from fenghuo.api.own.trading import trading_router
from fenghuo.api.own.whatif import whatif_router
from fenghuo.app.glue import NoticeOptions, plot_source
from fenghuo.app.http_parts import HttpParts
from fenghuo.app.replay import ReplayQuestion, Replays
from fenghuo.model.labels import Labels
from fenghuo.model.notification import Notice


def own_application(parts: HttpParts, started_at_ms: int) -> ASGIApp:
    """The application that is mounted at ``/api/fenghuo``."""

    def status() -> StatusView:
        return StatusView(
            version=__version__,
            started_at_ms=started_at_ms,
            hostname=socket.gethostname(),
            auth=parts.authenticator is not None,
            language=parts.holder.current.settings.language,
        )

    def notifications(limit: int) -> Sequence[NotificationView]:
        return [_view(notice) for notice in parts.alerting.deliveries(limit)]

    def intakes() -> IntakesSettings:
        return parts.holder.current.settings.intake

    replays = Replays(parts.engine, parts.store, parts.oncall.who)

    def replay(rules: str, start_ms: int, end_ms: int) -> dict[str, Any]:
        return replays.ask(ReplayQuestion(rules, start_ms, end_ms), parts.holder.current.settings)

    async def route(labels: Labels, at_ms: int) -> WhatIf:
        now = parts.holder.current
        duty = Duty(now.settings.oncall.people, parts.oncall.who, kinds_of(now.settings.alerting), now.markets)
        return await parts.alerting.what_if(labels, at_ms, duty, now.settings.escalations.escalations)

    return own_api(
        [
            session_router(parts.authenticator),
            token_router(parts.tokens),
            audit_router(parts.trail),
            status_router(status, notifications),
            whatif_router(route, replay, parts.clock.now_ms),
            intake_router(Door(parts.alerting, intakes, parts.clock, parts.registry)),
            heartbeat_router(parts.heartbeats, Signatures(lambda: parts.state.secret("heartbeats"))),
            incident_router(parts.alerting.incidents, parts.alerting.escalations, parts.clock.now_ms),
            notify_router(_tryout(parts)),
            oncall_router(parts.oncall, Feeds(Signatures(lambda: parts.state.secret("feeds"))), parts.clock.now_ms),
            trading_router(lambda: parts.holder.current.markets, parts.clock.now_ms),
        ],
        __version__,
    )


def _tryout(parts: HttpParts) -> TryOut:
    options = NoticeOptions(parts.holder, parts.address)
    channels = Channels(parts.clock, options.texts, plots=plot_source(parts.engine))
    return TryOut(channels, lambda: parts.holder.current.settings.alerting, parts.clock, options.external_url)


def _view(notice: Notice) -> NotificationView:
    return NotificationView(
        receiver=notice.claim.key.receiver,
        channel=notice.claim.key.channel,
        status=notice.state,
        reason=notice.claim.reason,
        error=notice.error,
        attempts=notice.attempts,
        group_key=notice.claim.key.group_key,
        at_ms=notice.claim.claimed_at_ms,
        instead_of=notice.claim.instead_of,
    )
