"""A running server, as those see it who embed it: where it listens, how it is, how it is reloaded."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import anyio.to_thread
from prometheus_client import CollectorRegistry, Gauge

from fenghuo.api.audit.trail import Trail
from fenghuo.api.prometheus.status import ReloadState
from fenghuo.app.configuration import Configuration, load_configuration
from fenghuo.app.options import ServerOptions
from fenghuo.app.settings import AppSettings
from fenghuo.base.clock import Clock
from fenghuo.base.guard import Guard

log = logging.getLogger(__name__)

Apply = Callable[[Configuration], Awaitable[None]]


class ConfigurationHolder:
    """The configuration in force, and the one way to replace it.

    A reload builds and checks everything new first. When a part refuses it after all, the parts that took it are
    given the old configuration back, so that the whole of it is in force or nothing.
    """

    def __init__(
        self, options: ServerOptions, configuration: Configuration, clock: Clock, registry: CollectorRegistry
    ) -> None:
        self.current = configuration
        self.applying = configuration
        """The one that parts are given right now; the current one when no reload is under way."""
        self._options = options
        self._clock = clock
        self._parts: list[Apply] = []
        self._reloading = asyncio.Lock()
        self.state = ReloadState(ok=True, at_ms=clock.now_ms())
        self._ok = Gauge(
            "fenghuo_config_last_reload_successful", "Whether the last reload took effect.", registry=registry
        )
        self._at = Gauge(
            "fenghuo_config_last_reload_success_timestamp_seconds",
            "When the configuration in force was loaded.",
            registry=registry,
        )
        self._note(ok=True)

    async def serve(self, part: Apply) -> None:
        """Give ``part`` the current configuration now, and each later one."""
        await part(self.current)
        self.follow(part)

    def follow(self, part: Apply) -> None:
        """Give ``part``, which was started with the current configuration, each later one."""
        self._parts.append(part)

    def yaml(self) -> str:
        """The configuration in force, secrets masked."""
        return self.current.settings.to_yaml()

    async def reload(self) -> None:
        """Load the files again and swap. Raises InputError, with the old configuration still in force."""
        async with self._reloading:
            old = self.current
            try:
                new = await anyio.to_thread.run_sync(
                    load_configuration, self._options.config, self._options.environment
                )
                self._tell_what_needs_a_restart(old, new)
                await self._swap(old, new)
            except Exception as error:
                self._note(ok=False)
                log.error("reload refused, the old configuration stays: %s", error)
                raise
            self.current = new
            self._note(ok=True)
            log.info("configuration reloaded")

    async def _swap(self, old: Configuration, new: Configuration) -> None:
        done: list[Apply] = []
        self.applying = new
        try:
            for part in self._parts:
                await part(new)
                done.append(part)
        except BaseException:
            self.applying = old
            for part in reversed(done):
                await part(old)
            raise

    def _tell_what_needs_a_restart(self, old: Configuration, new: Configuration) -> None:
        before, after = _lasting(old.settings), _lasting(new.settings)
        for name in before:
            if before[name] != after[name]:
                log.warning("the section %r changed; that takes effect at the next start", name)

    def _note(self, *, ok: bool) -> None:
        self._ok.set(ok)
        if ok:
            now_ms = self._clock.now_ms()
            self._at.set(now_ms / 1000)
            self.state = ReloadState(ok=True, at_ms=now_ms)
        else:
            self.state = ReloadState(ok=False, at_ms=self.state.at_ms)


def _lasting(settings: AppSettings) -> dict[str, object]:
    """The sections that hold from start to end. Notices and rules take up another ``external_url`` at once."""
    server = settings.server.model_copy(update={"external_url": ""})
    return {"server": server, "storage": settings.storage, "remote": settings.remote}


@dataclass(slots=True)
class Readiness:
    """Whether the server can do its work: true between the end of its start and the begin of its stop."""

    ready: bool = False


@dataclass(frozen=True, slots=True)
class Program:
    """A server that runs."""

    url: str
    configuration: ConfigurationHolder
    banner: Sequence[str]
    routes: Sequence[tuple[str, str]]
    """Every HTTP route outside our own API, with its methods; for the reference pages."""
    guard: Guard
    """Keeps whoever runs the server alive over faults that nobody foresaw."""
    trail: Trail
    """Is told what was done to the server by other ways than HTTP."""
