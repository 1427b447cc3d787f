"""Requests for Amazon are signed as they are sent, with the key that is there at the moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fenghuo.base.clock import ManualClock
from fenghuo.metrics.forward.signed import SignedClient
from fenghuo.model.settings_types import Secret
from fenghuo.model.sigv4_settings import SigV4Settings
from fenghuo.net.answer import Answer, HttpError
from fenghuo.net.sigv4 import AwsKey, signed_headers

pytestmark = pytest.mark.anyio

URL = "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1/api/v1/remote_write"
HEADERS = {"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy"}


@dataclass
class Asked:
    """A client that writes down what it is asked for."""

    headers: list[Mapping[str, str]] = field(default_factory=list)
    closed: bool = False

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, size_bytes_max: int = 0) -> Answer:
        self.headers.append(headers)
        return Answer(200, "OK", "", "", b"")

    async def close(self) -> None:
        self.closed = True


async def asked_with(settings: SigV4Settings, clock: ManualClock) -> Mapping[str, str]:
    asked = Asked()
    client = SignedClient(asked, settings, clock)
    assert (await client.post(URL, HEADERS, b"body", 10)).status == 200
    await client.close()
    assert asked.closed
    return asked.headers[0]


async def test_what_is_sent_is_signed_with_the_key_that_is_given(clock: ManualClock) -> None:
    given = SigV4Settings(region="eu-west-1", access_key="AK", secret_key=Secret("SK"))
    sent = await asked_with(given, clock)
    key = AwsKey("AK", "SK")
    assert sent == signed_headers(key, "eu-west-1", "aps", "POST", URL, HEADERS, b"body", clock.now_ms())
    assert "SignedHeaders=content-encoding;content-type;host;x-amz-date" in sent["Authorization"]


async def test_the_key_and_the_region_may_be_those_of_the_surroundings(
    clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "credentials"
    file.write_text("[ops]\naws_access_key_id = A\naws_secret_access_key = B\naws_session_token = T\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    monkeypatch.setenv("AWS_REGION", "ap-east-1")
    sent = await asked_with(SigV4Settings(profile="ops"), clock)
    assert sent["X-Amz-Security-Token"] == "T"
    assert "Credential=A/20231114/ap-east-1/aps/aws4_request" in sent["Authorization"]


@pytest.mark.parametrize(("region", "says"), [("", "needs a region"), ("eu-west-1", "there is no key for Amazon")])
async def test_without_a_region_or_a_key_nothing_is_sent(
    clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, region: str, says: str
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    asked = Asked()
    with pytest.raises(HttpError, match=says):
        await SignedClient(asked, SigV4Settings(region=region), clock).post(URL, HEADERS, b"body")
    assert asked.headers == []
