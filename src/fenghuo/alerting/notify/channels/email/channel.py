"""E-mail: one mail in HTML and text for each notice, over SMTP with STARTTLS or implicit TLS."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import copy
import hashlib
import logging
import secrets
import socket
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, getaddresses
from typing import Final, Self

import aiosmtplib

from fenghuo.alerting.notify.channels.channel import ChannelError
from fenghuo.alerting.notify.channels.email.pictures import Picture, draw
from fenghuo.alerting.notify.channels.email.settings import EmailSettings
from fenghuo.alerting.notify.channels.toolbox import USER_AGENT, Toolbox, read_secret
from fenghuo.alerting.notify.cutting import Markup
from fenghuo.alerting.notify.data import Link
from fenghuo.alerting.notify.fitting import Chosen
from fenghuo.alerting.notify.message import Message
from fenghuo.alerting.notify.plain import plain_text, plain_title
from fenghuo.alerting.notify.texts import Page
from fenghuo.alerting.settings_global import GlobalSettings
from fenghuo.base.errors import InputError, OperatingError
from fenghuo.model.http_settings import TlsSettings
from fenghuo.model.settings_types import Secret
from fenghuo.net.tls import client_context
from fenghuo.template import SafeUrl, Template

log = logging.getLogger(__name__)

IMPLICIT_TLS_PORT: Final = 465
SIGNED_IN: Final = 235
"""SMTP's answer to a sign-in that went well."""
QUIT_TIMEOUT_S: Final = 2.0
TIMEOUT_S: Final = 30.0
"""Of one step of the dialogue with the mail server."""
UNDRAWN: Final = (InputError, OperatingError, OSError, ValueError, ArithmeticError, RuntimeError, ImportError)
"""What the query and Pillow raise; no mail is lost for a picture."""
PLOT_TIMEOUT_S: Final = 5.0
"""How long a mail waits for its plot."""


@dataclass(frozen=True, slots=True)
class _Words:
    """What the templates of one mail say."""

    to: str
    sender: str
    subject: str
    headers: Mapping[str, str]
    html: str
    text: str


