"""E-mail over a real SMTP server: STARTTLS, sign-in, both parts, and what each refusal means."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import email
import email.policy
import ssl
import subprocess
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from fenghuo.alerting.notify.channels.channel import ChannelError
from fenghuo.alerting.notify.plots import Line, PlotSource
from fenghuo.base.errors import OperatingError
from fenghuo.model.labels import Labels
from fenghuo.model.reading import Reading, Watched
from unit.alerting.notify.channels.support import channel_of, message, told

pytestmark = pytest.mark.anyio


@dataclass
class MailServer:
    """Keeps mails; ``refuse`` maps an address to the answer it gets."""

    port: int = 0
    mails: list[tuple[Envelope, Any]] = field(default_factory=list)
    refuse: dict[str, str] = field(default_factory=dict)
    tls: bool = False
    farewells: int = 0

    async def handle_QUIT(self, server: Any, session: Session, envelope: Envelope) -> str:
        self.farewells += 1
        return "221 Bye"

    async def handle_RCPT(self, server: Any, session: Session, envelope: Envelope, address: str, options: Any) -> str:
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:
        self.tls = session.ssl is not None
        assert isinstance(envelope.content, bytes)
        self.mails.append((envelope, email.message_from_bytes(envelope.content, policy=email.policy.default)))
        return "250 OK"


def signed_in(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    right = isinstance(data, LoginPassword) and (data.login, data.password) == (b"ops", b"open sesame")
    return AuthResult(success=right, handled=False)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a self-signed certificate for localhost, in one file."""
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
         "-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder


@contextlib.asynccontextmanager
async def mail_server(
    certificate: Path | None = None,
    *,
    auth: bool = False,
    implicit: bool = False,
    keeper: MailServer | None = None,
) -> AsyncIterator[MailServer]:
    keeper = keeper or MailServer()
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")

    def session() -> SMTP:
        return SMTP(
            keeper,
            hostname="mail.test",
            tls_context=None if implicit else context,
            authenticator=signed_in if auth else None,
            auth_require_tls=auth,
        )

    server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", 0, ssl=context if implicit else None)
    keeper.port = server.sockets[0].getsockname()[1]
    try:
        yield keeper
    finally:
        server.close()
        await server.wait_closed()


def entry(port: int, more: str = "") -> str:
    return f"""email_configs:
    - to: 'a@example.org, B Team <b@example.org>'
      from: Fenghuo <fenghuo@example.org>
      smarthost: localhost:{port}
      {more}"""


async def test_starttls_sign_in_and_both_parts(certificate: Path) -> None:
    more = f"""auth_username: ops
      auth_password: open sesame
      tls_config: {{ca_file: '{certificate}/cert.pem'}}
      headers: {{X-Team: '{{{{ .Receiver }}}}'}}"""
    async with mail_server(certificate, auth=True) as server, channel_of(entry(server.port, more)) as channel:
        await channel.send(message(told(), told("<b>evil</b>", resolved=True)))
    ((envelope, mail),) = server.mails
    assert server.tls
    assert (envelope.mail_from, envelope.rcpt_tos) == ("fenghuo@example.org", ["a@example.org", "b@example.org"])
    assert mail["Subject"] == "🔴 严重 critical · HighCPUUsage · web-1"
    assert mail["To"] == "a@example.org, B Team <b@example.org>"
    assert mail["X-Team"] == "team"
    assert mail["Date"]
    assert mail["Message-ID"]
    text = mail.get_body(("plain",)).get_content()
    html = mail.get_body(("html",)).get_content()
    for words in ("CPU over 80 %", "web-1", "2023-11-14 22:01:20 UTC", "93.1%", "Requests slow down."):
        assert words in text
        assert words in html
    assert "<b>evil</b>" not in html
    assert "&lt;b&gt;evil&lt;/b&gt;" in html
    assert 'href="https://wiki/cpu"' in html


CPU = Reading(93.12345, Watched("cpu", ">", 80.0))


def cpu_lines(expr: str, start_ms: int, end_ms: int, step_ms: int) -> list[Line]:
    times = np.arange(start_ms, end_ms + 1, step_ms)
    return [Line(Labels({"instance": name}), times, np.linspace(20.0, 93.0, len(times))) for name in ("web-1", "web-2")]


