"""What handlers that speak for alerting have in common."""

from __future__ import annotations

from collections.abc import Callable

from fenghuo.alerting.service import Alerting


class AlertingHandlers:
    """``alerting`` owns what the handlers tell of and change."""

    def __init__(self, alerting: Alerting, now_ms: Callable[[], int]) -> None:
        self._alerting = alerting
        self._now_ms = now_ms
