"""Runs a server until it is told to stop: the outermost shell, where signals arrive."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import Sequence

from fenghuo.app.banner import say
from fenghuo.app.options import ServerOptions
from fenghuo.app.program import Program
from fenghuo.app.wiring import running
from fenghuo.base.errors import InputError
from fenghuo.base.files import allow_many_files
from fenghuo.base.garbage import growing
from fenghuo.base.interpreter import turns_for_a_server
from fenghuo.base.lifecycle import on_signals
from fenghuo.model.audit import AuditEntry

log = logging.getLogger(__name__)


async def run_until_stopped(
    options: ServerOptions, extra: Sequence[str] = (), stop: asyncio.Event | None = None
) -> None:
    """Start, print the banner (and ``extra`` lines), and run until SIGTERM, SIGINT or ``stop``. SIGHUP reloads.

    Raises InputError or OperatingError when the server cannot start; everything that ran already is stopped then.
    """
    allow_many_files()
    ending = stop or asyncio.Event()
    reload_asked = asyncio.Event()
    handlers = {signal.SIGTERM: ending.set, signal.SIGINT: ending.set, signal.SIGHUP: reload_asked.set}
    with turns_for_a_server(), on_signals(handlers):
        async with contextlib.AsyncExitStack() as stack:
            with growing():
                program = await stack.enter_async_context(running(options))
            for line in [*program.banner, *(f"  {line}" for line in extra)]:
                say(line)
            reloading = asyncio.create_task(_reload_when_asked(program, reload_asked), name="reload")
            await ending.wait()
            log.info("stopping")
            reloading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reloading


async def _reload_when_asked(program: Program, asked: asyncio.Event) -> None:
    async def reload() -> None:
        outcome = "refused"
        try:
            # What is wrong is in the log already, and the old configuration goes on.
            with contextlib.suppress(InputError):
                await program.configuration.reload()
                outcome = "done"
        finally:
            entry = AuditEntry(
                time.time_ns() // 1_000_000, "SIGHUP", "signal", "", "config.reload", detail={"outcome": outcome}
            )
            program.trail.note(entry)

    while True:
        await asked.wait()
        asked.clear()
        # A reload that fails in a way nobody foresaw must not be the last one.
        await program.guard.run("reload", reload)
