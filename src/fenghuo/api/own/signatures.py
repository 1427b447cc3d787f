"""Secret parts of addresses that answer whoever has them: signatures of what the address names."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from functools import cache


class Signatures:
    """The same words have the same signature as long as the secret stays."""

    def __init__(self, secret: Callable[[], bytes]) -> None:
        """``secret`` may read the database; it is called once, when the first signature is asked for."""
        self._secret = cache(secret)

    def of(self, *words: str) -> str:
        """32 hexadecimal digits. No word may hold a NUL."""
        return hmac.new(self._secret(), "\0".join(words).encode(), "sha256").hexdigest()[:32]

    def holds(self, signature: str, *words: str) -> bool:
        return hmac.compare_digest(signature.encode(), self.of(*words).encode())
