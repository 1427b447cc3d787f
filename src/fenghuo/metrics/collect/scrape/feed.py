"""Where the samples of a target come from: an HTTP server, or a source inside this program."""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

from fenghuo.base.errors import InputError, OperatingError
from fenghuo.base.limits import Policy, declare
from fenghuo.metrics.collect.scrape.negotiate import accept_header, content_type, speakable
from fenghuo.metrics.collect.scrape.outcome import Read, Reading, Reason, ScrapeError
from fenghuo.metrics.collect.scrape.shelf import LayoutShelf
from fenghuo.metrics.collect.scrape.threads import Threads
from fenghuo.metrics.collect.settings import EscapingScheme, JobSettings
from fenghuo.net.answer import Answer, HttpError, HttpFault
from fenghuo.net.http_client import HttpClient
from fenghuo.wire.exposition import Parsed

BODY_LIMIT: Final = declare(
    "scrape_body_bytes",
    256 * 1024 * 1024,
    Policy.REJECT,
    "Size of one scraped body after decompression, whatever body_size_limit says; the scrape fails.",
)


class Source(Protocol):
    """A target inside this program, such as the host integration."""

    def collect(self) -> Parsed:
        """The samples of now, with the same layout object while the series are the same. Runs in a thread.

        Raises OperatingError, InputError or OSError when there are none.
        """
        ...


class Feed(Protocol):
    """Fetches one target. Nobody calls it twice at a time."""

    at_once: bool
    """Whether a new target is scraped right away, before its place in the interval comes. For what is asked of
    nobody else: a user who starts the program sees it a moment later."""

    async def fetch(self) -> Read:
        """Get what the target says now; raises ScrapeError. Cancelled when the scrape's time is up."""
        ...


class HttpFeed:
    """A target that serves an exposition over HTTP."""

    at_once = False

    def __init__(
        self, client: HttpClient, url: str, settings: JobSettings, timeout_ms: int, shelf: LayoutShelf
    ) -> None:
        self._client = client
        self._shelf = shelf
        self._url = url
        self._fallback = settings.fallback_scrape_protocol
        self._limit_bytes = settings.body_size_limit_bytes
        self._headers = {
            "Accept": accept_header(
                speakable(settings.scrape_protocols or ()),
                settings.metric_name_escaping_scheme or EscapingScheme.ALLOW_UTF8,
            ),
            "Accept-Encoding": "gzip" if settings.enable_compression else "identity",
            "X-Prometheus-Scrape-Timeout-Seconds": f"{timeout_ms / 1000:.3f}".rstrip("0").rstrip("."),
        }

    @property
    def _size_bytes_max(self) -> int:
        """Prometheus refuses a body as long as its limit, too."""
        return self._limit_bytes - 1 if self._has_own_limit else BODY_LIMIT.default

    @property
    def _has_own_limit(self) -> bool:
        return 0 < self._limit_bytes <= BODY_LIMIT.default

    async def fetch(self) -> Read:
        try:
            answer = await self._client.get(self._url, self._headers, self._size_bytes_max)
        except HttpError as error:
            raise self._scrape_error(error) from error
        if answer.status != 200:
            raise ScrapeError(Reason.STATUS, f"server returned HTTP status {answer.status} {answer.reason}".rstrip())
        return lambda last: self._read(answer, last)

    def _read(self, answer: Answer, last: Parsed | None) -> Reading:
        try:
            body = answer.inflated(self._size_bytes_max)
        except HttpError as error:
            raise self._scrape_error(error) from error
        kind = content_type(answer.content_type, self._fallback) if body else ""
        return Reading(self._shelf.read(body, kind, last), len(body))

    def _scrape_error(self, error: HttpError) -> ScrapeError:
        if error.fault is HttpFault.BODY_SIZE:
            if self._has_own_limit:
                return ScrapeError(Reason.BODY_SIZE, f"body size limit exceeded: {self._limit_bytes} bytes or more")
            BODY_LIMIT.hit()
        return ScrapeError(Reason(error.fault.value), error.message)


class SourceFeed:
    """A target inside this program. Its collection cannot be cut off, so a late one is waited for, never doubled."""

    at_once = True

    def __init__(self, source: Source, threads: Threads) -> None:
        self._source = source
        self._threads = threads
        self._running: asyncio.Future[Parsed] | None = None

    async def fetch(self) -> Read:
        if self._running is not None and not self._running.done():
            raise ScrapeError(Reason.TIMEOUT, "the last collection has not ended yet")
        self._running = self._threads.submit(self._source.collect)
        try:
            parsed = await asyncio.shield(self._running)
        except (OperatingError, InputError, OSError) as error:
            raise ScrapeError(Reason.SOURCE, str(error)) from error
        return lambda last: Reading(parsed)
