"""TLS contexts of clients, from ``tls_config``. Reads files: call it off the event loop."""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path
from typing import Final

from fenghuo.model.http_settings import TlsSettings, TlsVersion

_VERSIONS: Final = {
    TlsVersion.TLS10: ssl.TLSVersion.TLSv1,
    TlsVersion.TLS11: ssl.TLSVersion.TLSv1_1,
    TlsVersion.TLS12: ssl.TLSVersion.TLSv1_2,
    TlsVersion.TLS13: ssl.TLSVersion.TLSv1_3,
}


def client_context(settings: TlsSettings) -> ssl.SSLContext:
    """Whom to trust and how to identify oneself. Raises OSError or ValueError, naming the file that is bad."""
    authorities = Path(settings.ca_file).read_text() if settings.ca_file else settings.ca
    try:
        context = ssl.create_default_context(cadata=authorities or None)
    except ssl.SSLError as error:
        raise ValueError(f"{settings.ca_file or 'ca'} holds no certificates: {error.reason or error}") from error
    if settings.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if settings.min_version:
        context.minimum_version = _VERSIONS[settings.min_version]
    if settings.max_version:
        context.maximum_version = _VERSIONS[settings.max_version]
    if settings.cert or settings.cert_file:
        _identify(context, settings)
    return context


def _identify(context: ssl.SSLContext, settings: TlsSettings) -> None:
    cert = settings.cert or Path(settings.cert_file).read_text()
    key = Path(settings.key_file).read_text() if settings.key_file else settings.key.reveal()
    # The library wants a file. This one has mode 0600 and is gone when it closes.
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as both:
        both.write(f"{cert.rstrip()}\n{key.rstrip()}\n")
        both.flush()
        try:
            context.load_cert_chain(both.name)
        except ssl.SSLError as error:
            names = " and ".join(name for name in (settings.cert_file or "cert", settings.key_file or "key"))
            raise ValueError(f"{names} are no certificate and its key: {error.reason or error}") from error


def tls_files_state(settings: TlsSettings) -> tuple[tuple[str, int], ...]:
    """The files and when each was changed (ns); a file that is not there has 0. For noticing rotated ones."""
    state = []
    for file in (settings.ca_file, settings.cert_file, settings.key_file):
        if file:
            try:
                state.append((file, Path(file).stat().st_mtime_ns))
            except FileNotFoundError:
                state.append((file, 0))
    return tuple(state)
