"""Scraping over TLS: whom we trust, who we are, and certificates that change on disk."""

from __future__ import annotations

import contextlib
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from fenghuo.metrics.collect.scrape.status import Health
from flow.scraping import Lab, job, laboratory, site

pytestmark = pytest.mark.anyio


class Certificates:
    """A key and a self-signed certificate for one name."""

    def __init__(self, directory: Path, name: str) -> None:
        self.cert, self.key = directory / f"{name}.pem", directory / f"{name}.key"
        command = [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}",
            "-keyout", str(self.key), "-out", str(self.cert),
        ]  # fmt: skip
        subprocess.run(command, check=True, capture_output=True)


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("tls"), "scrape.test")


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("tls"), "client.test")


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with laboratory(tmp_path / "store") as lab:
        yield lab


@contextlib.asynccontextmanager
async def tls_site(
    server: Certificates,
    clients: Certificates | None = None,
    version_max: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED,
) -> AsyncIterator[str]:
    """A server that shows ``server`` and, when ``clients`` is given, wants to see that."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(server.cert, server.key)
    context.maximum_version = version_max
    if clients is not None:
        context.load_verify_locations(clients.cert)
        context.verify_mode = ssl.CERT_REQUIRED

    async def handle(request: web.Request) -> web.Response:
        return web.Response(text="a 1\n")

    app = web.Application()
    app.router.add_get("/metrics", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        host, port = runner.addresses[0][:2]
        yield f"{host}:{port}"
    finally:
        await runner.cleanup()


async def scrape(lab: Lab, address: str, **tls: Any) -> str:
    """The error of the first scrape; empty when it was good."""
    settings = {"scheme": "https", "tls_config": tls, "scrape_interval": "1s", "scrape_timeout": "1s"}
    await lab.scraper.apply([job(address, address, **settings)])
    await lab.seen(address)
    return lab.target(address).last_error


async def test_a_certificate_that_we_trust_is_fine(lab: Lab, ours: Certificates) -> None:
    async with tls_site(ours) as address:
        assert await scrape(lab, address, ca_file=str(ours.cert), server_name="scrape.test") == ""


async def test_targets_of_one_job_share_what_they_trust(lab: Lab, ours: Certificates) -> None:
    """They ask for their first connection at the same time, and none closes that of another."""
    tls = {"ca_file": str(ours.cert), "server_name": "scrape.test"}
    async with tls_site(ours) as one, tls_site(ours) as two, tls_site(ours) as three:
        targets = [{"targets": [one, two, three]}]
        await lab.scraper.apply([job("tls", "", scheme="https", tls_config=tls, static_configs=targets)])
        await lab.until(lambda: len(lab.scraper.targets().active) == 3)
        await lab.until(lambda: all(each.last_scrape_ms for each in lab.scraper.targets().active))
        await lab.until(lambda: all(each.health is Health.UP for each in lab.scraper.targets().active))

        assert lab.registry.get_sample_value("fenghuo_unexpected_faults_total", {"part": "scrape"}) is None


async def test_a_redirect_from_http_to_https_takes_the_trust_along(lab: Lab, ours: Certificates) -> None:
    async with tls_site(ours) as secure:

        async def send_on(request: web.Request) -> web.Response:
            raise web.HTTPFound(f"https://{secure}/metrics")

        async with site({"/metrics": send_on}) as address:
            tls = {"insecure_skip_verify": True}
            await lab.scraper.apply([job("web", address, tls_config=tls, scrape_interval="1s", scrape_timeout="1s")])
            await lab.seen("web")
            assert lab.target("web").last_error == ""


async def test_a_certificate_given_in_the_settings_is_fine(lab: Lab, ours: Certificates) -> None:
    async with tls_site(ours) as address:
        assert await scrape(lab, address, ca=ours.cert.read_text(), server_name="scrape.test") == ""


async def test_an_unknown_certificate_is_not_trusted(lab: Lab, ours: Certificates) -> None:
    async with tls_site(ours) as address:
        error = await scrape(lab, address, server_name="scrape.test")

    assert "certificate is not trusted: self-signed certificate" in error


async def test_another_name_is_not_trusted(lab: Lab, ours: Certificates) -> None:
    async with tls_site(ours) as address:
        error = await scrape(lab, address, ca_file=str(ours.cert), server_name="else.test")

    assert "certificate is not trusted" in error
    assert "else.test" in error


async def test_whoever_wants_no_check_gets_none(lab: Lab, ours: Certificates) -> None:
    async with tls_site(ours) as address:
        assert await scrape(lab, address, insecure_skip_verify=True) == ""


async def test_a_client_certificate_is_shown(lab: Lab, ours: Certificates, others: Certificates) -> None:
    trust = {"ca_file": str(ours.cert), "server_name": "scrape.test"}
    async with tls_site(ours, clients=others) as address:
        assert await scrape(lab, address, **trust) != ""
    async with tls_site(ours, clients=others) as address:
        assert await scrape(lab, address, **trust, cert_file=str(others.cert), key_file=str(others.key)) == ""
    async with tls_site(ours, clients=others) as address:
        inline = {"cert": others.cert.read_text(), "key": others.key.read_text()}
        assert await scrape(lab, address, **trust, **inline) == ""


async def test_a_version_that_the_server_does_not_speak_fails(lab: Lab, ours: Certificates) -> None:
    async with tls_site(ours, version_max=ssl.TLSVersion.TLSv1_2) as address:
        error = await scrape(lab, address, insecure_skip_verify=True, min_version="TLS13")

    assert "TLS failed" in error


async def test_a_missing_file_is_named_and_a_new_one_is_picked_up(lab: Lab, ours: Certificates, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    async with tls_site(ours) as address:
        error = await scrape(lab, address, ca_file=str(file), server_name="scrape.test")
        assert "tls_config cannot be used" in error
        assert str(file) in error
        file.write_text("not a certificate")
        await lab.until(lambda: "holds no certificates" in lab.target(address).last_error)
        file.write_text(ours.cert.read_text())
        await lab.until(lambda: lab.target(address).health is Health.UP)
