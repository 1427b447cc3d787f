"""A process that does nothing but alert: state in a file, one webhook, alerts from standard input.

Started by tests that kill it. Each line is ``fire NAME``, ``end NAME`` or ``ping``; what was taken is answered
with ``ok`` once it is saved.
"""

from __future__ import annotations

import asyncio
import sys

from prometheus_client import CollectorRegistry

from fenghuo.alerting.notify.channels.registry import Channels
from fenghuo.alerting.oncall.service import OnCall
from fenghuo.alerting.parts import AlertingParts
from fenghuo.alerting.service import Alerting
from fenghuo.alerting.settings import AlertingSettings
from fenghuo.base.clock import SystemClock
from fenghuo.base.document import load_yaml, validate
from fenghuo.base.guard import Guard
from fenghuo.model.alert import Alert
from fenghuo.model.labels import Labels
from fenghuo.state import open_state

CONFIG = """
route: {{receiver: team, group_by: [alertname], group_wait: 100ms, group_interval: 200ms, repeat_interval: 1h}}
receivers:
- name: team
  webhook_configs: [{{url: '{url}'}}]
"""


async def main(state_url: str, webhook_url: str) -> None:
    settings, problems = validate(AlertingSettings, load_yaml(CONFIG.format(url=webhook_url), "am.yml"))
    assert settings is not None, problems
    clock, registry = SystemClock(), CollectorRegistry()
    starts: dict[str, int] = {}
    with open_state(state_url) as state:
        parts = AlertingParts(
            state.alerts,
            state.notifications,
            state.silences,
            state.incidents,
            Channels(clock),
            clock,
            registry,
            Guard(registry),
            OnCall(state.overrides, clock),
            state.escalations,
            lambda: "http://fenghuo",
        )
        async with Alerting(parts, settings) as alerting:
            for view in await alerting.alerts():
                starts[view.alert.name] = view.alert.starts_at_ms
            print("ready", flush=True)
            while line := (await asyncio.to_thread(sys.stdin.readline)).split():
                now_ms = clock.now_ms()
                if line[0] != "ping":
                    start_ms = starts.setdefault(line[1], now_ms)
                    ends_ms = now_ms if line[0] == "end" else now_ms + 240_000
                    alerting.intake.put([Alert(Labels({"alertname": line[1]}), start_ms, ends_ms)])
                    if line[0] == "end":
                        del starts[line[1]]
                print("ok", flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
