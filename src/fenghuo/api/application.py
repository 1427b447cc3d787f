"""All protocols on one port: routes, the door in front of them, and the panel behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp

from fenghuo.api.audit.middleware import AuditMiddleware, telling_refusals
from fenghuo.api.audit.trail import Trail
from fenghuo.api.auth.authenticator import Authenticator
from fenghuo.api.auth.middleware import AuthMiddleware
from fenghuo.api.body_limit import BodyLimitMiddleware
from fenghuo.api.http_metrics import HttpMetricsMiddleware, ServerHttpMetrics
from fenghuo.base.clock import Clock


@dataclass(frozen=True, slots=True)
class ApplicationParts:
    """What the application is made of."""

    routes: Sequence[BaseRoute]
    own_api: ASGIApp
    panel: ASGIApp
    authenticator: Authenticator | None
    metrics: ServerHttpMetrics
    metrics_open: bool
    trail: Trail
    clock: Clock
    cors_origins: Sequence[str] = ()


def build_application(parts: ApplicationParts) -> ASGIApp:
    """The ASGI application. Cross-origin requests are refused unless ``cors_origins`` names who may ask."""
    middleware = [Middleware(HttpMetricsMiddleware, metrics=parts.metrics)]
    if parts.cors_origins:
        middleware.append(
            Middleware(
                CORSMiddleware,
                allow_origins=list(parts.cors_origins),
                allow_methods=["GET", "POST"],
                allow_headers=["Authorization", "Content-Type"],
            )
        )
    middleware.append(Middleware(BodyLimitMiddleware))
    middleware.append(
        Middleware(
            AuthMiddleware,
            authenticator=parts.authenticator,
            refused=telling_refusals(parts.trail, parts.clock),
            metrics_open=parts.metrics_open,
        )
    )
    middleware.append(Middleware(AuditMiddleware, trail=parts.trail, clock=parts.clock))
    return Starlette(
        routes=[*parts.routes, Mount("/api/fenghuo", parts.own_api), Mount("/", parts.panel)],
        middleware=middleware,
    )
