"""Amazon SNS: a message published to a topic, a device or a phone."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import ClassVar, Final
from urllib.parse import urlencode

from fenghuo.alerting.notify.channels.channel import ChannelError
from fenghuo.alerting.notify.channels.services.paging import SnsSettings
from fenghuo.alerting.notify.channels.services.said import Said
from fenghuo.alerting.notify.channels.services.service import ServiceChannel, group_hash
from fenghuo.alerting.notify.channels.toolbox import Request
from fenghuo.alerting.notify.cutting import Limit, utf8
from fenghuo.alerting.notify.message import Message
from fenghuo.net.sigv4 import AwsKey, key_from_surroundings, signed_headers

SUBJECT_CHARS_MAX: Final = 100
MESSAGE_BYTES_MAX: Final = 256 * 1024
SMS_BYTES_MAX: Final = 1600
FORM: Final = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
RENEWED_BEFORE_S: Final = 300.0
ROLE_S: Final = 3600.0
_REGION: Final = re.compile(r"arn:[\w-]+:sns:([\w-]+):")


class SnsChannel(ServiceChannel[SnsSettings]):
    """One topic, device or phone."""

    heading = "subject"
    templated = ("api_url", "topic_arn", "target_arn", "phone_number", "attributes")
    defaults: ClassVar[Mapping[str, str]] = {
        "subject": '{{ template "sns.default.subject" . }}',
        "message": '{{ template "sns.default.message" . }}',
    }
    _role: tuple[AwsKey, float] | None = None
    """The key of the role that was taken on, and until when it holds."""

    async def send(self, message: Message) -> str | None:
        key = await self._key()
        said = await self.toolbox.offload(self.wording.say, message)
        region = self._region(said)
        url = said["api_url"].strip() or f"https://sns.{region}.amazonaws.com/"
        (form,) = self.requests(message, said, {"url": url})
        await self.poster.ask(self._signed(key, region, "sns", form))
        return None

    def requests(self, message: Message, said: Said, secrets: Mapping[str, str]) -> Iterable[Request]:
        phone = said["phone_number"]
        text = said.fitted(Limit(SMS_BYTES_MAX if phone else MESSAGE_BYTES_MAX, utf8)).strip() or "(no details)"
        form = {"Action": "Publish", "Version": "2010-03-31", "Message": text}
        for name, field in (("TopicArn", "topic_arn"), ("TargetArn", "target_arn"), ("PhoneNumber", "phone_number")):
            if said[field]:
                form[name] = said[field]
        if said["topic_arn"].endswith(".fifo"):
            form["MessageDeduplicationId"] = form["MessageGroupId"] = group_hash(message)
        if subject := _subject(said["subject"]):
            form["Subject"] = subject
        for number, (name, value) in enumerate(said["attributes"].items(), 1):
            entry = f"MessageAttributes.entry.{number}"
            form |= {f"{entry}.Name": name, f"{entry}.Value.DataType": "String", f"{entry}.Value.StringValue": value}
        yield Request(secrets["url"], urlencode(form).encode(), FORM)

    def _region(self, said: Said) -> str:
        named = _REGION.match(said["topic_arn"] or said["target_arn"])
        region = self.settings.sigv4.region or (named[1] if named else "")
        region = region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or ""
        if not region:
            raise ChannelError("SNS needs a region", retryable=False, remedy="give sigv4: {region: …}")
        return region

    async def _key(self) -> AwsKey:
        given = self.settings.sigv4
        if given.access_key:
            key: AwsKey | None = AwsKey(given.access_key, given.secret_key.reveal())
        else:
            key = await self.toolbox.offload(key_from_surroundings, given.profile)
        if key is None:
            raise ChannelError(
                "there is no key for Amazon",
                retryable=False,
                remedy="give sigv4: {access_key, secret_key}, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
            )
        return await self._assumed(key) if given.role_arn else key

    async def _assumed(self, key: AwsKey) -> AwsKey:
        """The key of the role that the settings name."""
        now_s = self.toolbox.clock.monotonic_s()
        if self._role is not None and now_s < self._role[1]:
            return self._role[0]
        given = self.settings.sigv4
        form = {"Action": "AssumeRole", "Version": "2011-06-15", "RoleArn": given.role_arn}
        form |= {"RoleSessionName": "fenghuo"} | ({"ExternalId": given.external_id} if given.external_id else {})
        region = given.region or "us-east-1"
        host = f"sts-fips.{region}" if given.use_fips_sts_endpoint else f"sts.{region}"
        request = Request(f"https://{host}.amazonaws.com/", urlencode(form).encode(), FORM)
        answer = await self.poster.ask(self._signed(key, region, "sts", request))
        text = answer.body.decode("utf-8", "replace")
        parts = [re.search(f"<{name}>([^<]+)</{name}>", text) for name in ("AccessKeyId", "SecretAccessKey")]
        token = re.search("<SessionToken>([^<]+)</SessionToken>", text)
        if parts[0] is None or parts[1] is None or token is None:
            raise ChannelError("Amazon's token service answered without a key", retryable=True)
        taken = AwsKey(parts[0][1].strip(), parts[1][1].strip(), token[1].strip())
        self._role = (taken, now_s + ROLE_S - RENEWED_BEFORE_S)
        return taken

    def _signed(self, key: AwsKey, region: str, service: str, request: Request) -> Request:
        data = request.data or b""
        at_ms = self.toolbox.clock.now_ms()
        return Request(
            request.url, data, signed_headers(key, region, service, "POST", request.url, request.headers, data, at_ms)
        )


def _subject(text: str) -> str:
    """SNS takes ASCII in one line for a subject; the rest is in the message."""
    ascii_only = text.encode("ascii", "ignore").decode()
    return " ".join(ascii_only.split())[:SUBJECT_CHARS_MAX]
