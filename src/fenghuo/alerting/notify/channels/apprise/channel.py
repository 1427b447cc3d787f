"""Hands messages to apprise, in worker threads: the library asks with blocking calls of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from fenghuo.alerting.notify.channels.apprise.settings import AppriseSettings
from fenghuo.alerting.notify.channels.channel import ChannelError
from fenghuo.alerting.notify.channels.services.said import Wording
from fenghuo.alerting.notify.channels.toolbox import Toolbox
from fenghuo.alerting.notify.message import FIRING, Message
from fenghuo.base.late import Later

APPRISE: Final = Later("apprise", "Apprise")
"""The library with its hundred services is loaded for the first message."""
CONVERTED: Final = Later("apprise.conversion", "convert_between")


class AppriseChannel:
    """The URLs of one entry."""

    kind = AppriseSettings.kind

    def __init__(self, settings: AppriseSettings, toolbox: Toolbox) -> None:
        self._settings = settings
        self._toolbox = toolbox
        self._wording = Wording(toolbox.texts, "title", "message")
        self._wording.add(settings.kind, settings, ("title", "message"), {})

    @property
    def send_resolved(self) -> bool:
        return self._settings.send_resolved

    def preview(self, message: Message) -> str:
        """Title and text. Blocking."""
        said = self._wording.say(message)
        return f"{said['title']}\n\n{said['message'].strip()}"

    async def send(self, message: Message) -> str | None:
        """A service that fails keeps no other from being told, and is remarked; it fails when all do."""
        timeout_s = self._settings.timeout_ms / 1000
        try:
            async with asyncio.timeout(timeout_s):
                failed: list[str] = await self._toolbox.offload(self._tell, message)
        except TimeoutError as error:
            raise ChannelError(f"apprise did not end within {timeout_s:g} s", retryable=True) from error
        if len(failed) == len(self._settings.urls):
            raise ChannelError("; ".join(failed), retryable=True)
        return "; ".join(failed) or None

    def _tell(self, message: Message) -> list[str]:
        """What failed. Raises ChannelError for a URL of a service that apprise does not know."""
        said = self._wording.say(message)
        words: Mapping[str, Any] = {
            "title": said["title"],
            "body": said["message"].strip() or said["title"],
            "notify_type": "failure" if message.status == FIRING else "success",
        }
        failed = []
        for number, url in enumerate(self._settings.urls, 1):
            service = APPRISE.get().instantiate(url.reveal())
            scheme = url.reveal().partition("://")[0]
            if service is None:
                raise ChannelError(
                    f"apprise does not understand URL {number} ({scheme}://…)",
                    retryable=False,
                    remedy="compare it with apprise's list of services",
                )
            # The service itself, not the library's dispatcher: that one keeps threads of its own.
            body = CONVERTED.get()("text", service.notify_format, words["body"])
            if not service.notify(**{**words, "body": body}):
                failed.append(f"{scheme} (URL {number}) did not take the message")
        return failed
