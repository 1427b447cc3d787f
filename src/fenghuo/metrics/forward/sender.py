"""Sending one request until it is accepted, or refused for good."""

from __future__ import annotations

import asyncio
import logging
import random
from functools import partial
from typing import Final

from fenghuo.base.clock import Clock
from fenghuo.metrics.forward.answer import Fate, Verdict, verdict_on
from fenghuo.metrics.forward.batch import Piece
from fenghuo.metrics.forward.encode import Known, Version, body_of
from fenghuo.metrics.forward.metrics import Dropped, RemoteMetrics
from fenghuo.metrics.forward.ports import Client, Run
from fenghuo.metrics.forward.settings import RemoteWriteSettings
from fenghuo.net.answer import HttpError

log = logging.getLogger(__name__)

JITTER: Final = 0.1
"""Waits are up to this part longer, so that senders that failed together do not come back together."""
SAY_AGAIN_S: Final = 60.0
"""A trouble that lasts is said again after this."""
ANSWER_BYTES: Final = 8192
"""Read of an answer: its text goes to the log."""


class Sender:
    """Sends the pieces of one remote. Any number may be under way."""

    def __init__(
        self, label: str, settings: RemoteWriteSettings, client: Client, clock: Clock, metrics: RemoteMetrics, run: Run
    ) -> None:
        self._label = label
        self._settings = settings
        self._client = client
        self._clock = clock
        self._metrics = metrics
        self._run = run
        self._version = Version.of(settings.protobuf_message)
        self.known: Known = lambda metric: None
        """What version 2.0 says of a metric."""
        self.trouble = ""
        """Why the last attempt failed; empty when it did not."""
        self.failing_since_s: float | None = None
        self._said: tuple[str, float] = ("", 0.0)

    async def send(self, piece: Piece) -> None:
        """Returns when the receiver has the piece, or when it is dropped; that is counted and said."""
        settings = self._settings.queue_config
        wait_s = settings.min_backoff_ms / 1000
        version, body = self._version, b""
        while True:
            if self._is_too_old(piece):
                self._metrics.drop(Dropped.TOO_OLD, len(piece.series))
                return
            if not body or version is not self._version:
                version = self._version
                body = await self._run(partial(body_of, piece, version, self.known))
            verdict = await self._attempt(body, version)
            match verdict.fate:
                case Fate.ACCEPTED:
                    self._accepted(piece, len(body))
                    return
                case Fate.REFUSED:
                    self._refused(piece, verdict)
                    return
                case Fate.OTHER_VERSION:
                    self._fall_back()
                    continue
            self._failed(verdict.message)
            self._metrics.retried.inc(len(piece.series))
            await self._clock.sleep(max(wait_s, verdict.retry_after_s) * (1 + JITTER * random.random()))
            wait_s = min(2 * wait_s, settings.max_backoff_ms / 1000)

    async def _attempt(self, body: bytes, version: Version) -> Verdict:
        settings = self._settings
        headers = {**settings.headers, **version.headers}
        timeout_s = settings.remote_timeout_ms / 1000
        try:
            with self._metrics.seconds.time():
                async with asyncio.timeout(timeout_s or None):
                    answer = await self._client.post(settings.url, headers, body, ANSWER_BYTES)
        except TimeoutError:
            return Verdict(Fate.AGAIN, f"no answer within {timeout_s:g} s")
        except HttpError as error:
            return Verdict(Fate.AGAIN, error.message)
        return verdict_on(answer, version, self._clock.now_ms(), retry_429=settings.queue_config.retry_on_http_429)

    def _is_too_old(self, piece: Piece) -> bool:
        limit_ms, newest_ms = self._settings.queue_config.sample_age_limit_ms, piece.newest_ms
        return bool(limit_ms) and newest_ms is not None and newest_ms < self._clock.now_ms() - limit_ms

    def _accepted(self, piece: Piece, size_bytes: int) -> None:
        metrics = self._metrics
        metrics.samples.inc(len(piece.series))
        metrics.exemplars.inc(len(piece.exemplars))
        metrics.metadata.inc(len(piece.metadata))
        metrics.bytes.inc(size_bytes)
        if self.trouble:
            log.info("remote write to %s works again", self._label)
        self.trouble, self.failing_since_s, self._said = "", None, ("", 0.0)

    def _refused(self, piece: Piece, verdict: Verdict) -> None:
        count = len(piece.series)
        written = min(verdict.written, count)
        self._metrics.samples.inc(written)
        if piece.again:
            self._metrics.drop(Dropped.SENT_BEFORE, count - written)
            log.info("remote write to %s: what was sent again is refused: %s", self._label, verdict.message)
            return
        self._metrics.failed.inc(count - written)
        what = f"{count - written} samples" if count else "exemplars" if piece.exemplars else "metadata"
        self._say(logging.ERROR, f"refused {what}, which are dropped: {verdict.message}", verdict.message)

    def _failed(self, message: str) -> None:
        self.trouble = message
        if self.failing_since_s is None:
            self.failing_since_s = self._clock.monotonic_s()
        self._say(logging.WARNING, f"failed and is tried again: {message}", message)

    def _fall_back(self) -> None:
        if self._version is Version.TWO:
            self._version = Version.ONE
            log.warning("remote write to %s: the receiver does not know version 2.0, 1.0 is sent", self._label)

    def _say(self, level: int, text: str, message: str) -> None:
        """Log what is new, and what lasts once in a while."""
        now_s = self._clock.monotonic_s()
        last, said_s = self._said
        if message != last or now_s - said_s >= SAY_AGAIN_S:
            self._said = (message, now_s)
            log.log(level, "remote write to %s %s", self._label, text)
