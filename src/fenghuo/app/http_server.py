"""uvicorn as a service: it listens before anything else starts, and stops within a bounded time."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence

import uvicorn
from starlette.types import ASGIApp

from fenghuo.app.http_protocol import BoundedHttpProtocol
from fenghuo.app.options import Address
from fenghuo.base.errors import OperatingError

DRAIN_S = 3
"""Requests under way when the server stops have this long to end."""


DATE_INTERVAL_S = 1.0
"""How often uvicorn renews the Date header of its answers."""


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers, which belong to the program, and without its ten looks a second
    whether it is to end, which were half of what wakes an idle server."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._ending = asyncio.Event()

    def end(self) -> None:
        self.should_exit = True
        self._ending.set()

    async def main_loop(self) -> None:
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DATE_INTERVAL_S):
                    await self._ending.wait()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def listen_on(address: Address) -> AsyncIterator[socket.socket]:
    """A listening socket, closed with the context.

    Raises OperatingError that names the address when it cannot be had.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address.host, address.port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise _cannot_listen(address, error) from error
    listener.setblocking(False)
    with contextlib.closing(listener):
        yield listener


def bound_address(listener: socket.socket) -> Address:
    """Where ``listener`` really listens, the port that the system chose included."""
    host, port = listener.getsockname()[:2]
    return Address(host, port)


@contextlib.asynccontextmanager
async def serving(
    app: ASGIApp,
    listener: socket.socket,
    stop: Callable[[], object] = lambda: None,
    trusted_proxies: Sequence[str] = (),
) -> AsyncIterator[None]:
    """Answer requests on ``listener`` while the context is open.

    ``stop`` is called when it ends, before requests under way are waited for. Proxies at ``trusted_proxies``
    (addresses and networks) are believed when they say who asks and by which scheme.
    """
    config = uvicorn.Config(
        app,
        http=BoundedHttpProtocol,
        ws="none",
        access_log=False,
        log_level="error",  # What clients send wrongly is answered, and is no news to whoever runs the server.
        lifespan="off",
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=DRAIN_S,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=list(trusted_proxies),
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve([listener]), name="http")
    try:
        while not server.started:
            if task.done():
                await task
            await asyncio.sleep(0.005)
        yield
    finally:
        stop()
        server.end()
        await task


def _cannot_listen(address: Address, error: OSError) -> OperatingError:
    match error.errno:
        case errno.EADDRINUSE:
            remedy = "stop the other program, or choose another port with --listen"
        case errno.EACCES:
            remedy = "ports below 1024 need root; choose another with --listen"
        case _:
            remedy = "give an address of this machine with --listen"
    return OperatingError(f"cannot listen on {address}: {error.strerror or error}", retryable=False, remedy=remedy)
