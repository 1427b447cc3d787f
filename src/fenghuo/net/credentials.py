"""The headers by which a client identifies itself, and those that its settings add."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence
from pathlib import Path

from fenghuo.model.http_settings import HttpClientSettings
from fenghuo.model.settings_types import Secret
from fenghuo.net.answer import HttpError, HttpFault
from fenghuo.net.oauth2 import PosterFactory, Tokens


class Credentials:
    """Knows the headers of a client's requests. What stands in files is read anew for each request, in a thread."""

    def __init__(self, settings: HttpClientSettings, client: PosterFactory) -> None:
        """``client`` makes what asks for a token, where the settings want one."""
        self._settings = settings
        from_files = any(not name.startswith(("tls_config", "oauth2")) for name in settings.files())
        self._fixed = None if from_files else _request_headers(settings)
        self._tokens: Tokens | None = None
        if settings.oauth2 is not None and settings.oauth2.is_spoken:
            self._tokens = Tokens(settings.oauth2, client)

    async def headers(self) -> Sequence[tuple[str, str]]:
        """Raises HttpError when a file cannot be read or a token cannot be had."""
        if self._tokens is None:
            return await self._other_headers()
        return [("Authorization", await self._tokens.header()), *await self._other_headers()]

    def refused(self) -> None:
        """A server answered that it does not know us."""
        if self._tokens is not None:
            self._tokens.forget()

    async def _other_headers(self) -> Sequence[tuple[str, str]]:
        if self._fixed is not None:
            return self._fixed
        try:
            return await asyncio.to_thread(_request_headers, self._settings)
        except (OSError, UnicodeDecodeError) as error:
            raise HttpError(HttpFault.CREDENTIALS, f"a file with credentials cannot be read: {error}") from error


def revealed(given: str | Secret) -> str:
    return given.reveal() if isinstance(given, Secret) else given


def _request_headers(settings: HttpClientSettings) -> list[tuple[str, str]]:
    headers: list[tuple[str, str]] = []
    if settings.basic_auth is not None:
        basic = settings.basic_auth
        name = _text(basic.username, basic.username_file)
        pair = f"{name}:{_text(basic.password, basic.password_file)}"
        headers.append(("Authorization", "Basic " + base64.b64encode(pair.encode()).decode()))
    elif settings.bearer is not None:
        token = settings.bearer
        credentials = _text(token.credentials, token.credentials_file)
        headers.append(("Authorization", f"{token.type} {credentials}"))
    for name, values in settings.http_headers.items():
        every = [*values.values, *(revealed(secret) for secret in values.secrets), *_texts(values.files)]
        headers.extend((name, value) for value in every)
    return headers


def _text(given: str | Secret, file: str) -> str:
    return Path(file).read_text().strip() if file else revealed(given)


def _texts(files: Sequence[str]) -> list[str]:
    return [Path(file).read_text().strip() for file in files]
