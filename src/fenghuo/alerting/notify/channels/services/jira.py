"""Jira: one issue for a group, made when it fires, kept up to date, and moved when it is over."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final
from urllib.parse import quote, urlsplit

import orjson

from fenghuo.alerting.notify.channels.channel import ChannelError
from fenghuo.alerting.notify.channels.services.paging import JiraSettings
from fenghuo.alerting.notify.channels.services.said import Said, compiled, typed
from fenghuo.alerting.notify.channels.services.service import ServiceChannel, group_hash, posting, said_json
from fenghuo.alerting.notify.channels.toolbox import Request, Toolbox
from fenghuo.alerting.notify.cutting import Limit, line
from fenghuo.alerting.notify.message import FIRING, Message
from fenghuo.alerting.settings_global import GlobalSettings
from fenghuo.model.http_settings import HttpClientSettings

SUMMARY_CHARS_MAX: Final = 255
DESCRIPTION_CHARS_MAX: Final = 32_767
DONE: Final = "done"
"""The key of the status category of what is closed."""
LANGUAGE: Final = {"Accept-Language": "en"}
"""Names of transitions come in the asker's language."""
SUMMARY: Final = '{{ template "jira.default.summary" . }}'
DESCRIPTION: Final = '{{ template "jira.default.description" . }}'


class JiraChannel(ServiceChannel[JiraSettings]):
    """One project. The issue of a group is known by the label ``ALERT{<hash of its key>}``."""

    heading, main = "summary", "description"
    templated = ("project", "issue_type", "labels", "fields")
    defaults: ClassVar[Mapping[str, str]] = {"priority": '{{ template "jira.default.priority" . }}'}

    def __init__(
        self, settings: JiraSettings, globals_: GlobalSettings, http: HttpClientSettings, toolbox: Toolbox
    ) -> None:
        super().__init__(settings, globals_, http, toolbox)
        self._url = self.address("")
        self._updated: dict[str, bool] = {}
        for name, default in (("summary", SUMMARY), ("description", DESCRIPTION)):
            template, updated = _field(getattr(settings, name), default)
            self.wording.put(name, compiled(template, toolbox.texts, f"jira {name}"))
            self._updated[name] = updated

    async def send(self, message: Message) -> str | None:
        said = await self.toolbox.offload(self.wording.say, message)
        issue = await self._find(message, said)
        if issue is None and message.status != FIRING:
            return None
        for request in self.requests(message, said, {"issue": str(issue["key"]) if issue else ""}):
            await self.poster.ask(request)
        if issue is not None:
            await self._move(issue, firing=message.status == FIRING)
        return None

    def requests(self, message: Message, said: Said, secrets: Mapping[str, str]) -> Iterable[Request]:
        fields = self._fields(message, said)
        issue = secrets["issue"]
        if not issue:
            yield posting(f"{self._url}/issue", {"fields": fields}, LANGUAGE)
            return
        kept = {name: value for name, value in fields.items() if self._updated.get(name, True)}
        yield posting(f"{self._url}/issue/{quote(issue)}", {"fields": kept}, LANGUAGE, "PUT")

    def _fields(self, message: Message, said: Said) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "project": {"key": said["project"]},
            "issuetype": {"name": said["issue_type"]},
            "summary": line(SUMMARY_CHARS_MAX).cut(" ".join(said["summary"].split())),
            "labels": sorted([*said["labels"], _label(message)]),
        }
        if description := said.fitted(Limit(DESCRIPTION_CHARS_MAX)).strip():
            fields["description"] = _document(description) if self._url.endswith("/3") else description
        if priority := said["priority"].strip():
            fields["priority"] = {"name": priority}
        return fields | dict(typed(said["fields"]))

    async def _find(self, message: Message, said: Said) -> dict[str, Any] | None:
        """The group's issue, open or closed not too long ago; None when there is none."""
        wanted = {"jql": self._query(message, said), "maxResults": 2, "fields": ["status"]}
        found = await self._said(posting(self._search_url(), wanted, LANGUAGE))
        issues = found.get("issues")
        return issues[0] if isinstance(issues, list) and issues else None

    def _query(self, message: Message, said: Said) -> str:
        settings, parts = self.settings, []
        if settings.wont_fix_resolution:
            parts.append(f"(resolution is EMPTY or resolution != {json.dumps(settings.wont_fix_resolution)})")
        minutes = settings.reopen_duration_ms // 60_000
        if message.status == FIRING and settings.reopen_transition and minutes:
            parts.append(f"(resolutiondate is EMPTY OR resolutiondate >= -{minutes}m)")
        else:
            parts.append("statusCategory != Done")
        parts += [f"project={json.dumps(said['project'])}", f"labels={json.dumps(_label(message))}"]
        return " and ".join(parts) + " order by status ASC,resolutiondate DESC"

    def _search_url(self) -> str:
        kind = self.settings.api_type or "auto"
        host = urlsplit(self._url).hostname or ""
        if kind == "cloud" or (kind == "auto" and host.endswith("atlassian.net")):
            return f"{self._url}/search/jql".replace("/rest/api/2/", "/rest/api/3/", 1)
        return f"{self._url}/search"

    async def _move(self, issue: Mapping[str, Any], *, firing: bool) -> None:
        try:
            done = issue["fields"]["status"]["statusCategory"]["key"] == DONE
        except (KeyError, TypeError):
            return
        wanted = self.settings.reopen_transition if firing else self.settings.resolve_transition
        if done != firing or not wanted:
            return
        where = f"{self._url}/issue/{quote(str(issue['key']))}/transitions"
        offered = (await self._said(Request(where, headers=LANGUAGE, method="GET"))).get("transitions", [])
        number = next((str(one["id"]) for one in offered if one.get("name") == wanted), None)
        if number is None:
            names = ", ".join(str(one.get("name")) for one in offered) or "none"
            raise ChannelError(f"Jira issue {issue['key']} has no transition {wanted!r}, only {names}", retryable=False)
        await self.poster.ask(posting(where, {"transition": {"id": number}}, LANGUAGE))

    async def _said(self, request: Request) -> dict[str, Any]:
        return said_json(await self.poster.ask(request), "Jira")


def _label(message: Message) -> str:
    return f"ALERT{{{group_hash(message)}}}"


def _field(given: Any, default: str) -> tuple[str, bool]:
    """The template, and whether an issue that is there already is updated."""
    if isinstance(given, dict):
        updated = str(given.get("enable_update", "true")).lower() not in ("false", "no", "off")
        return str(given.get("template", default)), updated
    return default if given is None else str(given), True


def _document(text: str) -> Any:
    """The third API takes documents: the template may give one as JSON, plain text is made into one."""
    try:
        read = orjson.loads(text)
    except orjson.JSONDecodeError:
        read = None
    if isinstance(read, dict):
        return read
    paragraphs = [
        {"type": "paragraph", "content": [{"type": "text", "text": line}]} for line in text.split("\n") if line.strip()
    ]
    return {"version": 1, "type": "doc", "content": paragraphs}
