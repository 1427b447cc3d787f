"""Trying out a receiver: previews ask nobody and hide secrets, trials really send."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import web

from fenghuo.alerting.notify.channels.registry import Channels
from fenghuo.alerting.notify.tryout import TryOut, Wanted
from fenghuo.alerting.settings import AlertingSettings
from fenghuo.base.clock import ManualClock
from fenghuo.base.document import load_yaml, validate
from fenghuo.base.errors import InputError
from fenghuo.model.language import Language
from unit.alerting.notify.channels.support import AT_MS, serving

pytestmark = pytest.mark.anyio


def trying(text: str) -> TryOut:
    settings, problems = validate(AlertingSettings, load_yaml(f"route: {{receiver: team}}\n{text}", "am.yml"))
    assert settings is not None, [str(problem) for problem in problems]
    clock = ManualClock(AT_MS)
    return TryOut(Channels(clock), lambda: settings, clock, lambda: "http://fenghuo")


EVERY_KIND = """global: {smtp_smarthost: 'localhost:25', smtp_from: a@example.com, exec_allowed: [/bin/true]}
receivers:
- name: team
  dingtalk_configs: [{access_token: dingdongtoken, secret: hushhush}]
  email_configs: [{to: b@example.com}]
  exec_configs: [{command: [/bin/true]}]
  apprise_configs: [{urls: ['ntfy://topic']}]
  discord_configs: [{webhook_url: 'http://discord.example/hushhush'}]
  feishu_configs: [{token: hushhush}]
  jira_configs: [{api_url: 'http://jira.example', project: P, issue_type: Bug}]
  mattermost_configs: [{webhook_url: 'http://m.example/x'}]
  msteamsv2_configs: [{webhook_url: 'http://t.example/x'}]
  opsgenie_configs: [{api_key: hushhush}]
  pagerduty_configs: [{routing_key_file: KEYFILE}]
  pushover_configs: [{user_key: hushhush, token: alsohushed}]
  rocketchat_configs: [{token: hushhush, token_id: alsohushed}]
  slack_configs: [{api_url: 'http://slack.example/x'}]
  sms_configs: [{provider: twilio, access_key: A, secret: hushhush, from: '+1', to: ['+2']}]
  sns_configs: [{topic_arn: 'arn:aws:sns:eu-west-1:1:t', sigv4: {access_key: A, secret_key: hushhush}}]
  telegram_configs: [{bot_token: hushhush, chat_id: 1}]
  victorops_configs: [{api_key: hushhush, routing_key: r}]
  voice_configs: [{provider: aliyun, access_key: A, secret: hushhush, template: T, to: ['1']}]
  webex_configs: [{room_id: r, http_config: {authorization: {credentials: hushhush}}}]
  webhook_configs: [{url: 'http://w.example/x'}]
  wechat_configs: [{corp_id: c, api_secret: hushhush, agent_id: 1}]
  wecom_configs: [{key: hushhush}]
"""


async def test_a_preview_shows_every_kind_and_no_secret(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("filedsecret\n")
    wanted = Wanted("team", {"job": "trial7"})
    trials = await trying(EVERY_KIND.replace("KEYFILE", str(tmp_path / "key"))).preview(wanted)
    assert len(trials) == EVERY_KIND.count("_configs")
    assert [(trial.channel, trial.error) for trial in trials if trial.error] == []
    for trial in trials:
        shown = "\n".join(trial.said)
        assert "FenghuoTest" in shown or trial.channel == "voice", trial
        for secret in ("hushhush", "alsohushed", "filedsecret", "dingdongtoken"):
            assert secret not in shown, trial


SAYING = {
    (Language.CHINESE, False): ("这是一条测试通知", "42 (阈值 > 40)", "持续 12m"),
    (Language.ENGLISH, False): ("This is a test", "42 (threshold > 40)", "for 12m"),
    (Language.CHINESE, True): ("已恢复", "最后值", "恢复"),
    (Language.ENGLISH, True): ("resolved", "Last value", "Until"),
}
BUTTONS = {Language.CHINESE: "确认 INC-0", Language.ENGLISH: "Acknowledge INC-0"}
SHORT = ("exec", "webhook", "sms", "voice", "pagerduty", "jira", "apprise", "email")
"""Kinds whose message is data, too short for everything, or encoded."""


@pytest.mark.parametrize(("language", "resolved"), list(SAYING))
async def test_every_kind_speaks_to_the_reader(tmp_path: Path, language: Language, resolved: bool) -> None:
    (tmp_path / "key").write_text("filedsecret\n")
    wanted = Wanted("team", {"job": "trial7", "severity": "p1"}, resolved, language)
    trials = await trying(EVERY_KIND.replace("KEYFILE", str(tmp_path / "key"))).preview(wanted)
    other = Language.ENGLISH if language is Language.CHINESE else Language.CHINESE
    for trial in trials:
        shown = "\n".join(trial.said).replace("\\u003e", ">").replace("&gt;", ">").replace("&#62;", ">")
        assert trial.error == "", trial
        if trial.channel in SHORT or (trial.channel == "opsgenie" and resolved):
            continue
        for words in SAYING[language, resolved]:
            assert words in shown.replace("**", "").replace("*", "").replace("<b>", "").replace("</b>", ""), trial
        for words in SAYING[other, resolved]:
            assert words not in shown, trial
        if trial.channel in ("dingtalk", "feishu", "msteamsv2", "slack", "wecom", "discord"):
            assert (BUTTONS[language] in shown) is not resolved, trial


async def test_a_trial_is_sent() -> None:
    async with serving() as server:
        server.answer = lambda request, body: web.Response(status=200 if "fine" in request.path else 403)
        text = (
            f"receivers: [{{name: team, webhook_configs: [{{url: '{server.url}/fine'}}, {{url: '{server.url}/no'}}]}}]"
        )
        fine, refused = await trying(text).send(Wanted("team", {"severity": "p0"}, resolved=True))
    assert (fine.error, fine.index, refused.index) == ("", 0, 1)
    assert "HTTP 403" in refused.error
    (alert,) = server.json(0)["alerts"]
    assert (alert["status"], alert["labels"]["severity"]) == ("resolved", "p0")


async def test_an_unknown_receiver_is_told_which_there_are() -> None:
    with pytest.raises(InputError) as caught:
        await trying("receivers: [{name: team}]").preview(Wanted("nobody"))
    assert "team" in caught.value.remedy
