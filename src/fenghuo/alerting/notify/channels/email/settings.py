"""``email_configs``."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Self

from pydantic import BeforeValidator, Field, model_validator

from fenghuo.alerting.notify.channels.settings import ChannelSettings
from fenghuo.base.document import DictOf, RefusedError, Settings
from fenghuo.model.http_settings import TlsSettings, at_most_one
from fenghuo.model.settings_types import FileName, Secret, Text


def _host_and_port(value: Any) -> Any:
    if isinstance(value, str) and value:
        host, colon, port = value.rpartition(":")
        if not colon:
            raise RefusedError(f"address {value}: missing port in address", "write host:port, as in smtp.qq.com:587")
        if not port:
            raise RefusedError(f"address {value}: port cannot be empty")
        if not host.strip("[]"):
            raise RefusedError(f"address {value}: host cannot be empty")
    return value


HostPort = Annotated[Text, BeforeValidator(_host_and_port)]


class ThreadingSettings(Settings):
    """``threading``: mails about one group become one thread in the reader's mailbox."""

    enabled: bool = False
    thread_by_date: Text = "daily"


class EmailSettings(ChannelSettings):
    """One mail for each notice. What is left out comes from ``global.smtp_*``."""

    kind: ClassVar[str] = "email"

    send_resolved: bool = False
    to: Text = ""
    from_: Text = Field(default="", alias="from")
    hello: Text = ""
    smarthost: HostPort = ""
    auth_username: Text = ""
    auth_password: Secret = Secret("")
    auth_password_file: FileName = ""
    auth_secret: Secret = Secret("")
    auth_secret_file: FileName = ""
    auth_identity: Text = ""
    headers: DictOf[str] = Field(default={})
    html: str = '{{ template "email.default.html" . }}'
    text: str = '{{ template "email.default.text" . }}'
    require_tls: bool | None = None
    implicit_tls: bool | None = None
    force_implicit_tls: bool | None = None
    tls_config: TlsSettings | None = None
    threading: ThreadingSettings = ThreadingSettings()
    plot: bool = True
    """Show what the rule watched over the last hour, and its threshold."""

    @model_validator(mode="before")
    @classmethod
    def _subject_is_a_header(cls, value: Any) -> Any:
        if isinstance(value, dict) and "subject" in value:
            raise RefusedError("a mail's subject is one of its headers, not a key", "write headers: {Subject: '…'}")
        return value

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.to:
            raise RefusedError("missing to address in email config")
        at_most_one(self, "auth_password", "auth_password_file")
        at_most_one(self, "auth_secret", "auth_secret_file")
        seen: set[str] = set()
        for name in self.headers:
            if name.lower() in seen:
                raise RefusedError(f"duplicate header {name.title()!r} in email config")
            seen.add(name.lower())
        return self
