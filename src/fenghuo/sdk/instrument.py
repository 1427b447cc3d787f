"""``instrument(app)``: the one line."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from prometheus_client import REGISTRY, CollectorRegistry

from fenghuo.sdk.asgi import AsgiMiddleware, starlette_endpoint
from fenghuo.sdk.endpoints import Endpoints
from fenghuo.sdk.guard import harmless
from fenghuo.sdk.health import Check, CheckFunction, Health
from fenghuo.sdk.http_metrics import http_metrics
from fenghuo.sdk.wsgi import WsgiMiddleware, flask_endpoint

App = TypeVar("App", bound=Callable[..., Any])

_MARK = "_fenghuo_instrumented"


def instrument(
    app: App,
    *,
    registry: CollectorRegistry = REGISTRY,
    health: Health | Mapping[str, Check | CheckFunction] | None = None,
    metrics_path: str | None = "/metrics",
    health_path: str | None = "/health",
    endpoint_of: Callable[[Any], str] | None = None,
) -> App:
    """Give ``app`` request metrics, ``/metrics``, ``/health``, ``/health/live`` and ``/health/ready``.

    FastAPI, Starlette and Flask objects are changed in place and returned; any other ASGI or WSGI callable is
    returned wrapped. ``registry`` is where the application's own metrics live too. ``health`` holds checks by
    name. A path given as None, or one that the application has a route for, is left to the application.
    ``endpoint_of`` maps an ASGI scope or a WSGI environment to the ``endpoint`` label where the framework is not
    known; without it such requests are all counted under ``app``. Calling it twice changes nothing.
    """
    with harmless("instrumenting the application"):
        if getattr(app, _MARK, False):
            return app
        checks = health if isinstance(health, Health) else Health(health)
        endpoints = Endpoints(registry, checks, metrics_path, health_path)
        return _instrumented(app, endpoints, endpoint_of)
    return app


def _instrumented(app: App, endpoints: Endpoints, endpoint_of: Callable[[Any], str] | None) -> App:
    metrics = http_metrics(endpoints.registry)
    target: Any = app
    if _is_a(app, "starlette.applications", "Starlette"):
        endpoints.leave(frozenset(str(getattr(route, "path", "")) for route in target.routes))
        target.add_middleware(
            AsgiMiddleware,
            metrics=metrics,
            endpoints=endpoints,
            endpoint_of=endpoint_of or starlette_endpoint(lambda: target.routes),
        )
    elif _is_a(app, "flask.app", "Flask"):
        endpoints.leave(frozenset(str(rule.rule) for rule in target.url_map.iter_rules()))
        target.wsgi_app = WsgiMiddleware(target.wsgi_app, metrics, endpoints, endpoint_of or flask_endpoint)
    else:
        wrapper = AsgiMiddleware if _is_asgi(app) else WsgiMiddleware
        wrapped: Any = wrapper(target, metrics, endpoints, endpoint_of or _whole_app)
        target = wrapped
    setattr(target, _MARK, True)
    instrumented: App = target
    return instrumented


def _whole_app(request: object) -> str:
    return "app"


def _is_a(app: object, module: str, name: str) -> bool:
    """Whether ``app`` is an instance of a class that this program need not have installed."""
    return any(kind.__module__ == module and kind.__name__ == name for kind in type(app).__mro__)


def _is_asgi(app: Callable[..., Any]) -> bool:
    call = app if inspect.isroutine(app) else getattr(app, "__call__", app)  # noqa: B004 - its kind is asked
    return inspect.iscoroutinefunction(call) or len(inspect.signature(app).parameters) == 3
