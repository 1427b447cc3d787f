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
    """Whom to trust and how to identify oneself. Raises OSError, ssl.SSLError or ValueError for bad files."""
    ca_file = settings.ca_file or None
    context = ssl.create_default_context(cafile=ca_file, cadata=settings.ca or None)
    if settings.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if settings.min_version:
        context.minimum_version = _VERSIONS[settings.min_version]
    if settings.max_version:
        context.maximum_version = _VERSIONS[settings.max_version]
    if settings.cert_file and settings.key_file:
        context.load_cert_chain(settings.cert_file, settings.key_file)
    elif settings.cert or settings.cert_file:
        _load_inline(context, settings)
    return context


def _load_inline(context: ssl.SSLContext, settings: TlsSettings) -> None:
    """Load a certificate or key that stands in the settings; the library wants both in files."""
    cert = settings.cert or Path(settings.cert_file).read_text()
    key = Path(settings.key_file).read_text() if settings.key_file else settings.key.reveal()
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as both:  # Mode 0600, gone when it closes.
        both.write(f"{cert.rstrip()}\n{key.rstrip()}\n")
        both.flush()
        context.load_cert_chain(both.name)


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
