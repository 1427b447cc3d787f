"""One receiver: reads the log, sends what is in it, and remembers up to where the receiver has it."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from fenghuo.base.clock import Clock
from fenghuo.base.limits import Policy, declare
from fenghuo.metrics.forward.batch import Draft, Piece, Round
from fenghuo.metrics.forward.encode import Version, lookup_in
from fenghuo.metrics.forward.feed import Feed, Wanted
from fenghuo.metrics.forward.lanes import Lanes
from fenghuo.metrics.forward.metrics import RemoteMetrics
from fenghuo.metrics.forward.names import Naming
from fenghuo.metrics.forward.ports import Client, MetadataSource, Run, Tail
from fenghuo.metrics.forward.position import Progress
from fenghuo.metrics.forward.sender import Sender
from fenghuo.metrics.forward.settings import RemoteWriteSettings
from fenghuo.model.labels import Labels
from fenghuo.model.tailed import Position

log = logging.getLogger(__name__)

POLL_S: Final = 1.0
"""How often is looked whether something was appended, when nothing is to be sent."""
FAILING_S: Final = 60.0
"""A receiver that takes nothing for this long is a trouble."""
BEHIND_S: Final = 300.0
"""So is one that is this far behind."""
READ_AGAIN_S: Final = 5.0
"""After the disk refused to be read."""

QUEUE = declare(
    "remote_write_queue_segments",
    16,
    Policy.DROP_OLDEST,
    "Segments of the WAL that wait for a receiver: queue_size of its remote_write, 4 GiB, in pieces of 256 MiB.",
)


@dataclass(frozen=True, slots=True)
class RemoteParts:
    """What a remote is made of."""

    label: str
    """What it is called in messages and metrics."""
    settings: RemoteWriteSettings
    external_labels: Labels
    tail: Tail
    client: Client
    metadata: MetadataSource
    clock: Clock
    metrics: RemoteMetrics
    run: Run
    note: Callable[[Progress], None]
    """Lets the next process find how far this one came. Blocks; raises OSError."""


class Remote:
    """Forwards to one receiver. :meth:`run` does the work; the rest may be called beside it."""

    def __init__(self, parts: RemoteParts, progress: Progress) -> None:
        settings = parts.settings
        self.label = parts.label
        self.position = progress.done
        """Before it the receiver has everything; what is behind it must not be deleted."""
        self._parts = parts
        self._queue = settings.queue_config
        self._clock = parts.clock
        self._metrics = parts.metrics
        self._sender = Sender(parts.label, settings, parts.client, parts.clock, parts.metrics, parts.run)
        wanted = Wanted(
            Naming(parts.external_labels, settings.write_relabel_configs),
            Version.of(settings.protobuf_message) is Version.ONE,
            settings.send_exemplars,
            self._queue.sample_age_limit_ms,
        )
        self._wanted = wanted
        self._unsure = progress if progress.sending > progress.done else None
        """What was under way when an earlier process ended, until it is read."""
        self._feed = self._feed_from(progress.done)
        self._feeding = asyncio.Lock()
        self._lanes = Lanes(self._queue.min_shards, self._queue.max_shards)
        self._stopping = False
        self._newest_out_ms: int | None = None
        self._disk_trouble = ""
        parts.metrics.shards_max.set(self._queue.max_shards)
        parts.metrics.queue_bytes_max.set(self._queue.queue_size_bytes)

    async def run(self) -> None:
        """Forward until :meth:`stop`, and then what there is."""
        async with asyncio.TaskGroup() as group:
            telling = group.create_task(self._tell_metadata(), name=f"metadata for {self.label}")
            try:
                current = await self._read()
                while current is not None:
                    ahead = group.create_task(self._read(), name=f"reading for {self.label}")
                    await self._send(current)
                    current = await ahead
            finally:
                telling.cancel()

    def stop(self) -> None:
        """Let :meth:`run` end when everything appended so far is sent."""
        self._stopping = True

    def begin_again(self) -> None:
        """Go back to what the receiver has, after :meth:`run` failed."""
        self._feed.close()
        self._feed = self._feed_from(self.position)

    def close(self) -> None:
        """Let go of files. For when nothing runs."""
        self._feed.close()

    def _feed_from(self, position: Position) -> Feed:
        parts = self._parts
        return Feed(parts.tail, position, self._wanted, parts.clock.now_ms, parts.metrics)

    # Reading

    async def _read(self) -> Round | None:
        """The next round: a full one, or what came within the deadline; None when stopping and nothing is left."""
        unsure, self._unsure = self._unsure, None
        if unsure is None:
            draft = Draft(lanes_max=self._lanes.count)
            size_max = draft.lanes_max * self._queue.max_samples_per_send
        else:
            draft, size_max = Draft(unsure.lanes, unsure.sending), sys.maxsize
        deadline_s: float | None = None
        wait_s = min(POLL_S, max(self._queue.batch_send_deadline_ms / 1000, 0.01))
        while True:
            refused = not await self._fill(draft, size_max)
            if len(draft) >= size_max or draft.closed:
                return draft.round(size_max)
            if self._stopping:
                return draft.round(size_max) if draft.end is not None else None
            now_s = self._clock.monotonic_s()
            if draft.end is not None:
                deadline_s = deadline_s or now_s + self._queue.batch_send_deadline_ms / 1000
                if now_s >= deadline_s:
                    return draft.round(size_max)
                wait_s = min(wait_s, max(deadline_s - now_s, 0.001))
            await self._clock.sleep(READ_AGAIN_S if refused else wait_s)

    async def _fill(self, draft: Draft, size_max: int) -> bool:
        """Read what there is. False when the disk refused."""
        if not self._feed.pending:
            return True
        try:
            async with self._feeding:
                await self._parts.run(lambda: self._feed.read(draft, size_max))
        except OSError as error:
            if not self._disk_trouble:
                log.error("remote write to %s cannot read the WAL: %s", self.label, error)
            self._disk_trouble = f"the WAL cannot be read: {error}"
            return False
        self._disk_trouble = ""
        return True

    # Sending

    async def _send(self, current: Round) -> None:
        """Bring one round through."""
        count = current.lanes_max
        began_s = self._clock.monotonic_s()
        lanes = await self._parts.run(lambda: current.lanes(self._queue.max_samples_per_send))
        if lanes:
            await self._note(Progress(self.position, current.end, count))
        async with asyncio.TaskGroup() as group:
            for lane in lanes:
                group.create_task(self._send_in_order(lane), name=f"sending to {self.label}")
        # A receiver takes exemplars only of series that it knows.
        await self._send_in_order(current.exemplar_pieces(self._queue.max_samples_per_send))
        if not current.again:
            self._lanes.went(count, len(current.series), self._clock.monotonic_s() - began_s, full=current.full)
        self.position = max(self.position, current.end)
        await self._note(Progress(self.position))

    async def _note(self, progress: Progress) -> None:
        try:
            await self._parts.run(lambda: self._parts.note(progress))
        except OSError as error:
            log.warning("remote write to %s: its position cannot be kept: %s; it is tried again", self.label, error)

    async def _send_in_order(self, pieces: list[Piece]) -> None:
        for piece in pieces:
            await self._sender.send(piece)
            newest_ms = piece.newest_ms
            if newest_ms is not None:
                self._newest_out_ms = max(newest_ms, self._newest_out_ms or newest_ms)

    async def _tell_metadata(self) -> None:
        """Send what is known of metrics in requests of its own, or keep it for the series of version 2.0."""
        settings = self._parts.settings.metadata_config
        separate = Version.of(self._parts.settings.protobuf_message) is Version.ONE
        while settings.send and not self._stopping:
            families = [(name, each[0]) for name, each in (await self._parts.metadata()).items() if each]
            self._sender.known = lookup_in(dict(families))
            size = settings.max_samples_per_send
            for start in range(0, len(families) if separate else 0, size):
                await self._sender.send(Piece(metadata=families[start : start + size]))
            await self._clock.sleep(max(settings.send_interval_ms / 1000, POLL_S))

    # Upkeep

    async def keep_bounds(self) -> None:
        """Drop the oldest segments while more waits than may, and show how it goes."""
        sizes = self._parts.tail.sizes()
        number = _first_within(self.position, sizes, self._queue.queue_size_bytes)
        if dropped := [each for each, _ in sizes if self.position.segment <= each < number]:
            await self._drop(dropped, number)
        self._show(sizes)

    async def _drop(self, segments: list[int], number: int) -> None:
        """Leave out the segments before ``number``."""
        log.error(
            "remote write to %s: more than queue_size (%d bytes) waits; the samples of %d WAL segments are dropped",
            self.label,
            self._queue.queue_size_bytes,
            len(segments),
        )
        QUEUE.hit(len(segments))
        try:
            async with self._feeding:
                await self._parts.run(lambda: self._feed.skip_to(number))
        except OSError as error:
            log.error("remote write to %s: samples that are dropped could not be counted: %s", self.label, error)
        self.position = max(self.position, Position(number, 0))

    def _show(self, sizes: list[tuple[int, int]]) -> None:
        metrics = self._metrics
        metrics.queue_bytes.set(_waiting_bytes(self.position, sizes))
        metrics.shards.set(self._lanes.count)
        newest_ms = self._parts.tail.newest_ms
        if newest_ms > 0:
            metrics.newest_in.set(newest_ms / 1000)
        if self._newest_out_ms is not None:
            metrics.newest_out.set(self._newest_out_ms / 1000)
        metrics.lag_s.set(self._lag_s())

    def _lag_s(self) -> float:
        """How far behind the receiver is; 0 when nothing waits."""
        if self._parts.tail.end <= self.position or self._newest_out_ms is None:
            return 0.0
        return max(self._parts.tail.newest_ms - self._newest_out_ms, 0) / 1000

    @property
    def trouble(self) -> str:
        """What an operator should know; empty when all is well."""
        since_s = self._sender.failing_since_s
        if since_s is not None and self._clock.monotonic_s() - since_s >= FAILING_S:
            return f"{self.label} takes nothing: {self._sender.trouble}"
        if self._disk_trouble:
            return f"{self.label}: {self._disk_trouble}"
        if (lag_s := self._lag_s()) >= BEHIND_S:
            return f"{self.label} is {lag_s:.0f} s behind"
        return ""


def _waiting_bytes(position: Position, sizes: list[tuple[int, int]]) -> int:
    """Bytes of the log behind the position."""
    behind = sum(size for number, size in sizes if number >= position.segment)
    return behind - (position.offset if any(number == position.segment for number, _ in sizes) else 0)


def _first_within(position: Position, sizes: list[tuple[int, int]], bytes_max: int) -> int:
    """The segment from which on no more than ``bytes_max`` waits. The last is never left out."""
    waiting = _waiting_bytes(position, sizes)
    for number, size in sizes[:-1]:
        if number >= position.segment:
            if waiting <= bytes_max:
                return number
            waiting -= size - (position.offset if number == position.segment else 0)
    return sizes[-1][0] if sizes else position.segment