async def test_a_mail_shows_what_the_rule_watched() -> None:
    asked: list[tuple[str, int]] = []

    def source(expr: str, start_ms: int, end_ms: int, step_ms: int) -> list[Line]:
        asked.append((expr, end_ms - start_ms))
        return cpu_lines(expr, start_ms, end_ms, step_ms)

    alert = told(reading=CPU, annotations={})
    async with mail_server() as server, channel_of(entry(server.port, "require_tls: false"), plots=source) as channel:
        await channel.send(message(alert))
    ((_, mail),) = server.mails
    assert asked == [("cpu", 3_600_000)]
    assert mail.get_content_type() == "multipart/alternative"
    related = mail.get_payload()[1]
    assert related.get_content_type() == "multipart/related"
    html, picture = related.get_payload()
    assert picture.get_content_type() == "image/png"
    assert picture["Content-ID"] == "<plot1@fenghuo>"
    assert picture.get_content_disposition() == "inline"
    assert picture.get_content().startswith(b"\x89PNG")
    assert 'src="cid:plot1@fenghuo"' in html.get_content()
    assert "93.12 (阈值 threshold &gt; 80)" in html.get_content()
    assert "93.12 (阈值 threshold > 80)" in mail.get_body(("plain",)).get_content()


async def plotless(source: PlotSource | None, more: str = "") -> str:
    """The type of a mail that has no picture."""
    async with mail_server() as server:
        text = entry(server.port, f"require_tls: false\n      {more}")
        async with channel_of(text, plots=source) as channel:
            await channel.send(message(told(reading=CPU)))
    ((_, mail),) = server.mails
    assert "cid:" not in mail.get_body(("html",)).get_content()
    return str(mail.get_payload()[1].get_content_type())


def refusing(expr: str, start_ms: int, end_ms: int, step_ms: int) -> list[Line]:
    raise OperatingError("the query took too long", retryable=True)


