"""The webhook: Alertmanager's body, and what each way to fail means."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from aiohttp import web

from fenghuo.alerting.notify.channels.channel import ChannelError
from fenghuo.alerting.notify.channels.webhook.channel import payload, rfc3339
from fenghuo.alerting.notify.message import ToldAlert
from fenghuo.base.errors import InputError
from fenghuo.model.labels import Labels
from unit.alerting.notify.channels.support import AT_MS, channel_of, message, serving, told

pytestmark = pytest.mark.anyio


async def test_the_body_is_alertmanagers_version_4() -> None:
    async with serving() as server, channel_of(f"webhook_configs: [{{url: '{server.url}'}}]") as channel:
        await channel.send(message(told(), told(resolved=True, instance="web-2")))
    request, _ = server.requests[0]
    assert (request.method, request.headers["Content-Type"]) == ("POST", "application/json")
    assert request.headers["User-Agent"].startswith("Fenghuo/")
    assert server.json() == {
        "version": "4",
        "groupKey": '{}:{alertname="HighCPUUsage"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "team",
        "groupLabels": {"alertname": "HighCPUUsage"},
        "commonLabels": {"alertname": "HighCPUUsage", "severity": "critical"},
        "commonAnnotations": dict(told().annotations),
        "externalURL": "http://fenghuo",
        "alerts": [
            {
                "status": "firing",
                "labels": {"alertname": "HighCPUUsage", "instance": "web-1", "severity": "critical"},
                "annotations": dict(told().annotations),
                "startsAt": "2023-11-14T22:01:20Z",
                "endsAt": "0001-01-01T00:00:00Z",
                "generatorURL": "http://fenghuo/graph?g0.expr=x",
                "fingerprint": told().fingerprint_hex,
            },
            {
                "status": "resolved",
                "labels": {"alertname": "HighCPUUsage", "instance": "web-2", "severity": "critical"},
                "annotations": dict(told().annotations),
                "startsAt": "2023-11-14T22:01:20Z",
                "endsAt": "2023-11-14T22:13:19Z",
                "generatorURL": "http://fenghuo/graph?g0.expr=x",
                "fingerprint": told(instance="web-2").fingerprint_hex,
            },
        ],
    }


@pytest.mark.parametrize(
    ("labels", "fingerprint"),
    [
        ({"severity": "warning", "job": "foo"}, "9266ef3da838ad95"),
        ({"severity": "critical", "job": "foo"}, "3b15fd163d36582e"),
        ({"severity": "critical", "job": "bar"}, "c7e68cb08e3e67f9"),
    ],
)
def test_fingerprints_are_alertmanagers(labels: dict[str, str], fingerprint: str) -> None:
    alert = ToldAlert(Labels(labels), Labels(), 0, None, "", Labels(labels).fingerprint())
    assert payload(message(alert))["alerts"][0]["fingerprint"] == fingerprint


def test_times_have_as_many_digits_as_they_need() -> None:
    assert [rfc3339(AT_MS + more) for more in (0, 500, 120, 7)] == [
        "2023-11-14T22:13:20Z",
        "2023-11-14T22:13:20.5Z",
        "2023-11-14T22:13:20.12Z",
        "2023-11-14T22:13:20.007Z",
    ]


def test_max_alerts_counts_what_it_leaves_out() -> None:
    body = payload(message(*(told(instance=f"web-{i}") for i in range(5))), max_alerts=2)
    assert (len(body["alerts"]), body["truncatedAlerts"]) == (2, 3)


async def test_labels_of_any_kind_arrive_unchanged() -> None:
    odd = {"quote": 'say "hi"\n\t\\', "emoji": "🔥", "long": "x" * 10_000}
    async with serving() as server, channel_of(f"webhook_configs: [{{url: '{server.url}'}}]") as channel:
        await channel.send(message(told(**odd)))
    assert {name: server.json()["alerts"][0]["labels"][name] for name in odd} == odd


@pytest.mark.parametrize(
    ("status", "retryable"),
    [(400, False), (401, False), (404, False), (408, False), (429, True), (500, True), (503, True), (304, False)],
)
async def test_statuses(status: int, retryable: bool) -> None:
    async with serving() as server, channel_of(f"webhook_configs: [{{url: '{server.url}'}}]") as channel:
        server.answer = lambda request, body: web.Response(status=status, text="" if status == 304 else "not now")
        with pytest.raises(ChannelError, match=f"HTTP {status}") as caught:
            await channel.send(message())
    assert caught.value.retryable is retryable


@pytest.mark.parametrize(("header", "wait_s"), [("17", 17.0), ("Tue, 14 Nov 2023 22:14:00 GMT", 40.0), ("soon", None)])
async def test_retry_after(header: str, wait_s: float | None) -> None:
    async with serving() as server, channel_of(f"webhook_configs: [{{url: '{server.url}'}}]") as channel:
        server.answer = lambda request, body: web.Response(status=429, headers={"Retry-After": header})
        with pytest.raises(ChannelError) as caught:
            await channel.send(message())
    assert caught.value.retry_after_s == wait_s


async def test_a_slow_receiver_is_cut_off_by_its_timeout() -> None:
    async def slow(request: web.Request, body: bytes) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    entry = "webhook_configs: [{{url: '{}', timeout: 100ms}}]"
    async with serving() as server, channel_of(entry.format(server.url)) as channel:
        server.answer = slow
        with pytest.raises(ChannelError, match=r"no answer within 0\.1 s") as caught:
            await channel.send(message())
    assert caught.value.retryable


async def test_nobody_listens_and_the_token_in_the_url_stays_secret() -> None:
    async with serving() as server:
        gone = server.url
    async with channel_of(f"webhook_configs: [{{url: '{gone}?token=hush'}}]") as channel:
        with pytest.raises(ChannelError, match="cannot connect") as caught:
            await channel.send(message())
    assert caught.value.retryable
    assert "hush" not in str(caught.value)


async def test_the_url_is_read_from_its_file_each_time(tmp_path: Path) -> None:
    file = tmp_path / "url"
    async with serving() as server, channel_of(f"webhook_configs: [{{url_file: '{file}'}}]") as channel:
        with pytest.raises(ChannelError, match="url_file cannot be read"):
            await channel.send(message())
        file.write_text(f"{server.url}\n")
        await channel.send(message())
        assert len(server.requests) == 1
        file.write_text("ftp://elsewhere")
        with pytest.raises(ChannelError, match="unsupported scheme"):
            await channel.send(message())


async def test_the_url_may_be_a_template() -> None:
    entry = "webhook_configs: [{{url: '{}/{{{{ .CommonLabels.severity }}}}'}}]"
    async with serving() as server, channel_of(entry.format(server.url)) as channel:
        await channel.send(message())
    assert server.requests[0][0].path == "/hook/critical"


async def test_a_template_that_is_none_is_refused_when_loading() -> None:
    with pytest.raises(InputError, match="url:1"):
        async with channel_of("webhook_configs: [{url: 'http://h/{{ .Foo'}]"):
            pass


@pytest.mark.parametrize(
    ("top", "own", "header"),
    [
        ("global: {http_config: {authorization: {credentials: abc}}}", "", "Bearer abc"),
        (
            "global: {http_config: {authorization: {credentials: abc}}}",
            ", http_config: {basic_auth: {username: u, password: p}}",
            "Basic dTpw",
        ),
        (
            "global: {http_config: {authorization: {credentials: abc}}}",
            ", http_config: {follow_redirects: false}",
            "Bearer abc",
        ),
    ],
)
async def test_http_config_is_laid_over_the_global_one(top: str, own: str, header: str) -> None:
    entry = "webhook_configs: [{{url: '{}'{}}}]"
    async with serving() as server, channel_of(entry.format(server.url, own), top) as channel:
        await channel.send(message())
    assert server.requests[0][0].headers["Authorization"] == header


@pytest.fixture(scope="module")
def many() -> list[ToldAlert]:
    return [told(instance=f"web-{i}") for i in range(10_000)]


async def test_ten_thousand_alerts_leave_the_loop_free(many: list[ToldAlert]) -> None:
    held_s: list[float] = []

    async def tick() -> None:
        while True:
            # Processor time, so that a busy machine is not taken for a loop that is held.
            before_s = time.thread_time()
            await asyncio.sleep(0.005)
            held_s.append(time.thread_time() - before_s)

    async with serving() as server, channel_of(f"webhook_configs: [{{url: '{server.url}'}}]") as channel:
        ticking = asyncio.create_task(tick())
        await channel.send(message(*many))
        ticking.cancel()
    assert len(server.json()["alerts"]) == 10_000
    assert max(held_s) < 0.25


async def test_a_redirect_is_followed_with_the_body() -> None:
    async with serving() as server, channel_of(f"webhook_configs: [{{url: '{server.url}'}}]") as channel:

        def answer(request: web.Request, body: bytes) -> web.Response:
            moved = request.path == "/hook"
            return web.Response(status=307, headers={"Location": "/there"}) if moved else web.Response()

        server.answer = answer
        await channel.send(message())
    assert [request.path for request, _ in server.requests] == ["/hook", "/there"]
    assert server.json()["receiver"] == "team"


async def test_a_body_of_ones_own() -> None:
    entry = """webhook_configs: [{{url: '{}', body: '{{"text": {{{{ .CommonLabels.alertname | toJson }}}}}}'}}]"""
    async with serving() as server, channel_of(entry.format(server.url)) as channel:
        await channel.send(message())
    assert server.json() == {"text": "HighCPUUsage"}
    assert server.requests[0][0].content_type == "application/json"


async def test_a_body_of_another_type() -> None:
    entry = "webhook_configs: [{{url: '{}', body: 'a {{{{ .Status }}}}', content_type: text/plain}}]"
    async with serving() as server, channel_of(entry.format(server.url)) as channel:
        await channel.send(message())
    request, body = server.requests[0]
    assert (request.content_type, body) == ("text/plain", b"a firing")


@pytest.mark.parametrize(("body", "words"), [('{{ template "nowhere" . }}', "nowhere"), ("{oops", "body is no JSON")])
async def test_a_body_that_cannot_be_made_is_alertmanagers_with_the_fault(body: str, words: str) -> None:
    async with (
        serving() as server,
        channel_of(f"webhook_configs: [{{url: '{server.url}', body: '{body}'}}]") as channel,
    ):
        await channel.send(message())
    assert words in server.json()["fault"]
    assert server.json()["version"] == "4"
