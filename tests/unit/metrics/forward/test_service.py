"""Remotes come, change and go with the settings; positions outlive the process; the log keeps what is needed."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from fenghuo.base.clock import settle
from fenghuo.base.errors import OperatingError
from fenghuo.base.guard import Guard
from fenghuo.metrics.forward import service
from fenghuo.metrics.forward.position import PositionFile, Progress
from fenghuo.metrics.forward.service import Forwarding, ForwardParts
from fenghuo.metrics.forward.settings import RemoteWriteSettings
from fenghuo.model.labels import EMPTY, Labels
from fenghuo.model.sample import Metadata
from fenghuo.model.tailed import Position
from unit.metrics.forward.conftest import Lab
from unit.metrics.forward.receiver import Receiver, inline, says

pytestmark = pytest.mark.anyio


class Field:
    """A service whose remotes send to receivers by URL."""

    def __init__(self, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lab = lab
        self.receivers: dict[str, Receiver] = {}
        self.registry = CollectorRegistry()
        monkeypatch.setattr(service, "HttpClient", lambda settings, agent: self.receiver(settings.url))

    def receiver(self, url: str) -> Receiver:
        return self.receivers.setdefault(url, Receiver(self.lab.clock))

    @contextlib.asynccontextmanager
    async def running(self, *settings: RemoteWriteSettings, external: Labels = EMPTY) -> AsyncIterator[Forwarding]:
        lab, self.registry = self.lab, CollectorRegistry()
        directory = lab.directory / "forward"
        guard = Guard(self.registry)
        parts = ForwardParts(lab.store.tail(), directory, lab.clock, self.registry, guard, _nothing, inline)
        async with Forwarding(parts) as forwarding:
            await forwarding.apply(settings, external)
            await settle()
            yield forwarding


async def _nothing() -> dict[str, list[Metadata]]:
    return {}


@pytest.fixture
def field(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Field:
    return Field(lab, monkeypatch)


@pytest.fixture(autouse=True)
def _no_draining(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stop waits by the event loop's clock, which these tests do not move."""
    monkeypatch.setattr(service, "DRAIN_S", 0.0)


def remote(url: str = "http://a/write", **keys: object) -> RemoteWriteSettings:
    return RemoteWriteSettings.model_validate({"url": url, "metadata_config": {"send": False}, **keys})


async def test_a_new_remote_begins_with_what_is_appended_next(lab: Lab, field: Field) -> None:
    lab.append("a", before=1.0)
    async with field.running(remote()):
        later = lab.append("a", after=1.0)
        await lab.clock.advance(6)

    assert field.receiver("http://a/write").samples == later


async def test_after_a_crash_each_remote_goes_on_from_where_it_was_saved(lab: Lab, field: Field) -> None:
    """What was acknowledged a second before is not sent again; what nobody acknowledged is."""
    receiver = field.receiver("http://a/write")
    async with field.running(remote()):
        lab.append("a", first=1.0)
        await lab.clock.advance(7)
        receiver.answers = [says(503)]
        lab.append("a", second=1.0)
        await lab.clock.advance(7)
    lab.reopen()
    lab.append("b", third=1.0)
    receiver.answers = [says(200)]
    async with field.running(remote()):
        await lab.clock.advance(12)

    assert Counter(receiver.samples) == Counter(lab.written)


async def test_a_reload_leaves_alone_what_did_not_change_and_goes_on_where_it_did(lab: Lab, field: Field) -> None:
    one, other = remote("http://a/write"), remote("http://b/write")
    async with field.running(one, other) as forwarding:
        lab.append("a", before=1.0)
        await lab.clock.advance(3)
        before = {each.plan.label: each.remote for each in forwarding._running.values()}
        changed = remote("http://b/write", queue_config={"batch_send_deadline": "1s"})
        await forwarding.apply([one, changed])
        after = {each.plan.label: each.remote for each in forwarding._running.values()}
        assert after["http://a/write"] is before["http://a/write"]
        assert after["http://b/write"] is not before["http://b/write"]
        lab.append("a", after=2.0)
        await lab.clock.advance(7)

    assert Counter(field.receiver("http://a/write").samples) == Counter(lab.written)
    assert Counter(field.receiver("http://b/write").samples) == Counter(lab.written)


