"""A reload swaps the whole configuration or keeps the old one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import anyio.to_thread
import pytest
from prometheus_client import CollectorRegistry

from fenghuo.api.audit.trail import Trail
from fenghuo.app.configuration import Configuration, load_configuration
from fenghuo.app.glue import NoticeOptions
from fenghuo.app.options import Address, ServerOptions
from fenghuo.app.program import ConfigurationHolder, Program
from fenghuo.app.server import _reload_when_asked
from fenghuo.base.clock import ManualClock
from fenghuo.base.errors import InputError
from fenghuo.base.guard import Guard
from fenghuo.model.audit import AuditEntry, AuditFilter

pytestmark = pytest.mark.anyio

TEXT = "packs: []\nscrape_configs: [{{job_name: {name}, static_configs: [{{targets: ['h:1']}}]}}]\n"


class Store:
    """What the audit trail is written to."""

    def __init__(self) -> None:
        self.entries: list[AuditEntry] = []

    def add(self, entries: Sequence[AuditEntry]) -> None:
        self.entries += entries

    def find(self, wanted: AuditFilter, limit: int) -> list[AuditEntry]:
        return self.entries[-limit:]


class Part:
    """Remembers the jobs that it was given; refuses those it is told to."""

    def __init__(self, refuses: str = "", breaks: str = "") -> None:
        self.given: list[str] = []
        self._refuses = refuses
        self._breaks = breaks

    async def apply(self, configuration: Configuration) -> None:
        name = configuration.settings.jobs[0].job_name
        if name == self._refuses:
            raise InputError(f"cannot work with {name}")
        if name == self._breaks:
            raise ZeroDivisionError
        self.given.append(name)


async def holder(tmp_path: Path, clock: ManualClock, registry: CollectorRegistry, *parts: Part) -> ConfigurationHolder:
    path = tmp_path / "fenghuo.yml"
    path.write_text(TEXT.format(name="first"))
    configuration = await anyio.to_thread.run_sync(load_configuration, path, {})
    made = ConfigurationHolder(ServerOptions(config=path, environment={}), configuration, clock, registry)
    for part in parts:
        await made.serve(part.apply)
    return made


async def test_every_part_gets_the_new_one(tmp_path: Path, clock: ManualClock, registry: CollectorRegistry) -> None:
    parts = Part(), Part()
    made = await holder(tmp_path, clock, registry, *parts)
    (tmp_path / "fenghuo.yml").write_text(TEXT.format(name="second"))
    await clock.advance(60)
    await made.reload()

    assert [part.given for part in parts] == [["first", "second"], ["first", "second"]]
    assert "job_name: second" in made.yaml()
    assert (made.state.ok, made.state.at_ms) == (True, clock.now_ms())
    assert registry.get_sample_value("fenghuo_config_last_reload_successful") == 1


async def test_a_bad_file_changes_nothing(tmp_path: Path, clock: ManualClock, registry: CollectorRegistry) -> None:
    part = Part()
    made = await holder(tmp_path, clock, registry, part)
    loaded_ms = made.state.at_ms
    (tmp_path / "fenghuo.yml").write_text("scrape_configs: [{job_name: x, bad: 1, worse: 2}]")
    await clock.advance(60)

    with pytest.raises(InputError) as caught:
        await made.reload()

    assert "bad" in str(caught.value)
    assert "worse" in str(caught.value)
    assert part.given == ["first"]
    assert "job_name: first" in made.yaml()
    assert (made.state.ok, made.state.at_ms) == (False, loaded_ms)
    assert registry.get_sample_value("fenghuo_config_last_reload_successful") == 0


async def test_a_part_that_refuses_takes_the_others_back(
    tmp_path: Path, clock: ManualClock, registry: CollectorRegistry
) -> None:
    willing, unwilling = Part(), Part(refuses="second")
    made = await holder(tmp_path, clock, registry, willing, unwilling)
    (tmp_path / "fenghuo.yml").write_text(TEXT.format(name="second"))

    with pytest.raises(InputError, match="cannot work with second"):
        await made.reload()

    assert willing.given == ["first", "second", "first"]
    assert unwilling.given == ["first"]
    assert "job_name: first" in made.yaml()


async def test_a_part_that_breaks_down_takes_the_others_back_too(
    tmp_path: Path, clock: ManualClock, registry: CollectorRegistry
) -> None:
    willing, broken = Part(), Part(breaks="second")
    made = await holder(tmp_path, clock, registry, willing, broken)
    (tmp_path / "fenghuo.yml").write_text(TEXT.format(name="second"))

    with pytest.raises(ZeroDivisionError):
        await made.reload()

    assert willing.given == ["first", "second", "first"]
    assert "job_name: first" in made.yaml()
    assert not made.state.ok


async def test_what_notices_take_follows_the_configuration_that_is_being_applied(
    tmp_path: Path, clock: ManualClock, registry: CollectorRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    made = await holder(tmp_path, clock, registry)
    options, unwilling = NoticeOptions(made, Address("127.0.0.1", 1)), Part(refuses="third")
    seen = []

    async def look(_: Configuration) -> None:
        seen.append((options.external_url(), options.texts().language.value))

    await made.serve(look)
    await made.serve(unwilling.apply)
    changed = "server: {external_url: 'https://watch.example.com/'}\nlanguage: zh\n"
    (tmp_path / "fenghuo.yml").write_text(TEXT.format(name="second") + changed)
    await made.reload()
    assert "takes effect at the next start" not in caplog.text
    (tmp_path / "fenghuo.yml").write_text(TEXT.format(name="third"))
    with pytest.raises(InputError):
        await made.reload()
    first, second = ("http://127.0.0.1:1", "both"), ("https://watch.example.com", "zh")
    assert seen == [first, second, first, second]
    (tmp_path / "fenghuo.yml").write_text(TEXT.format(name="second") + "server: {listen: '127.0.0.1:9'}")
    await made.reload()
    assert "the section 'server' changed; that takes effect at the next start" in caplog.text


async def test_a_reload_that_breaks_down_is_not_the_last(
    tmp_path: Path, clock: ManualClock, registry: CollectorRegistry
) -> None:
    part = Part(breaks="second")
    made = await holder(tmp_path, clock, registry, part)
    asked = asyncio.Event()
    store = Store()
    guard = Guard(registry)
    trail = Trail(store, clock, registry, guard)
    program = Program("", made, (), (), guard, trail)
    following = asyncio.create_task(_reload_when_asked(program, asked))
    reloads = registry.get_sample_value
    (tmp_path / "fenghuo.yml").write_text(TEXT.format(name="second"))
    asked.set()
    while not reloads("fenghuo_unexpected_faults_total", {"part": "reload"}):
        assert not following.done()
        await asyncio.sleep(0)
    (tmp_path / "fenghuo.yml").write_text(TEXT.format(name="third"))
    asked.set()
    while part.given != ["first", "third"]:
        assert not following.done()
        await asyncio.sleep(0)
    following.cancel()
    async with trail:
        pass
    assert [(entry.action, entry.detail["outcome"]) for entry in store.entries] == [
        ("config.reload", "refused"),
        ("config.reload", "done"),
    ]


def test_without_a_file_everything_goes_at_fifteen_seconds() -> None:
    configuration = load_configuration(None, {})

    assert configuration.settings.global_.interval_ms == 15_000
    assert configuration.rules("http://x").evaluation_interval_ms == 15_000
    assert {group.name for file in configuration.rule_files for group in file.groups}
