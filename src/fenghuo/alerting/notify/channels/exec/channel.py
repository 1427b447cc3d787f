"""Runs a program with the notice on its standard input."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import Final

import orjson

from fenghuo.alerting.notify.channels.channel import ChannelError
from fenghuo.alerting.notify.channels.exec.settings import ExecSettings
from fenghuo.alerting.notify.channels.toolbox import SHOWN_CHARS_MAX, Toolbox
from fenghuo.alerting.notify.channels.webhook.channel import payload
from fenghuo.alerting.notify.message import Message
from fenghuo.alerting.settings_global import GlobalSettings
from fenghuo.base.errors import InputError

OUTPUT_BYTES_MAX: Final = 8192
"""How much of what a program says is kept; the rest is read and dropped."""
MAY_PASS: Final = 75
"""EX_TEMPFAIL of sysexits.h: the program asks for another try."""
PATH: Final = "/usr/local/bin:/usr/bin:/bin"


class ExecChannel:
    """One program of one receiver."""

    kind = ExecSettings.kind

    def __init__(self, settings: ExecSettings, globals_: GlobalSettings, toolbox: Toolbox) -> None:
        """Raises InputError for a program that the allow-list does not name."""
        program = settings.command[0]
        if program not in globals_.exec_allowed:
            allowed = ", ".join(globals_.exec_allowed) or "none"
            raise InputError(
                f"{program} may not be run; allowed: {allowed}", place="command", remedy="add it to global.exec_allowed"
            )
        self._settings = settings
        self._toolbox = toolbox

    @property
    def send_resolved(self) -> bool:
        return self._settings.send_resolved

    def preview(self, message: Message) -> str:
        """The command, and what it would read. Blocking."""
        return f"{' '.join(self._settings.command)}\n{orjson.dumps(payload(message)).decode()}"

    async def send(self, message: Message) -> str | None:
        data = await self._toolbox.offload(lambda: orjson.dumps(payload(message)))
        settings = self._settings
        try:
            process = await asyncio.create_subprocess_exec(
                *settings.command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env={"PATH": PATH, **settings.env},
                start_new_session=True,
            )
        except OSError as error:
            raise ChannelError(f"{settings.command[0]} cannot be run: {error}", retryable=False) from error
        try:
            async with asyncio.timeout(settings.timeout_ms / 1000):
                said, _ = await asyncio.gather(_output(process), _feed(process, data))
                code = await process.wait()
        except TimeoutError as error:
            raise ChannelError(
                f"{settings.command[0]} did not end within {settings.timeout_ms / 1000:g} s", retryable=True
            ) from error
        finally:
            await _end(process)
        if code != 0:
            text = said.decode("utf-8", "replace").strip()[:SHOWN_CHARS_MAX]
            raise ChannelError(f"{settings.command[0]} ended with {code}: {text}", retryable=code == MAY_PASS)
        return None


async def _feed(process: asyncio.subprocess.Process, data: bytes) -> None:
    """A program need not read what it is told; uvloop has a RuntimeError for a pipe that is closed already."""
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError, ConnectionResetError, RuntimeError):
        process.stdin.write(data)
        await process.stdin.drain()
        process.stdin.close()


async def _output(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None
    kept = bytearray()
    while piece := await process.stdout.read(OUTPUT_BYTES_MAX):
        kept += piece[: OUTPUT_BYTES_MAX - len(kept)]
    return bytes(kept)


async def _end(process: asyncio.subprocess.Process) -> None:
    """End the program with everything that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
