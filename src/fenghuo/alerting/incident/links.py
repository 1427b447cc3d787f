"""Links that let whoever has them answer an incident once, without signing in: chat robots carry nothing better.

A link says which incident, until when, and for whom; a signature keeps that from being changed. That it is used only
once is kept in the state.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import secrets
from dataclasses import dataclass

LIFETIME_MS = 24 * 3_600_000
"""How long a link holds. A reminder brings a fresh one."""
TRIAL = "trial"
"""What links of messages of trial carry: it grants nothing."""
SIGNATURE_BYTES = 16
TOKEN_CHARS_MAX = 600


@dataclass(frozen=True, slots=True)
class Grant:
    """What a link allows: to answer one incident once."""

    incident: int
    expires_ms: int
    nonce: str
    person: str = ""
    """The person that it was sent to; empty: whoever is in the group."""


class Links:
    """Signs grants and reads them again."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def grant(self, incident: int, now_ms: int, person: str = "") -> str:
        """A fresh token for one notice."""
        return self.sign(Grant(incident, now_ms + LIFETIME_MS, secrets.token_urlsafe(9), person))

    def sign(self, grant: Grant) -> str:
        """The token: letters, digits, ``-``, ``_`` and one dot."""
        said = [grant.incident, grant.expires_ms // 1000, grant.nonce, grant.person]
        payload = _text(json.dumps(said, separators=(",", ":"), ensure_ascii=False).encode())
        return f"{payload}.{_text(self._signature(payload))}"

    def read(self, token: str) -> Grant | None:
        """The grant, whether or not its time is over; None for what was not signed here."""
        payload, _, signature = token.partition(".")
        if len(token) > TOKEN_CHARS_MAX or not token.isascii():
            return None
        if not hmac.compare_digest(signature.encode(), _text(self._signature(payload)).encode()):
            return None
        try:
            incident, expires_s, nonce, person = json.loads(
                base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
            )
        except (binascii.Error, ValueError):
            return None
        return Grant(incident, expires_s * 1000, nonce, person)

    def _signature(self, payload: str) -> bytes:
        return hmac.new(self._secret, f"answer\0{payload}".encode(), "sha256").digest()[:SIGNATURE_BYTES]


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
