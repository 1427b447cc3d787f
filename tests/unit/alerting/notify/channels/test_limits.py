"""Whatever alerts hold, every channel keeps to its limit with markup that is whole, and says what is missing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from functools import cache
from urllib.parse import parse_qs

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fenghuo.alerting.notify.channels.channel import Channel
from fenghuo.alerting.notify.channels.registry import Channels
from fenghuo.alerting.notify.cutting import utf16
from fenghuo.alerting.notify.message import IncidentView, Message, ToldAlert
from fenghuo.alerting.notify.tryout import CONSENT
from fenghuo.alerting.settings import AlertingSettings
from fenghuo.base.clock import ManualClock
from fenghuo.base.document import load_yaml, validate
from fenghuo.model.http_settings import HttpClientSettings
from fenghuo.model.reading import Reading, Watched
from fenghuo.net.answer import Answer
from fenghuo.net.http_client import HttpClient
from unit.alerting.notify.channels.support import AT_MS, message, told
from unit.alerting.notify.test_cutting import Balance, rendered

Check = Callable[[bytes], str]
"""Asserts that a body keeps to the limits; returns the text that people read."""


class Kept(HttpClient):
    """Keeps what it is asked to send, as it would go out."""

    def __init__(self) -> None:
        super().__init__(HttpClientSettings(), "test")
        self.bodies: list[bytes] = []

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, size_bytes_max: int = 65_536) -> Answer:
        self.bodies.append(body)
        return Answer(200, "OK", "application/json", "", CONSENT)


@cache
def made(entry: str) -> tuple[Channel, Kept]:
    text = f"route: {{receiver: team}}\nreceivers:\n- name: team\n  {entry}\n"
    wanted, problems = validate(AlertingSettings, load_yaml(text, "am.yml"))
    assert wanted is not None, problems
    kept = Kept()
    built = Channels(ManualClock(AT_MS)).build(wanted, lambda _: kept)
    channel = built.by_receiver["team"][0][1]
    return getattr(channel, "channel", channel), kept  # Without its budget, which no minute refills here.


def whole_markdown(text: str) -> str:
    """No mark of ours is left open: links are links, bold is bold."""
    assert "](http" not in rendered(text)
    return text


def dingtalk(body: bytes) -> str:
    assert len(body) <= 20_000
    said = json.loads(body)
    return whole_markdown(said["actionCard"]["text"] if "actionCard" in said else said["markdown"]["text"])


def feishu(body: bytes) -> str:
    assert len(body) <= 20_000
    text = str(json.loads(body)["card"]["elements"][0]["content"])
    assert "<at id=all>" not in text
    return whole_markdown(text)


def wecom(body: bytes) -> str:
    text = str(json.loads(body)["markdown"]["content"])
    assert len(text.encode()) <= 4096
    assert text.count("<font") == text.count("</font>")
    assert "<@all>" not in text
    return whole_markdown(text)


def telegram(body: bytes) -> str:
    said = json.loads(body)
    assert utf16(said["text"]) <= 4096
    assert said["parse_mode"] == "HTML", "nothing made the template fail"
    balance = Balance()
    balance.feed(said["text"])
    balance.close()
    assert balance.still_open == []
    assert "<" not in balance.text
    return str(said["text"])


def slack(body: bytes) -> str:
    (attachment,) = json.loads(body)["attachments"]
    text = str(attachment["text"])
    assert len(text) <= 8000
    assert text.count("<") == text.count(">")
    assert "<!channel>" not in text
    return text


def discord(body: bytes) -> str:
    (embed,) = json.loads(body)["embeds"]
    assert utf16(embed["title"]) <= 256
    assert utf16(embed["description"]) <= 4096
    return str(embed["description"])


def teams(body: bytes) -> str:
    assert len(body) <= 28_000
    return str(json.loads(body)["attachments"][0]["content"]["body"][1]["text"])


def webex(body: bytes) -> str:
    text = str(json.loads(body)["markdown"])
    assert len(text.encode()) <= 7439
    return text


def mattermost(body: bytes) -> str:
    text = str(json.loads(body)["attachments"][0]["text"])
    assert len(text) <= 16_383
    return text


def pushover(body: bytes) -> str:
    said = parse_qs(body.decode())
    assert len(said["message"][0]) <= 1024
    assert len(said["title"][0]) <= 250
    return said["message"][0]


def twilio(body: bytes) -> str:
    text = parse_qs(body.decode())["Body"][0]
    assert len(text) <= 1600
    return text


KINDS: dict[str, tuple[str, Check]] = {
    "dingtalk": ("dingtalk_configs: [{access_token: t}]", dingtalk),
    "dingtalk with mentions": ("dingtalk_configs: [{access_token: t, at_mobiles: ['13800138000']}]", dingtalk),
    "feishu": ("feishu_configs: [{token: t, at_users: [ou_1]}]", feishu),
    "wecom": ("wecom_configs: [{key: k, mentioned_users: [zhang]}]", wecom),
    "telegram": ("telegram_configs: [{bot_token: t, chat_id: 1}]", telegram),
    "slack": ("slack_configs: [{api_url: 'http://slack/x'}]", slack),
    "discord": ("discord_configs: [{webhook_url: 'http://d/x'}]", discord),
    "msteamsv2": ("msteamsv2_configs: [{webhook_url: 'http://t/x'}]", teams),
    "webex": ("webex_configs: [{room_id: r, http_config: {authorization: {credentials: c}}}]", webex),
    "mattermost": ("mattermost_configs: [{webhook_url: 'http://m/x'}]", mattermost),
    "pushover": ("pushover_configs: [{user_key: u, token: t}]", pushover),
    "twilio": (
        "sms_configs: [{provider: twilio, access_key: A, secret: s, from: '+1', to: ['+2'], "
        "message: '{{ template \"fenghuo.text\" . }}'}]",
        twilio,
    ),
}
NASTY = st.lists(
    st.sampled_from(
        ["长", "a ", "🔴", "👨‍👩‍👧", '"', "\\", "\n", "<", "&", "_", "<at id=all></at>", "<!channel>", "<@all>", "%"]
    ),
    max_size=6,
).map("".join)
TEXTS = st.builds(lambda text, times: text * times, NASTY, st.sampled_from([1, 1, 10, 400, 3000]))


class Case:
    """Alerts that are too long to be printed."""

    def __init__(self, alerts: list[ToldAlert]) -> None:
        self.alerts = alerts

    def __repr__(self) -> str:
        first = self.alerts[0]
        return f"{len(self.alerts)} alerts like {str(first.labels)[:200]} {str(first.annotations)[:200]}"


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A few alerts with any words, as often as it takes to be too many."""
    some = [
        told(
            draw(st.sampled_from(["HighCPUUsage", "磁盘"])),
            resolved=draw(st.booleans()),
            annotations={"summary": draw(TEXTS), "description": draw(TEXTS), "runbook_url": "https://wiki/x_(y)?a=b c"},
            reading=draw(st.sampled_from([None, Reading(93.1, Watched("x", ">", 80.0))])),
            job=draw(TEXTS),
        )
        for _ in range(draw(st.integers(1, 3)))
    ]
    return Case(some * draw(st.sampled_from([1, 1, 5, 60])))


