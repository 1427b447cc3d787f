"""Asking the engine: for people as its answer comes, for rules as samples."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import urllib.parse
from collections.abc import AsyncIterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Protocol, Self

import orjson
from prometheus_client import CollectorRegistry, Counter, Gauge

from fenghuo import __version__
from fenghuo.base.clock import Clock
from fenghuo.base.errors import InputError, OperatingError
from fenghuo.base.limits import Policy, declare
from fenghuo.metrics.remote.settings import RemoteEngineSettings
from fenghuo.model.labels import EMPTY, Labels
from fenghuo.net.answer import HttpError, Incoming, host_of
from fenghuo.net.http_client import HttpClient

log = logging.getLogger(__name__)

PROBE_S: Final = 15.0
"""How often the engine is asked whether it answers."""
_TEXT_MAX: Final = 500
RULE_ANSWER_BYTES: Final = declare(
    "remote_rule_answer_bytes", 64 << 20, Policy.REJECT, "Size of what a remote engine may answer to a rule's query."
)

Params = Sequence[tuple[str, str]]


class Client(Protocol):
    """What makes the requests."""

    def stream(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> contextlib.AbstractAsyncContextManager[Incoming]: ...
    async def close(self) -> None: ...


class RemoteEngine:
    """One engine. A service: while it runs it watches whether the engine answers."""

    def __init__(
        self, settings: RemoteEngineSettings, clock: Clock, registry: CollectorRegistry, client: Client | None = None
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._client = client or HttpClient(settings, f"Fenghuo/{__version__}")
        self._tasks = asyncio.TaskGroup()
        self._loop = asyncio.get_running_loop()
        self._asked: set[asyncio.Task[Any]] = set()
        self._abandoned = False
        self.place = host_of(settings.url)
        self.trouble = ""
        """Why the last question had no answer; empty when it had one."""
        self._requests = Counter(
            "fenghuo_remote_engine_requests", "Questions to the remote engine, by their end.", ["outcome"],
            registry=registry,
        )  # fmt: skip
        self._up = Gauge("fenghuo_remote_engine_up", "Whether the remote engine answers.", registry=registry)

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self._watching = self._tasks.create_task(self._watch(), name="remote engine")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._watching.cancel()
        await self._tasks.__aexit__(None, None, None)
        await self._client.close()

    @contextlib.asynccontextmanager
    async def ask(self, path: str, params: Params, *, post: bool, gzip: bool) -> AsyncIterator[Incoming]:
        """Put an API request to the engine; ``path`` begins with ``/api/v1/`` and is as a URL has it.

        Raises OperatingError (retryable) when there is no answer; a refusal is an answer.
        """
        query = urllib.parse.urlencode(params)
        headers = {"Accept-Encoding": "gzip" if gzip else "identity"}
        url, body = self._settings.url + path, None
        if post:
            body, headers["Content-Type"] = query.encode(), "application/x-www-form-urlencoded"
        elif query:
            url += "?" + query
        try:
            async with asyncio.timeout(self._settings.timeout_ms / 1000):
                async with self._client.stream("POST" if post else "GET", url, headers, body) as incoming:
                    if incoming.head.status in (401, 403):
                        raise self._lost(f"refuses these credentials: {incoming.head.status} {incoming.head.reason}")
                    self._answered(refused=incoming.head.status >= 400)
                    yield incoming
        except TimeoutError:
            raise self._lost(f"gave no answer within {self._settings.timeout_ms / 1000:g} s") from None
        except HttpError as error:
            raise self._lost(f"cannot be asked: {error.message}") from error

    def _lost(self, reason: str) -> OperatingError:
        self._requests.labels("failed").inc()
        self._up.set(0)
        message = f"the remote engine at {self.place} {reason}"
        if not self.trouble:
            log.error("%s", message)
        self.trouble = message
        return OperatingError(message, retryable=True)

    def _answered(self, *, refused: bool) -> None:
        self._requests.labels("refused" if refused else "ok").inc()
        self._up.set(1)
        if self.trouble:
            log.info("the remote engine at %s answers again", self.place)
        self.trouble = ""

    async def _watch(self) -> None:
        while True:
            with contextlib.suppress(InputError, OperatingError):  # It is in `trouble` then.
                await self._vector("vector(1)", self._clock.now_ms())
            await self._clock.sleep(PROBE_S)

    # For rules

    def query(self, expr: str, time_ms: int) -> list[tuple[Labels, float]]:
        """The instant vector of an expression; a scalar is one sample without labels. For worker threads: blocks.

        Raises InputError when the engine refuses the expression and OperatingError when it does not answer.
        """
        future = asyncio.run_coroutine_threadsafe(self._for_a_thread(expr, time_ms), self._loop)
        return future.result()

    def abandon(self) -> None:
        """Let nobody wait any longer: the server stops."""
        self._abandoned = True
        for task in list(self._asked):
            task.cancel()

    async def _for_a_thread(self, expr: str, time_ms: int) -> list[tuple[Labels, float]]:
        if self._abandoned:
            raise OperatingError("the server is stopping", retryable=False)
        task = asyncio.ensure_future(self._vector(expr, time_ms))
        self._asked.add(task)
        try:
            return await task
        except asyncio.CancelledError:
            raise OperatingError("the server is stopping", retryable=False) from None
        finally:
            self._asked.discard(task)

    async def _vector(self, expr: str, time_ms: int) -> list[tuple[Labels, float]]:
        params = [("query", expr), ("time", f"{time_ms / 1000:.3f}")]
        async with self.ask("/api/v1/query", params, post=True, gzip=False) as incoming:
            body = bytearray()
            async for piece in incoming.pieces:
                body += piece
                if len(body) > RULE_ANSWER_BYTES.default:
                    RULE_ANSWER_BYTES.hit()
                    raise InputError(f"the answer has more than {RULE_ANSWER_BYTES.default} bytes", place=expr)
            status = incoming.head.status
        return _samples(bytes(body), status, expr, self.place)


def _samples(body: bytes, status: int, expr: str, place: str) -> list[tuple[Labels, float]]:
    """What an answer to an instant query says."""
    try:
        answer = orjson.loads(body)
        if answer["status"] != "success":
            raise _refusal(str(answer.get("error", "")), status, expr, place)
        kind, result = answer["data"]["resultType"], answer["data"]["result"]
        if kind == "vector":
            return [(Labels(each["metric"]), float(each["value"][1])) for each in result]
        if kind == "scalar":
            return [(EMPTY, float(result[1]))]
    except (ValueError, LookupError, TypeError) as error:
        text = body[:_TEXT_MAX].decode(errors="replace")
        raise OperatingError(
            f"the remote engine at {place} answers {status} with what is no answer of Prometheus' API: {text}",
            retryable=True,
        ) from error
    raise InputError("rule result is not a vector or scalar", place=expr)


def _refusal(message: str, status: int, expr: str, place: str) -> InputError | OperatingError:
    if status >= 500 or status == 429:
        return OperatingError(f"the remote engine at {place} answers {status}: {message}", retryable=True)
    return InputError(f"the remote engine at {place} refuses: {message}", place=expr)
