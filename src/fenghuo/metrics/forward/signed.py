"""Requests that are signed for Amazon's managed Prometheus (``sigv4``)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from typing import Final

from fenghuo.base.clock import Clock
from fenghuo.metrics.forward.ports import Client
from fenghuo.model.sigv4_settings import SigV4Settings
from fenghuo.net.answer import Answer, HttpError, HttpFault
from fenghuo.net.sigv4 import AwsKey, key_from_surroundings, signed_headers

SERVICE: Final = "aps"
"""Amazon's word for its managed Prometheus."""


class SignedClient:
    """A client whose requests prove who asks. The key is looked up for each, so that a rotated one is picked up."""

    def __init__(self, client: Client, settings: SigV4Settings, clock: Clock) -> None:
        self._client = client
        self._settings = settings
        self._clock = clock

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, size_bytes_max: int = 65_536) -> Answer:
        """Raises HttpError when there is no answer, no key or no region."""
        region = self._settings.region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or ""
        if not region:
            raise HttpError(HttpFault.CREDENTIALS, "sigv4 needs a region, or AWS_REGION in the environment")
        key, at_ms = await self._key(), self._clock.now_ms()
        signed = await asyncio.to_thread(signed_headers, key, region, SERVICE, "POST", url, headers, body, at_ms)
        return await self._client.post(url, signed, body, size_bytes_max)

    async def close(self) -> None:
        await self._client.close()

    async def _key(self) -> AwsKey:
        given = self._settings
        if given.access_key:
            return AwsKey(given.access_key, given.secret_key.reveal())
        found = await asyncio.to_thread(key_from_surroundings, given.profile)
        if found is None:
            raise HttpError(
                HttpFault.CREDENTIALS,
                "there is no key for Amazon: give sigv4: {access_key, secret_key}, or AWS_ACCESS_KEY_ID and"
                " AWS_SECRET_ACCESS_KEY",
            )
        return found
