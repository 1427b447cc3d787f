"""The service that runs rule groups: when, in which thread, and what a reload keeps."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from prometheus_client import CollectorRegistry

from fenghuo.base.guard import Guard
from fenghuo.rules.group import Group
from fenghuo.rules.metrics import RuleMetrics
from fenghuo.rules.plan import GroupPlan, RulesSettings, plans_of
from fenghuo.rules.ports import Ports
from fenghuo.rules.threads import Runner, WorkerThreads
from fenghuo.rules.views import GroupView

log = logging.getLogger(__name__)

RETIRE_ROUNDS = 2
"""Intervals that pass before the series of a removed group are marked as ended: time for a renamed group, or one
that comes back with the next reload, to go on with them."""


@dataclass(frozen=True, slots=True)
class _Running:
    group: Group
    task: asyncio.Task[None]

    async def stopped(self) -> None:
        """Stop it and wait until its thread is out of the group."""
        self.group.stop()
        self.task.cancel()
        await asyncio.wait([self.task])


class RuleManager:
    """Runs the groups of the settings last applied, each at its own slots of the wall clock.

    A slot is ``interval`` apart from the next and, over all groups, spread by name; it is the same after a restart.
    A group that takes longer than its interval misses slots, which are counted.
    """

    def __init__(self, ports: Ports, registry: CollectorRegistry, guard: Guard, runner: Runner | None = None) -> None:
        self._ports = ports
        self._metrics = RuleMetrics(registry)
        self._guard = guard
        self._runner = runner or WorkerThreads()
        self._tasks = asyncio.TaskGroup()
        self._running: dict[str, _Running] = {}
        self._retiring: dict[str, _Running] = {}
        self._first = True
        self._applying = asyncio.Lock()

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        left = [*self._running.values(), *self._retiring.values()]
        for running in left:
            running.group.stop()
        for running in left:
            await running.stopped()
        await self._tasks.__aexit__(None, None, None)
        self._runner.close()

    async def apply(self, settings: RulesSettings) -> None:
        """Run these rules from now on. Groups that did not change go on undisturbed; changed ones keep their alerts.

        Raises InputError, and changes nothing, when a group cannot be made of its settings.
        """
        async with self._applying:
            plans = {plan.key: plan for plan in plans_of(settings)}
            fresh = {
                key: self._group(plan)
                for key, plan in plans.items()
                if key not in self._running or self._running[key].group.plan != plan
            }
            self._first = False
            for key in [key for key in self._running if key not in plans]:
                await self._retire(key)
            for key, group in fresh.items():
                await self._replace(key, group)
            self._running = {key: self._running[key] for key in plans}

    def groups(self) -> list[GroupView]:
        """Every group as its last evaluation left it, in the order of the files."""
        return [running.group.view for running in self._running.values()]

    def _group(self, plan: GroupPlan) -> Group:
        return Group(plan, self._ports, self._metrics, self._guard, restore=self._first)

    async def _replace(self, key: str, group: Group) -> None:
        older = self._running.get(key) or self._retiring.pop(key, None)
        if older is not None:
            await older.stopped()
            group.adopt(older.group)
        self._metrics.started(key, len(group.plan.rules), group.plan.interval_ms)
        task = self._tasks.create_task(self._run(group), name=f"rule group {key}")
        self._running[key] = _Running(group, task)

    async def _retire(self, key: str) -> None:
        running = self._running.pop(key)
        await running.stopped()
        self._metrics.stopped(key)
        task = self._tasks.create_task(self._end_later(running.group), name=f"retiring rule group {key}")
        self._retiring[key] = _Running(running.group, task)

    async def _end_later(self, group: Group) -> None:
        stopped_ms = self._ports.clock.now_ms()
        await self._ports.clock.sleep(RETIRE_ROUNDS * group.plan.interval_ms / 1000)
        await self._guard.run("rules", lambda: self._runner.run(lambda: group.end_all(stopped_ms)))
        self._retiring.pop(group.plan.key, None)

    async def _run(self, group: Group) -> None:
        plan = group.plan
        slot_ms = plan.slot_before(self._ports.clock.now_ms()) + plan.interval_ms
        missed = 0
        while True:
            slot_ms = await self._wait(plan, slot_ms)
            self._metrics.iteration(plan.key, missed)
            await self._evaluate(group, slot_ms)
            missed = max(0, (self._ports.clock.now_ms() - slot_ms) // plan.interval_ms - 1)
            if missed:
                log.warning("rule group %s missed %d evaluations", plan.key, missed)
            slot_ms += (missed + 1) * plan.interval_ms

    async def _evaluate(self, group: Group, slot_ms: int) -> None:
        part = f"rule group {group.plan.key}"
        await self._guard.run(part, lambda: self._runner.run(lambda: group.evaluate(slot_ms)))

    async def _wait(self, plan: GroupPlan, slot_ms: int) -> int:
        """Sleep until the slot, and return it; another one when the wall clock was set back meanwhile."""
        while True:
            now_ms = self._ports.clock.now_ms()
            left_ms = slot_ms - now_ms
            if left_ms <= 0:
                return slot_ms
            if left_ms > plan.interval_ms:
                slot_ms = plan.slot_before(now_ms) + plan.interval_ms
                continue
            await self._ports.clock.sleep(left_ms / 1000)