class EmailChannel:
    """One address list of one receiver."""

    kind = EmailSettings.kind
    _person = ""

    def __init__(self, settings: EmailSettings, globals_: GlobalSettings, toolbox: Toolbox) -> None:
        self._settings = settings
        self._globals = globals_
        self._toolbox = toolbox
        slot = toolbox.texts.slot
        self._to = slot(settings.to, "email to")
        self._from = slot(settings.from_ or globals_.smtp_from, "email from")
        self._html = slot(settings.html, "email html", html=True) if settings.html else None
        self._text = slot(settings.text, "email text") if settings.text else None
        given = {name.title(): value for name, value in settings.headers.items()}
        self._subject = slot(given.pop("Subject", '{{ template "email.default.subject" . }}'), "email subject")
        self._headers: dict[str, Template] = {
            name: slot(value, f"email header {name}") for name, value in given.items()
        }

    def addressed(self, to: str) -> Self:
        """The same, to this address alone."""
        other = copy.copy(self)
        other._person = to
        return other

    @property
    def send_resolved(self) -> bool:
        return self._settings.send_resolved

    async def send(self, message: Message) -> str | None:
        pictures = await self._pictures(message)
        mail, sender, receivers = await self._toolbox.offload(self._compose, message, pictures)
        host, port = self._server()
        try:
            client = await self._connect(host, port)
            try:
                refused, _ = await client.send_message(mail, sender=sender, recipients=receivers)
                with contextlib.suppress(aiosmtplib.SMTPException, OSError):
                    await client.quit(timeout=QUIT_TIMEOUT_S)  # The mail is taken: a rude farewell changes nothing.
            finally:
                client.close()
        except aiosmtplib.SMTPException as error:
            raise _channel_error(error, f"{host}:{port}") from error
        except (OSError, ssl.SSLError) as error:
            raise ChannelError(f"mail server {host}:{port}: {error}", retryable=True) from error
        # Some have it: sending it all again, to them too, at every flush would help nobody.
        names = ", ".join(f"{address} ({answer.code} {answer.message})" for address, answer in refused.items())
        return f"mail server {host}:{port} refused {names}" if refused else None

    def preview(self, message: Message) -> str:
        """The mail as it would be sent, without pictures. Blocking."""
        return self._compose(message)[0].as_string()

    async def _pictures(self, message: Message) -> Sequence[Picture]:
        """What the rules of the message watch, drawn; a mail does not wait for long, and goes out without as well."""
        source, texts = self._toolbox.plots, self._toolbox.texts
        if source is None or not self._settings.plot or all(alert.reading is None for alert in message.alerts):
            return ()
        try:
            async with asyncio.timeout(PLOT_TIMEOUT_S):
                drawn: Sequence[Picture] = await self._toolbox.offload(draw, message, source, texts.options)
                return drawn
        except TimeoutError:
            log.warning("a mail goes out without its plot: it was not drawn within %g s", PLOT_TIMEOUT_S)
        except UNDRAWN as error:
            log.warning("a mail goes out without its plot: %s", error)
        return ()

    def _server(self) -> tuple[str, int]:
        host, _, port = (self._settings.smarthost or self._globals.smtp_smarthost).rpartition(":")
        return host.strip("[]"), int(port)

    async def _connect(self, host: str, port: int) -> aiosmtplib.SMTP:
        s, g = self._settings, self._globals
        wanted = s.implicit_tls if s.implicit_tls is not None else s.force_implicit_tls
        if wanted is None:
            wanted = g.smtp_implicit_tls if g.smtp_implicit_tls is not None else g.smtp_force_implicit_tls
        implicit = wanted if wanted is not None else port == IMPLICIT_TLS_PORT
        require_tls = s.require_tls if s.require_tls is not None else g.smtp_require_tls
        tls = s.tls_config or g.smtp_tls_config or TlsSettings()
        try:
            context = await self._toolbox.offload(client_context, tls)
        except (OSError, ValueError) as error:
            raise ChannelError(f"tls_config cannot be used: {error}", retryable=False) from error
        # With TLS from the start the library checks the certificate against the name that it connects to: a socket
        # of our own leaves that name free.
        named = implicit and tls.server_name and tls.server_name != host
        opened = await self._toolbox.offload(_opened, host, port) if named else None
        client = aiosmtplib.SMTP(
            hostname=tls.server_name if named else host,
            port=None if named else port,
            sock=opened,
            local_hostname=s.hello or g.smtp_hello or "localhost",
            timeout=TIMEOUT_S,
            use_tls=implicit,
            start_tls=False,
            tls_context=context,
        )
        await client.connect()
        try:
            if not implicit:
                await self._secure(client, context, tls.server_name or host, required=require_tls)
            await self._sign_in(client)
        except BaseException:
            client.close()
            raise
        return client

    async def _secure(self, client: aiosmtplib.SMTP, context: ssl.SSLContext, name: str, *, required: bool) -> None:
        await client.ehlo()
        if not client.supports_extension("starttls"):
            if required:
                raise ChannelError(
                    "the mail server does not offer STARTTLS and require_tls is true",
                    retryable=False,
                    remedy="use a port with TLS (587 or 465), or set require_tls: false on a network you trust",
                )
            return
        await client.starttls(server_hostname=name, tls_context=context)
        await client.ehlo()

    async def _sign_in(self, client: aiosmtplib.SMTP) -> None:
        s, g, offload = self._settings, self._globals, self._toolbox.offload
        name = s.auth_username or g.smtp_auth_username
        if not name or not client.supports_extension("auth"):
            return
        local = bool(s.auth_password or s.auth_password_file)
        password = await read_secret(
            *_pair(s.auth_password, s.auth_password_file)
            if local
            else _pair(g.smtp_auth_password, g.smtp_auth_password_file),
            "auth_password_file",
            offload,
        )
        secret_local = bool(s.auth_secret or s.auth_secret_file)
        secret = await read_secret(
            *_pair(s.auth_secret, s.auth_secret_file)
            if secret_local
            else _pair(g.smtp_auth_secret, g.smtp_auth_secret_file),
            "auth_secret_file",
            offload,
        )
        methods = client.server_auth_methods
        if secret and "cram-md5" in methods:
            await client.auth_crammd5(name, secret)
        elif password and "plain" in methods:
            await _sign_in_plainly(client, s.auth_identity or g.smtp_auth_identity, name, password)
        elif password and "login" in methods:
            await client.auth_login(name, password)
        else:
            raise ChannelError(
                f"the mail server offers {', '.join(methods) or 'no way'} to sign in, and there is no password for it",
                retryable=False,
                remedy="give auth_password (PLAIN, LOGIN) or auth_secret (CRAM-MD5)",
            )

    def _compose(self, message: Message, pictures: Sequence[Picture] = ()) -> tuple[EmailMessage, str, list[str]]:
        words = self._words(message, pictures)
        to, sender, headers = words.to, words.sender, dict(words.headers)
        receivers = [address for _, address in getaddresses([to]) if address]
        senders = [address for _, address in getaddresses([sender]) if address]
        if not receivers or len(senders) != 1:
            raise ChannelError(f"mail from {sender!r} to {to!r}: not addresses", retryable=False)
        mail = EmailMessage()
        mail["Subject"] = _one_line(words.subject)
        mail["From"] = _one_line(headers.pop("From", sender))
        mail["To"] = _one_line(headers.pop("To", to))
        mail["Date"] = format_datetime(datetime.fromtimestamp(message.at_ms / 1000, UTC))
        # A message of its own for every try, receiver and channel: mail servers drop what they have seen.
        mail["Message-ID"] = f"<{secrets.token_hex(16)}@fenghuo>"
        mail["User-Agent"] = USER_AGENT
        self._thread(mail, message)
        for name, value in headers.items():
            del mail[name]
            mail[name] = _one_line(value)
        mail.set_content(words.text or plain_text(message, []))
        if words.html:
            mail.add_alternative(words.html, subtype="html")
            _attach(mail, words.html, pictures)
        return mail, senders[0], receivers

    def _words(self, message: Message, pictures: Sequence[Picture]) -> _Words:
        """What the templates say; plain words when they fail."""
        texts, few = self._toolbox.texts, Chosen(message.alerts).few()
        is_ours = not {"html", "text"} & self._settings.model_fields_set
        chosen = few if is_ours else Chosen(message.alerts)
        page, words = self._rendered(message, chosen, pictures)
        if page.faults and chosen is not few:  # Of thousands of alerts a template's limits are soon reached.
            page, words = self._rendered(message, few, pictures)
        if page.faults:
            return replace(words, html="", text=plain_text(message, page.faults, texts.options.zone))
        return words

    def _rendered(self, message: Message, chosen: Chosen, pictures: Sequence[Picture]) -> tuple[Page, _Words]:
        texts = self._toolbox.texts
        page = texts.page(message, chosen.alerts)
        page.data.plots = [Link(picture.title, SafeUrl(f"cid:{picture.cid}")) for picture in pictures]
        page.data.left_out = texts.left_out(chosen.beyond, message, Markup.TEXT) if chosen.beyond else ""
        return page, _Words(
            to=self._person or page.render(self._to),
            sender=page.render(self._from),
            subject=page.render(self._subject, plain_title(message)),
            headers={name: page.render(slot) for name, slot in self._headers.items()},
            html=page.render(self._html) if self._html else "",
            text=page.render(self._text) if self._text else "",
        )

    def _thread(self, mail: EmailMessage, message: Message) -> None:
        threading = self._settings.threading
        if threading.enabled:
            day = datetime.fromtimestamp(message.at_ms / 1000, UTC).strftime("%Y-%m-%d")
            root = _digest(message.group_key, day if threading.thread_by_date == "daily" else "")
            mail["References"] = mail["In-Reply-To"] = f"<{root}@fenghuo>"


