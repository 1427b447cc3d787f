"""Apprise: its URLs are told, and what fails is named without its secrets."""

from __future__ import annotations

import pytest
from aiohttp import web

from fenghuo.alerting.notify.channels.channel import ChannelError
from unit.alerting.notify.channels.support import channel_of, message, serving, told

# The library loads a module of the standard library that Python 3.13 has no more, and says so.
pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")]


async def test_every_url_is_told() -> None:
    async with serving() as server:
        url = server.url.replace("http://", "json://")
        async with channel_of(f"apprise_configs: [{{urls: ['{url}/1', '{url}/2']}}]") as channel:
            assert await channel.send(message(told(resolved=True))) is None
    body = server.json(0)
    assert [request.path for request, _ in server.requests] == ["/hook/1", "/hook/2"]
    assert body["title"] == "✅ 已恢复 resolved · HighCPUUsage · web-1"
    assert "Requests slow down." in body["message"]
    assert body["type"] == "success"


async def test_who_fails_keeps_no_other_from_being_told() -> None:
    async with serving() as server:
        server.answer = lambda request, body: web.Response(status=500 if "secret" in request.path else 200)
        url = server.url.replace("http://", "json://")
        async with channel_of(f"apprise_configs: [{{urls: ['{url}/secret', '{url}/2']}}]") as channel:
            assert await channel.send(message()) == "json (URL 1) did not take the message"
        async with channel_of(f"apprise_configs: [{{urls: ['{url}/secret']}}]") as channel:
            with pytest.raises(ChannelError) as caught:
                await channel.send(message())
    assert caught.value.retryable
    assert "secret" not in str(caught.value)


async def test_a_service_that_apprise_does_not_know() -> None:
    async with channel_of("apprise_configs: [{urls: ['nosuch://token']}]") as channel:
        with pytest.raises(ChannelError, match="does not understand URL 1") as caught:
            await channel.send(message())
    assert not caught.value.retryable
    assert "token" not in str(caught.value)
