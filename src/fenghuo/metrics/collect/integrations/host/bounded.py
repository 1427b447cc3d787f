"""Calls into the kernel that may never come back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class BoundedCalls(Generic[K, T]):
    """Runs ``work(key)`` on a thread of its own and waits for a bounded time only.

    A key whose call does not come back (statvfs on a dead NFS server cannot be interrupted) is refused at once
    until it does, so that one thread at most is lost to it. The threads are daemons: a stuck one does not keep the
    process from ending. Starting one takes about a tenth of a millisecond, which a few mounts every few seconds
    do not feel.
    """

    def __init__(self, work: Callable[[K], T], timeout_s: float) -> None:
        self._work = work
        self._timeout_s = timeout_s
        self._stuck: dict[K, threading.Thread] = {}

    def call(self, key: K) -> T:
        """The result of ``work(key)``. Raises its OSError, and TimeoutError for a key that is stuck."""
        stuck = self._stuck.get(key)
        if stuck is not None:
            if stuck.is_alive():
                raise TimeoutError(f"{key} still does not answer")
            del self._stuck[key]
        results: list[T] = []
        errors: list[OSError] = []
        thread = threading.Thread(target=self._run, args=(key, results, errors), name=f"bounded {key}", daemon=True)
        thread.start()
        thread.join(self._timeout_s)
        if thread.is_alive():
            self._stuck[key] = thread
            raise TimeoutError(f"{key} did not answer within {self._timeout_s:g} s")
        if errors:
            raise errors[0]
        return results[0]

    def _run(self, key: K, results: list[T], errors: list[OSError]) -> None:
        try:
            results.append(self._work(key))
        except OSError as error:
            errors.append(error)
