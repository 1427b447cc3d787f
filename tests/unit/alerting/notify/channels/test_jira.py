"""Jira: an issue is made once, kept up to date, closed and opened again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiohttp import web

from fenghuo.alerting.notify.channels.channel import ChannelError
from unit.alerting.notify.channels.support import Server, channel_of, message, serving, told
from unit.alerting.notify.channels.test_services import KEY

pytestmark = pytest.mark.anyio

ENTRY = """jira_configs: [{api_url: BASE/rest/api/2, project: OPS, issue_type: Bug, labels: [a],
  resolve_transition: Close, reopen_transition: Reopen, reopen_duration: 1h, EXTRA
  fields: {customfield_1: '{{ .CommonLabels.severity }}', customfield_2: {id: '{{ .Alerts | len }}'}}}]"""
LABEL = f"ALERT{{{KEY}}}"


def issue(category: str) -> dict[str, Any]:
    return {"key": "OPS-7", "fields": {"status": {"statusCategory": {"key": category}}}}


async def told_jira(found: list[Any], one: Any, extra: str = "", entry: str = ENTRY) -> Server:
    def answer(request: web.Request, body: bytes) -> web.Response:
        if "/search" in request.path:
            return web.json_response({"issues": found})
        if request.method == "GET":
            return web.json_response({"transitions": [{"id": "31", "name": "Close"}, {"id": "32", "name": "Reopen"}]})
        return web.json_response({}, status=204 if request.method == "PUT" else 201)

    async with serving() as server:
        server.answer = answer
        text = entry.replace("BASE", server.url.removesuffix("/hook")).replace("EXTRA", extra)
        async with channel_of(text) as channel:
            await channel.send(one)
    return server


def asked(server: Server) -> list[tuple[str, str]]:
    return [(request.method, request.path) for request, _ in server.requests]


async def test_a_new_group_makes_an_issue() -> None:
    server = await told_jira([], message())
    assert asked(server) == [("POST", "/rest/api/2/search"), ("POST", "/rest/api/2/issue")]
    assert server.json(0)["jql"] == (
        "(resolutiondate is EMPTY OR resolutiondate >= -60m) and "
        f'project="OPS" and labels="{LABEL}" order by status ASC,resolutiondate DESC'
    )
    fields = server.json(1)["fields"]
    assert fields["summary"] == "[FIRING:1] HighCPUUsage (web-1 critical)"
    assert fields["priority"] == {"name": "High"}
    assert sorted(fields["labels"]) == sorted(["a", LABEL])
    assert (fields["customfield_1"], fields["customfield_2"]) == ("critical", {"id": 1})
    assert "Requests slow down." in fields["description"]


async def test_an_open_issue_is_updated_except_what_is_not_to_be() -> None:
    server = await told_jira([issue("new")], message(), "summary: {template: s, enable_update: false},")
    assert asked(server)[1:] == [("PUT", "/rest/api/2/issue/OPS-7")]
    fields = server.json(1)["fields"]
    assert "summary" not in fields
    assert "description" in fields


async def test_an_issue_is_closed_and_opened_again() -> None:
    transitions = "/rest/api/2/issue/OPS-7/transitions"
    closed = await told_jira([issue("indeterminate")], message(told(resolved=True)))
    assert asked(closed)[2:] == [("GET", transitions), ("POST", transitions)]
    assert json.loads(closed.requests[-1][1]) == {"transition": {"id": "31"}}
    assert "statusCategory != Done" in closed.json(0)["jql"]
    opened = await told_jira([issue("done")], message())
    assert json.loads(opened.requests[-1][1]) == {"transition": {"id": "32"}}


async def test_what_is_over_and_has_no_issue_makes_none() -> None:
    assert asked(await told_jira([], message(told(resolved=True)))) == [("POST", "/rest/api/2/search")]


async def test_the_cloud_is_searched_elsewhere_and_takes_documents() -> None:
    server = await told_jira([], message(), "api_type: cloud,", ENTRY.replace("api/2", "api/3"))
    assert asked(server)[0] == ("POST", "/rest/api/3/search/jql")
    description = server.json(1)["fields"]["description"]
    assert (description["type"], description["content"][0]["type"]) == ("doc", "paragraph")


async def test_a_transition_that_is_not_offered_is_named() -> None:
    entry = ENTRY.replace("resolve_transition: Close", "resolve_transition: Gone")
    with pytest.raises(ChannelError, match="no transition 'Gone', only Close, Reopen"):
        await told_jira([issue("new")], message(told(resolved=True)), entry=entry)
