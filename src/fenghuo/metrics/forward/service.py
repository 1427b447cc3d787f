"""All remotes: who runs, where they are, and what the log must keep for them."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import urllib.parse
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from prometheus_client import CollectorRegistry

from fenghuo import __version__
from fenghuo.base.clock import Clock
from fenghuo.base.errors import OperatingError
from fenghuo.base.guard import Guard
from fenghuo.metrics.forward.metrics import ForwardMetrics
from fenghuo.metrics.forward.ports import Client, MetadataSource, Run, Tail, in_thread
from fenghuo.metrics.forward.position import PositionFile, Progress
from fenghuo.metrics.forward.remote import Remote, RemoteParts
from fenghuo.metrics.forward.settings import RemoteWriteSettings
from fenghuo.metrics.forward.signed import SignedClient
from fenghuo.model.labels import EMPTY, Labels
from fenghuo.model.tailed import Position
from fenghuo.net.answer import host_of
from fenghuo.net.http_client import HttpClient

log = logging.getLogger(__name__)

SAVE_S: Final = 1.0
"""How often positions are saved: so much is sent twice after a crash."""
DRAIN_S: Final = 3.0
"""How long a stop waits for what was appended last to be sent. The rest is sent after the next start."""
RESTART_S: Final = 5.0
"""After a remote failed in a way that nobody foresaw."""


@dataclass(frozen=True, slots=True)
class ForwardParts:
    """What forwarding is made of."""

    tail: Tail
    directory: Path
    """Where positions are kept; made when there is something to keep."""
    clock: Clock
    registry: CollectorRegistry
    guard: Guard
    metadata: MetadataSource
    run: Run = in_thread


@dataclass(frozen=True, slots=True)
class _Plan:
    """What one remote is to be."""

    label: str
    settings: RemoteWriteSettings
    external_labels: Labels


@dataclass(slots=True)
class _Running:
    """A remote at work, and the position that the next process will find."""

    plan: _Plan
    file: PositionFile
    saved: Position
    remote: Remote
    client: Client
    task: asyncio.Task[None]


class Forwarding:
    """Runs a remote for each ``remote_write`` of the settings last applied."""

    def __init__(self, parts: ForwardParts) -> None:
        self._parts = parts
        self._metrics: ForwardMetrics | None = None
        self._running: dict[str, _Running] = {}
        self._tasks = asyncio.TaskGroup()
        self._saving: asyncio.Task[None] | None = None
        self._applying = asyncio.Lock()
        self._told = False
        self._needed: int | None = None
        """The oldest segment that any remote needs, as the log was told last."""

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._saving is not None:
            self._saving.cancel()
        for each in self._running.values():
            each.remote.stop()
        if self._running:
            await asyncio.wait([each.task for each in self._running.values()], timeout=DRAIN_S)
        for each in self._running.values():
            await self._end(each)
        await self._tasks.__aexit__(None, None, None)

    def troubles(self) -> list[str]:
        """What an operator should know, a sentence for each remote that has trouble."""
        return [trouble for each in self._running.values() if (trouble := each.remote.trouble)]

    async def apply(self, settings: Sequence[RemoteWriteSettings], external_labels: Labels = EMPTY) -> None:
        """Forward to these from now on. A remote that did not change goes on; one that did goes on from its position;
        a new one begins with what is appended next.

        Raises OperatingError when a position cannot be kept; then nothing has changed.
        """
        async with self._applying:
            plans = _plans(settings, external_labels)
            changed = [key for key in plans if key not in self._running or self._running[key].plan != plans[key]]
            places = {
                key: await self._parts.run(partial(self._place, key)) for key in plans if key not in self._running
            }
            for key in [key for key in self._running if key not in plans or key in changed]:
                ended = self._running.pop(key)
                await self._end(ended)
                self._forget(ended, lasting=key in plans)
            for key in changed:
                if key not in places:
                    places[key] = await self._parts.run(partial(self._place, key))
                self._running[key] = self._started(plans[key], *places[key])
            self._running = {key: self._running[key] for key in plans}
            await self._parts.guard.run("remote write segments", self._keep)
            if self._running and self._saving is None:
                self._saving = self._tasks.create_task(self._save_now_and_then(), name="remote write positions")

    def _place(self, key: str) -> tuple[PositionFile, Progress]:
        """Where a remote begins: where it was, or at the end of the log."""
        file = PositionFile(self._parts.directory / f"{key}.position")
        progress = file.load()
        if progress is None:
            progress = Progress(self._parts.tail.end)
            try:
                file.note(progress)
                file.sync()
            except OSError as error:
                raise OperatingError(
                    f"the position of a remote write cannot be kept in {file.path.parent}: {error.strerror or error}",
                    retryable=True,
                    remedy="make room on that disk, or give this user the right to write there",
                ) from error
        return file, progress

    def _started(self, plan: _Plan, file: PositionFile, progress: Progress) -> _Running:
        if self._metrics is None:
            self._metrics = ForwardMetrics(self._parts.registry)
        client: Client = HttpClient(plan.settings, f"Fenghuo/{__version__}")
        if plan.settings.sigv4 is not None:
            client = SignedClient(client, plan.settings.sigv4, self._parts.clock)
        parts = RemoteParts(
            plan.label, plan.settings, plan.external_labels, self._parts.tail, client, self._parts.metadata,
            self._parts.clock, self._metrics.of(plan.label), self._parts.run, file.note,
        )  # fmt: skip
        remote = Remote(parts, progress)
        task = self._tasks.create_task(self._keep_running(remote), name=f"remote write to {plan.label}")
        return _Running(plan, file, progress.done, remote, client, task)

    async def _keep_running(self, remote: Remote) -> None:
        while not await self._parts.guard.run(f"remote write to {remote.label}", remote.run):
            await self._parts.clock.sleep(RESTART_S)
            remote.begin_again()

    async def _end(self, running: _Running) -> None:
        """Stop a remote now, and save how far it came."""
        running.task.cancel()
        await asyncio.wait([running.task])
        running.remote.close()
        await running.client.close()
        await self._save(running)
        running.file.close()

    def _forget(self, ended: _Running, *, lasting: bool) -> None:
        """Show nothing of a remote that has ended, and drop its position unless it comes back at once."""
        assert self._metrics is not None
        self._metrics.remove(ended.plan.label)
        if not lasting:
            ended.file.remove()

    # Positions

    async def _save_now_and_then(self) -> None:
        while True:
            await self._parts.clock.sleep(SAVE_S)
            for running in list(self._running.values()):
                await self._parts.guard.run("remote write positions", partial(self._look_after, running))
            await self._parts.guard.run("remote write segments", self._keep)

    async def _look_after(self, running: _Running) -> None:
        await running.remote.keep_bounds()
        await self._save(running)

    async def _save(self, running: _Running) -> None:
        position = running.remote.position
        if position == running.saved:
            return
        try:
            await self._parts.run(running.file.sync)
        except OSError as error:
            log.warning("%s cannot be forced to the disk: %s; it is tried again", running.file.path, error)
        else:
            running.saved = position

    async def _keep(self) -> None:
        """Tell the log which segments are needed."""
        needed = min((each.saved.segment for each in self._running.values()), default=None)
        if not self._told or needed != self._needed:
            await self._parts.run(lambda: self._parts.tail.keep_from(needed))
            self._told, self._needed = True, needed


def forwarding(
    tail: Tail, directory: Path, clock: Clock, registry: CollectorRegistry, guard: Guard, metadata: MetadataSource
) -> Forwarding:
    """What forwards, with worker threads for what would hold the event loop."""
    return Forwarding(ForwardParts(tail, directory, clock, registry, guard, metadata))


def _plans(settings: Sequence[RemoteWriteSettings], external_labels: Labels) -> dict[str, _Plan]:
    """Each remote by what stays the same when its settings change: its name, or else its URL."""
    plans: dict[str, _Plan] = {}
    for each in settings:
        base = label = each.name or _shown(each.url)
        number = 1
        key = _key(each.name or each.url)
        while key in plans or any(plan.label == label for plan in plans.values()):
            number += 1
            label, key = f"{base} ({number})", _key(f"{each.name or each.url} {number}")
        plans[key] = _Plan(label, each, external_labels)
    return plans


def _key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _shown(url: str) -> str:
    """The URL without what may be secret in it."""
    return host_of(url) + urllib.parse.urlsplit(url).path