VIEW = IncidentView(12, "INC-12", "P1", "open", "http://fenghuo.example/a/token")


def of(told_of: list[ToldAlert], view: IncidentView | None) -> Message:
    return message(*told_of, incident=view, external_url="http://fenghuo.example")


@pytest.mark.parametrize("kind", list(KINDS))
@settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(case=cases(), view=st.sampled_from([None, VIEW]))
def test_every_message_fits(kind: str, case: Case, view: IncidentView | None) -> None:
    entry, check = KINDS[kind]
    channel, kept = made(entry)
    kept.bodies.clear()
    asyncio.run(channel.send(of(case.alerts, view)))
    for body in kept.bodies:
        assert check(body).strip()


@pytest.mark.parametrize("kind", ["feishu", "wecom", "slack"])
def test_plain_words_mention_nobody(kind: str) -> None:
    """When a template fails, labels stand in the text as they are, and still call nobody."""
    entry, check = KINDS[kind]
    field = "text" if kind == "slack" else "message"
    channel, kept = made(entry.replace("}]", ", " + field + ": '{{ index .Alerts 999 }}'}]"))
    asyncio.run(channel.send(of([told(job="<at id=all></at> <@all> <!channel>")], None)))
    assert "out of range: 999" in check(kept.bodies[0])


@pytest.mark.parametrize("kind", list(KINDS))
def test_what_is_left_out_is_counted_and_linked(kind: str) -> None:
    entry, check = KINDS[kind]
    channel, kept = made(entry)
    kept.bodies.clear()
    asyncio.run(channel.send(of([told(instance=f"web-{number}") for number in range(400)], VIEW)))
    text = check(kept.bodies[0])
    assert "more alerts are not listed" in text
    assert "http://fenghuo.example/alerts" in text
    shown = text.count("Requests slow down.")
    assert shown >= 1
    assert f"{400 - shown} more" in text