async def test_a_mail_goes_out_when_there_is_nothing_to_draw(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await plotless(None) == "text/html"
    assert await plotless(cpu_lines, "plot: false") == "text/html"
    assert await plotless(lambda *_: []) == "text/html"
    assert await plotless(cpu_lines, "html: '<b>mine</b>'") == "text/html", "a text that does not show it carries none"
    assert caplog.messages == []
    assert await plotless(refusing) == "text/html"
    assert "without its plot: the query took too long" in caplog.messages[-1]
    monkeypatch.setattr("fenghuo.alerting.notify.channels.email.drawing.nice_ticks", undrawable)
    assert await plotless(cpu_lines) == "text/html"
    assert "without its plot: raqm_layout() failed" in caplog.messages[-1]


def undrawable(low: float, high: float) -> list[float]:
    raise RuntimeError("raqm_layout() failed")


async def test_a_mail_does_not_wait_for_a_slow_plot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fenghuo.alerting.notify.channels.email.channel.PLOT_TIMEOUT_S", 0.01)
    released = threading.Event()

    def slow(expr: str, start_ms: int, end_ms: int, step_ms: int) -> list[Line]:
        released.wait(10)
        return []

    try:
        assert await plotless(slow) == "text/html"
    finally:
        released.set()


async def test_thousands_of_alerts_make_a_mail_of_the_first_hundred() -> None:
    many = [told(instance=f"web-{number}", job="long " * 180) for number in range(2_000)]
    async with mail_server() as server, channel_of(entry(server.port, "require_tls: false")) as channel:
        await channel.send(message(*many))
    ((_, mail),) = server.mails
    assert "2000 条告警 alerts" in mail["Subject"]
    for kind in ("plain", "html"):
        body = mail.get_body((kind,)).get_content()
        assert body.count("Requests slow down.") == 100
        assert "1900 more alerts are not listed: http://fenghuo/alerts" in body.replace("all: ", "")
        assert "模板出错" not in body


async def test_one_may_act_as_another_who_signs_in(certificate: Path) -> None:
    """PLAIN names both; what the server hears is what RFC 4616 says."""
    said: list[str] = []

    class Identities(MailServer):
        async def auth_PLAIN(self, server: Any, args: list[str]) -> AuthResult:
            said.append(base64.b64decode(args[1]).decode())
            return AuthResult(success=True)

    more = f"""auth_username: ops
      auth_password: open sesame
      auth_identity: duty
      tls_config: {{ca_file: '{certificate}/cert.pem'}}"""
    async with (
        mail_server(certificate, auth=True, keeper=Identities()) as server,
        channel_of(entry(server.port, more)) as channel,
    ):
        await channel.send(message())
    assert said == ["duty\0ops\0open sesame"]
    assert len(server.mails) == 1


async def test_line_breaks_in_a_label_are_blanks_in_a_header() -> None:
    more = """require_tls: false
      headers: {X-Place: '{{ .CommonLabels.alertname }}', To: "a@example.org,\\n b@example.org"}"""
    async with mail_server() as server, channel_of(entry(server.port, more)) as channel:
        await channel.send(message(told("web-1\r\nBcc: all@example.org")))
    ((envelope, mail),) = server.mails
    assert mail["X-Place"] == "web-1 Bcc: all@example.org"
    assert mail["Bcc"] is None
    assert mail["To"] == "a@example.org, b@example.org"
    assert envelope.rcpt_tos == ["a@example.org", "b@example.org"]


@pytest.mark.parametrize(("name", "trusted"), [("localhost", True), ("other.example", False)])
async def test_implicit_tls_checks_the_name_that_the_settings_say(certificate: Path, name: str, trusted: bool) -> None:
    more = f"implicit_tls: true\n      tls_config: {{ca_file: '{certificate}/cert.pem', server_name: {name}}}"
    async with mail_server(certificate, implicit=True) as server:
        text = entry(server.port, more).replace("localhost:", "127.0.0.1:")
        async with channel_of(text) as channel:
            if trusted:
                await channel.send(message())
            else:
                with pytest.raises(ChannelError, match="certificate"):
                    await channel.send(message())
    assert len(server.mails) == int(trusted)


async def test_implicit_tls(certificate: Path) -> None:
    more = f"implicit_tls: true\n      tls_config: {{ca_file: '{certificate}/cert.pem'}}"
    async with mail_server(certificate, implicit=True) as server, channel_of(entry(server.port, more)) as channel:
        await channel.send(message())
    assert len(server.mails) == 1


async def test_a_certificate_that_nobody_vouches_for(certificate: Path) -> None:
    async with mail_server(certificate) as server, channel_of(entry(server.port)) as channel:
        with pytest.raises(ChannelError, match="certificate verify failed") as caught:
            await channel.send(message())
    assert caught.value.retryable
    assert server.mails == []


async def test_tls_is_required_unless_told_otherwise() -> None:
    async with mail_server() as server:
        async with channel_of(entry(server.port)) as channel:
            with pytest.raises(ChannelError, match=r"does not offer STARTTLS.*require_tls: false") as caught:
                await channel.send(message())
        assert not caught.value.retryable
        async with channel_of(entry(server.port, "require_tls: false")) as channel:
            await channel.send(message())
    assert len(server.mails) == 1


async def test_a_wrong_password(certificate: Path) -> None:
    more = f"""auth_username: ops
      auth_password: wrong
      tls_config: {{ca_file: '{certificate}/cert.pem'}}"""
    async with mail_server(certificate, auth=True) as server, channel_of(entry(server.port, more)) as channel:
        with pytest.raises(ChannelError, match=r"refused the sign-in.*app password") as caught:
            await channel.send(message())
    assert not caught.value.retryable


@pytest.mark.parametrize(("answer", "retryable"), [("550 no such user", False), ("451 try later", True)])
async def test_recipients_refused(answer: str, retryable: bool) -> None:
    async with mail_server() as server, channel_of(entry(server.port, "require_tls: false")) as channel:
        server.refuse = {"a@example.org": answer, "b@example.org": answer}
        with pytest.raises(ChannelError, match=r"refused a@example\.org") as caught:
            await channel.send(message())
    assert caught.value.retryable is retryable


async def test_one_refused_recipient_is_remarked_and_the_other_has_it() -> None:
    async with mail_server() as server, channel_of(entry(server.port, "require_tls: false")) as channel:
        server.refuse = {"b@example.org": "550 gone"}
        remark = await channel.send(message())
    assert remark is not None
    assert "refused b@example.org (550 gone)" in remark
    assert server.mails[0][0].rcpt_tos == ["a@example.org"]


async def test_nobody_listens() -> None:
    async with mail_server() as server:
        port = server.port
    async with channel_of(entry(port)) as channel:
        with pytest.raises(ChannelError, match=f"localhost:{port}") as caught:
            await channel.send(message())
    assert caught.value.retryable


async def test_settings_fall_back_to_the_global_ones() -> None:
    top = "global: {{smtp_smarthost: 'localhost:{}', smtp_from: g@example.org, smtp_require_tls: false}}"
    async with (
        mail_server() as server,
        channel_of("email_configs: [{to: a@example.org}]", top.format(server.port)) as channel,
    ):
        await channel.send(message())
    assert server.mails[0][0].mail_from == "g@example.org"


async def test_a_template_that_fails_still_sends() -> None:
    more = "require_tls: false\n      html: '{{ index .Alerts 9 }}'"
    async with mail_server() as server, channel_of(entry(server.port, more)) as channel:
        await channel.send(message())
    ((_, mail),) = server.mails
    assert mail.get_content_type() == "text/plain"
    assert "index out of range: 9" in mail.get_content()
    assert "instance = web-1" in mail.get_content()


async def test_threads_by_group_and_day() -> None:
    more = "require_tls: false\n      threading: {enabled: true}"
    async with mail_server() as server, channel_of(entry(server.port, more)) as channel:
        await channel.send(message())
        await channel.send(message(at_ms=message().at_ms + 60_000))
        await channel.send(message(at_ms=message().at_ms + 86_400_000))
    roots = [mail["References"] for _, mail in server.mails]
    assert roots[0] == roots[1] != roots[2]
    assert len({mail["Message-ID"] for _, mail in server.mails}) == 3
    assert server.farewells == 3
