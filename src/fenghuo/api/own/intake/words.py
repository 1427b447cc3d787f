"""Words for "it fires" and "it is over" that programs use."""

from __future__ import annotations

from typing import Final

FIRING: Final = frozenset(
    {
        "1", "active", "alarm", "alert", "alerting", "bad", "critical", "crit", "down", "error", "fail", "failed",
        "failure", "fatal", "firing", "open", "opened", "problem", "triggered", "true", "unhealthy", "warn", "warning",
        "告警", "故障", "异常",
    }
)  # fmt: skip
RESOLVED: Final = frozenset(
    {
        "0", "cleared", "closed", "false", "good", "healthy", "inactive", "normal", "ok", "passed", "recovered",
        "recovery", "resolved", "success", "succeeded", "up", "已恢复", "恢复", "正常",
    }
)  # fmt: skip
