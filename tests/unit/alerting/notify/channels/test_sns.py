"""Amazon SNS: the signature against Amazon's published test suite, and what is published."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs

import pytest

from fenghuo.alerting.notify.channels.channel import ChannelError
from fenghuo.net.sigv4 import AwsKey, key_from_surroundings, signed_headers
from unit.alerting.notify.channels.support import AT_MS, channel_of, message, serving, told

SUITE_KEY = AwsKey("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
SUITE_MS = 1_440_938_160_000  # 20150830T123600Z


@pytest.mark.parametrize(
    ("method", "headers", "body", "signature"),
    [
        ("GET", {}, b"", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        (
            "POST",
            {"Content-Type": "application/x-www-form-urlencoded"},
            b"Param1=value1",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
    ],
    ids=["get-vanilla", "post-x-www-form-urlencoded"],
)
def test_the_signatures_of_amazons_test_suite(
    method: str, headers: dict[str, str], body: bytes, signature: str
) -> None:
    url = "https://example.amazonaws.com/"
    signed = signed_headers(SUITE_KEY, "us-east-1", "service", method, url, headers, body, SUITE_MS)
    assert signed["Authorization"].endswith(f"Signature={signature}")
    assert signed["X-Amz-Date"] == "20150830T123600Z"


@pytest.mark.anyio
async def test_a_message_is_published_and_signed() -> None:
    entry = """sns_configs: [{{api_url: '{}', topic_arn: 'arn:aws:sns:eu-west-1:1:t.fifo',
      sigv4: {{access_key: AK, secret_key: SK}}, attributes: {{sev: '{{{{ .CommonLabels.severity }}}}'}}}}]"""
    async with serving() as server, channel_of(entry.format(server.url)) as channel:
        await channel.send(message(told(job="网关")))
    request, body = server.requests[0]
    form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
    assert (form["Action"], form["TopicArn"]) == ("Publish", "arn:aws:sns:eu-west-1:1:t.fifo")
    assert form["Subject"] == "[FIRING:1] HighCPUUsage (web-1 critical)"
    assert (form["MessageAttributes.entry.1.Name"], form["MessageAttributes.entry.1.Value.StringValue"]) == (
        "sev",
        "critical",
    )
    assert form["MessageDeduplicationId"] == form["MessageGroupId"]
    assert "job=网关" in form["Message"]
    kept = {"Content-Type": request.headers["Content-Type"]}
    wanted = signed_headers(AwsKey("AK", "SK"), "eu-west-1", "sns", "POST", server.url, kept, body, AT_MS)
    assert request.headers["Authorization"] == wanted["Authorization"]


@pytest.mark.anyio
async def test_without_a_region_the_remedy_is_named() -> None:
    entry = "sns_configs: [{phone_number: '+861', sigv4: {access_key: AK, secret_key: SK}}]"
    async with channel_of(entry) as channel:
        with pytest.raises(ChannelError, match="needs a region"):
            await channel.send(message())


def test_keys_of_the_shared_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "credentials"
    file.write_text("[ops]\naws_access_key_id = A\naws_secret_access_key = B\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    assert key_from_surroundings("ops") == AwsKey("A", "B")
    assert key_from_surroundings("other") is None
