"""Slows down guessing: after too many failures a client, or an account, has to wait."""

from __future__ import annotations

from collections import OrderedDict

from fenghuo.base import limits
from fenghuo.base.clock import Clock

FAILURES = limits.declare(
    "sign_in_failures", 10, limits.Policy.REJECT, "Failed sign-ins of one client or account within 5 minutes."
)
REMEMBERED = limits.declare(
    "sign_in_throttle_entries", 10_000, limits.Policy.DROP_OLDEST, "Clients and accounts whose failures are counted."
)
WINDOW_S = 300.0


class Throttle:
    """Counts failures in a fixed window that begins with the first failure, for one kind of proof.

    Passwords and tokens have one each: a program with an old token must keep nobody out who has a password, nor the
    other way round. Tokens have no account to count at.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def wait_s(self, client: str, name: str = "") -> int:
        """Whole seconds to wait before the next attempt is looked at; 0 when it may go ahead."""
        now_s = self._clock.monotonic_s()
        waits = [
            since_s + WINDOW_S - now_s
            for since_s, count in map(self._current, self._keys(client, name))
            if count >= FAILURES.default
        ]
        if not waits:
            return 0
        FAILURES.hit()
        return int(max(waits)) + 1

    def failed(self, client: str, name: str = "") -> None:
        for key in self._keys(client, name):
            since_s, count = self._current(key)
            self._failures[key] = (since_s, count + 1)
        while len(self._failures) > REMEMBERED.default:
            self._failures.popitem(last=False)
            REMEMBERED.hit()

    def succeeded(self, client: str, name: str = "") -> None:
        for key in self._keys(client, name):
            self._failures.pop(key, None)

    def _current(self, key: str) -> tuple[float, int]:
        now_s = self._clock.monotonic_s()
        since_s, count = self._failures.get(key, (now_s, 0))
        return (since_s, count) if now_s - since_s < WINDOW_S else (now_s, 0)

    @staticmethod
    def _keys(client: str, name: str) -> list[str]:
        return [f"client {client}", *([f"account {name}"] if name else ())]
