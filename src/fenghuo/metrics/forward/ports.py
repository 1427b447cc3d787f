"""What forwarding needs of the rest of the program."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Protocol, TypeAlias, TypeVar

import anyio.to_thread

from fenghuo.model.sample import Metadata
from fenghuo.model.tailed import Position, Tailed
from fenghuo.net.answer import Answer

T = TypeVar("T")


class SegmentReader(Protocol):
    """Reads one segment of the log from its front. Numbers of series are those that it gave by naming them."""

    @property
    def number(self) -> int: ...
    @property
    def offset(self) -> int:
        """Where the next record begins."""
        ...

    @property
    def damage(self) -> str:
        """Why nothing is read beyond the offset; empty while all is well."""
        ...

    def read(self, until: int) -> Iterator[Tailed]: ...
    def close(self) -> None: ...


class Tail(Protocol):
    """The log, while it is written. Synchronous and thread-safe."""

    @property
    def end(self) -> Position: ...
    @property
    def newest_ms(self) -> int: ...
    def sizes(self) -> list[tuple[int, int]]: ...
    def size_of(self, number: int) -> int: ...
    def open(self, number: int) -> SegmentReader | None: ...
    def keep_from(self, number: int | None) -> None: ...


class Client(Protocol):
    """What makes requests; raises HttpError when there is no answer."""

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, size_bytes_max: int = ...) -> Answer: ...
    async def close(self) -> None: ...


MetadataSource: TypeAlias = Callable[[], Awaitable[Mapping[str, Sequence[Metadata]]]]
"""What is known of metric families, by their names."""


class Run(Protocol):
    """Runs synchronous work that would hold the event loop. What has begun is waited for, even when cancelled."""

    def __call__(self, work: Callable[[], T], /) -> Awaitable[T]: ...


def in_thread(work: Callable[[], T], /) -> Awaitable[T]:
    """Run ``work()`` in a worker thread."""
    return anyio.to_thread.run_sync(work)
