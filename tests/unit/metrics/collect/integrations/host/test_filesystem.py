"""File systems: which are shown, what of them, and what a dead one does."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fenghuo.metrics.collect.integrations.host.bounded import BoundedCalls
from fenghuo.metrics.collect.integrations.host.collector import Collector, Host
from fenghuo.metrics.collect.integrations.host.filesystem import FilesystemCollector

MakeHost = Callable[..., Host]
Collected = Callable[[Collector], dict[str, float]]

MOUNTS = """\
/dev/vda / ext4 rw,relatime 0 0
/dev/vda / ext4 rw,relatime 0 0
proc /proc proc rw 0 0
tmpfs /dev/shm tmpfs rw 0 0
/dev/sr0 /media/my\\040disk vfat ro,nosuid 0 0
"""


def statvfs(path: str) -> os.statvfs_result:
    return os.statvfs_result((4096, 512, 100, 40, 30, 20, 10, 10, 0, 255))


def test_size_is_in_bytes_and_pseudo_file_systems_are_left_out(make_host: MakeHost, collected: Collected) -> None:
    found = collected(FilesystemCollector(make_host({"proc/1/mounts": MOUNTS}), statvfs))
    root = '{device="/dev/vda", mountpoint="/", fstype="ext4"}'
    cd = '{device="/dev/sr0", mountpoint="/media/my disk", fstype="vfat"}'
    expected = {
        "device_error": 0, "size_bytes": 51200, "free_bytes": 20480, "avail_bytes": 15360, "files": 20,
        "files_free": 10,
    }  # fmt: skip
    assert found == {
        **{f"node_filesystem_{name}{labels}": value for labels in (root, cd) for name, value in expected.items()},
        f"node_filesystem_readonly{root}": 0,
        f"node_filesystem_readonly{cd}": 1,
    }


def test_exclusions_are_settings(make_host: MakeHost, collected: Collected) -> None:
    host = make_host(
        {"proc/1/mounts": MOUNTS}, filesystem_mount_points_exclude="^/media", filesystem_fs_types_exclude="^proc$"
    )
    points = {series.split('mountpoint="')[1].split('"')[0] for series in collected(FilesystemCollector(host, statvfs))}
    assert points == {"/", "/dev/shm"}


def test_where_the_hosts_root_is_mounted_elsewhere_mounts_are_named_as_the_host_names_them(
    make_host: MakeHost, collected: Collected
) -> None:
    asked: list[str] = []

    def noting(path: str) -> os.statvfs_result:
        asked.append(path)
        return statvfs(path)

    host = make_host({})
    mounts = f"/dev/vda {host.root} ext4 rw 0 0\n/dev/vdb {host.root}/data ext4 rw 0 0\n"
    make_host({"proc/self/mounts": mounts})
    found = collected(FilesystemCollector(host, noting))
    assert 'node_filesystem_size_bytes{device="/dev/vda", mountpoint="/", fstype="ext4"}' in found
    assert 'node_filesystem_size_bytes{device="/dev/vdb", mountpoint="/data", fstype="ext4"}' in found
    assert [Path(path) for path in asked] == [host.root, host.root / "data"]


@pytest.fixture
def answer() -> Iterator[threading.Event]:
    """Set at the end, so that no helper thread outlives the test."""
    event = threading.Event()
    yield event
    event.set()


def test_a_file_system_that_does_not_answer_is_reported_until_it_does(
    make_host: MakeHost, collected: Collected, answer: threading.Event
) -> None:
    asked: list[str] = []

    def hanging(path: str) -> os.statvfs_result:
        asked.append(path)
        if path.endswith("disk"):
            answer.wait(30)
        return statvfs(path)

    host = make_host({"proc/1/mounts": MOUNTS}, filesystem_timeout_ms=100)
    collector = FilesystemCollector(host, hanging)
    dead = 'node_filesystem_device_error{device="/dev/sr0", mountpoint="/media/my disk", fstype="vfat"}'
    size = 'node_filesystem_size_bytes{device="/dev/vda", mountpoint="/", fstype="ext4"}'
    for _ in range(2):
        found = collected(collector)
        assert found[dead] == 1
        assert found[size] == 51200
        assert not any("sr0" in series for series in found if series != dead)
    assert sum(path.endswith("disk") for path in asked) == 1, "a stuck file system was asked again"
    answer.set()
    for thread in threading.enumerate():
        if thread.name.startswith("bounded"):
            thread.join(10)
    assert collected(collector)[dead] == 0


def test_an_error_of_the_work_is_the_callers() -> None:
    def failing(key: str) -> None:
        raise PermissionError(13, "not you", key)

    with pytest.raises(PermissionError, match="not you"):
        BoundedCalls(failing, 10).call("/x")