async def _sign_in_plainly(client: aiosmtplib.SMTP, identity: str, name: str, password: str) -> None:
    """PLAIN of RFC 4616; ``identity`` is as whom to act, where that is somebody else."""
    token = base64.b64encode(f"{identity}\0{name}\0{password}".encode())
    answer = await client.execute_command(b"AUTH", b"PLAIN", token)
    if answer.code != SIGNED_IN:
        raise aiosmtplib.SMTPAuthenticationError(answer.code, answer.message)


def _attach(mail: EmailMessage, html: str, pictures: Sequence[Picture]) -> None:
    """Put the pictures beside the HTML that shows them; a template of the user's own may not."""
    parts = mail.get_payload()
    assert isinstance(parts, list)
    part = parts[-1]
    assert isinstance(part, EmailMessage)
    for picture in pictures:
        if picture.cid in html:
            part.add_related(
                picture.png, "image", "png", cid=f"<{picture.cid}>", disposition="inline", filename=picture.file
            )


def _opened(host: str, port: int) -> socket.socket:
    """Blocking."""
    opened = socket.create_connection((host, port), TIMEOUT_S)
    opened.setblocking(False)
    return opened


def _one_line(text: str) -> str:
    """A header's value: whatever a label brought along, it begins no header of its own."""
    return " ".join(text.split())


def _pair(secret: Secret, file: str) -> tuple[Secret, str]:
    return secret, file


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def _channel_error(error: aiosmtplib.SMTPException, server: str) -> ChannelError:
    """SMTP's 4xx and every trouble with the connection may pass; its 5xx is final."""
    code = getattr(error, "code", None)
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        codes = [refused.code for refused in error.recipients]
        text = ", ".join(f"{refused.recipient}: {refused.code} {refused.message}" for refused in error.recipients)
        return ChannelError(f"mail server {server} refused {text}", retryable=any(one < 500 for one in codes))
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return ChannelError(
            f"mail server {server} refused the sign-in: {code} {error.message}",
            retryable=isinstance(code, int) and code < 500,
            remedy="check auth_username and auth_password; many providers want an app password",
        )
    return ChannelError(f"mail server {server}: {error}", retryable=not (isinstance(code, int) and 500 <= code < 600))
