"""The timer of one group."""

from __future__ import annotations

import asyncio

import pytest

from fenghuo.alerting.held import Held, admit
from fenghuo.alerting.route.groups import Flush, Flushed, Group
from fenghuo.alerting.route.tree import build_route
from fenghuo.alerting.settings import RouteSettings
from fenghuo.base.clock import ManualClock
from fenghuo.model.alert import Alert
from fenghuo.model.labels import EMPTY, Labels

pytestmark = pytest.mark.anyio


async def test_a_group_that_is_stopped_while_a_report_comes_in_flushes_no_more() -> None:
    clock, settled, flushes = ManualClock(1_000_000), asyncio.Event(), []

    async def notify(flush: Flush) -> Flushed:
        flushes.append(flush)
        return Flushed(told=True)

    route = build_route(RouteSettings.model_validate({"receiver": "team", "group_wait": "0s"}))
    group = Group(route, EMPTY, clock, notify, settled)
    held = admit(Alert(Labels({"alertname": "Down"}), clock.now_ms()), clock.now_ms(), 300_000)
    assert isinstance(held, Held)
    group.insert(held)
    running = asyncio.ensure_future(group.run())
    await clock.advance(1)
    group.stop()
    settled.set()
    await clock.advance(1)
    assert running.done()
    assert flushes == []
