"""The discovery systems that are spoken here: ``static_configs``, ``file_sd_configs``, ``http_sd_configs``."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, Field, model_validator

from fenghuo.base.document import DictOf, ListOf, Path, RefusedError, RefusedManyError, Settings
from fenghuo.model.http_settings import HttpClientSettings
from fenghuo.model.settings_types import DurationMs, FilePattern, HttpUrl

_FILE_PATTERN: Final = re.compile(r"[^*]*(\*[^/]*)?\.(json|yml|yaml|JSON|YML|YAML)\Z")


def check_address(address: str) -> str:
    """``address`` when it may be that of a target; raises RefusedError for a URL."""
    if "/" in address:
        raise RefusedError(
            f"{address!r} is not a valid hostname",
            "write host:port only; the scheme goes into scheme, the path into metrics_path",
        )
    return address


def _pattern(value: str) -> str:
    if _FILE_PATTERN.match(value) is None:
        raise RefusedError(
            f"path {value!r} is not valid for file discovery",
            "end it in .json, .yml or .yaml, with at most one * and that in the file's name",
        )
    return value


def _labels(value: dict[str, str]) -> dict[str, str]:
    if "" in value:
        raise RefusedError("a label name cannot be empty")
    return value


def _not_null(value: Any) -> Any:
    if value is None:
        raise RefusedError("empty or null section", "remove the lone dash, or write something behind it")
    return value


class GroupSettings(Settings):
    """A group of targets as files, HTTP answers and ``static_configs`` write it."""

    targets: ListOf[str] = Field(default_factory=list)
    labels: Annotated[DictOf[str], AfterValidator(_labels)] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _some_group(cls, value: Any) -> Any:
        return _not_null(value)


class FileDiscoverySettings(Settings):
    """``file_sd_configs``: files of target groups, read again when they change."""

    files: list[Annotated[FilePattern, AfterValidator(_pattern)]]
    refresh_interval_ms: DurationMs = Field(300_000, alias="refresh_interval", gt=0)

    @model_validator(mode="after")
    def _some_file(self) -> Self:
        if not self.files:
            raise RefusedError("file discovery needs at least one path", "add files: [targets/*.yml]")
        return self


class HttpDiscoverySettings(HttpClientSettings):
    """``http_sd_configs``: a URL that answers with target groups in JSON."""

    url: HttpUrl
    refresh_interval_ms: DurationMs = Field(60_000, alias="refresh_interval", gt=0)


class DiscoverySettings(Settings):
    """The keys of all discovery systems that are spoken, as a scrape job or an ``alertmanagers`` entry has them."""

    static_configs: ListOf[GroupSettings] = Field(default_factory=list)
    file_sd_configs: ListOf[FileDiscoverySettings] = Field(default_factory=list)
    http_sd_configs: ListOf[HttpDiscoverySettings] = Field(default_factory=list)

    def check_static_addresses(self) -> None:
        """Raise RefusedManyError for static targets that are URLs. For jobs without relabelling that could mend it."""
        refusals: list[tuple[Path, RefusedError]] = []
        for index, group in enumerate(self.static_configs):
            for number, address in enumerate(group.targets):
                try:
                    check_address(address)
                except RefusedError as error:
                    refusals.append((("static_configs", index, "targets", number), error))
        if refusals:
            raise RefusedManyError(refusals)