async def test_a_remote_that_is_taken_out_is_forgotten(lab: Lab, field: Field) -> None:
    async with field.running(remote(name="far")) as forwarding:
        assert field.registry.get_sample_value("fenghuo_remote_write_samples_total", {"remote": "far"}) == 0
        assert len(list((lab.directory / "forward").iterdir())) == 1
        await forwarding.apply([])
        assert field.registry.get_sample_value("fenghuo_remote_write_samples_total", {"remote": "far"}) is None
        assert list((lab.directory / "forward").iterdir()) == []
        lab.append("a", between=1.0)
        await forwarding.apply([remote(name="far")])
        later = lab.append("a", later=1.0)
        await lab.clock.advance(7)

    assert field.receiver("http://a/write").samples == later


async def test_a_name_keeps_its_place_when_the_receiver_moves(lab: Lab, field: Field) -> None:
    field.receiver("http://old/write").answers = [says(503)]
    async with field.running(remote("http://old/write", name="far")) as forwarding:
        lab.append("a", up=1.0)
        await lab.clock.advance(7)
        await forwarding.apply([remote("http://new/write", name="far")])
        await lab.clock.advance(7)

    assert field.receiver("http://new/write").samples == lab.written


async def test_two_remotes_with_one_url_are_two(lab: Lab, field: Field) -> None:
    rules = [{"source_labels": ["__name__"], "regex": "up", "action": "drop"}]
    async with field.running(remote(), remote(write_relabel_configs=rules)) as forwarding:
        assert [each.plan.label for each in forwarding._running.values()] == ["http://a/write", "http://a/write (2)"]
        lab.append("a", up=1.0, down=0.0)
        await lab.clock.advance(7)

    assert sorted(len(request.samples) for request in field.receiver("http://a/write").requests) == [1, 2]


async def test_segments_are_kept_while_a_remote_needs_them_and_no_longer(lab: Lab, field: Field) -> None:
    receiver = field.receiver("http://a/write")
    receiver.answers = [says(503)]
    wal = lab.directory / "store" / "wal"
    async with field.running(remote()):
        lab.append("a", up=1.0)
        lab.clock.step_wall(4 * 3600)
        lab.store.keeper.maintain()
        assert [path.suffix for path in wal.iterdir()] == [".kept"]
        receiver.answers = [says(200)]
        await lab.clock.advance(10)
        lab.append("a", up=2.0)
        await lab.clock.advance(10)
        assert [path.suffix for path in wal.iterdir()] == [".wal"]

    assert receiver.samples == lab.written


async def test_a_fault_that_nobody_foresaw_ends_no_remote(lab: Lab, field: Field) -> None:
    receiver = field.receiver("http://a/write")
    faults = [ZeroDivisionError("nobody foresaw this")]

    async def fail_once() -> None:
        if faults:
            raise faults.pop()

    receiver.hold = fail_once
    async with field.running(remote()):
        lab.append("a", up=1.0)
        await lab.clock.advance(20)

    assert receiver.samples == lab.written


async def test_a_directory_that_cannot_be_written_refuses_a_new_remote(lab: Lab, field: Field) -> None:
    (lab.directory / "forward").write_text("in the way")
    async with field.running() as forwarding:
        with pytest.raises(OperatingError, match="position of a remote write cannot be kept"):
            await forwarding.apply([remote()])
        assert forwarding.troubles() == []


PROGRESS = Progress(Position(7, 4711), Position(8, 99), 3)


def test_progress_comes_back(tmp_path: Path) -> None:
    file = PositionFile(tmp_path / "x.position")
    assert file.load() is None
    for progress in (Progress(Position(6, 1)), PROGRESS):
        file.note(progress)
        file.sync()
        assert PositionFile(file.path).load() == progress
    file.close()


def test_a_torn_write_leaves_what_was_noted_before(tmp_path: Path) -> None:
    file = PositionFile(tmp_path / "x.position")
    file.note(Progress(Position(6, 1)))
    file.note(PROGRESS)
    file.note(Progress(Position(9, 9)))
    file.close()
    data = bytearray(file.path.read_bytes())
    for slot in (0, 512):
        for at in range(slot, slot + 56):
            torn = data.copy()
            torn[at] ^= 0x40
            file.path.write_bytes(torn)
            assert PositionFile(file.path).load() == (PROGRESS if slot == 512 else Progress(Position(9, 9)))


@pytest.mark.parametrize("data", [b"x", b"FHPOS", bytes(2000), b"\xff" * 600])
def test_a_damaged_file_means_all_again_rather_than_nothing(
    tmp_path: Path, data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "x.position"
    path.write_bytes(data)

    assert PositionFile(path).load() == Progress(Position(0, 0))
    assert str(path) in caplog.text
