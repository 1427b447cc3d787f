"""File discovery: what happens to groups when files change, break and go."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fenghuo.metrics.collect.discovery.file import FileReader


class Folder:
    """A directory and a reader of its YAML files."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._tick = 0
        self.reader = FileReader((str(path / "*.yml"),))

    def write(self, name: str, text: str) -> None:
        """Replace a file the way editors do: by a rename; its time is always another."""
        self._tick += 1
        fresh = self._path / "fresh.tmp"
        fresh.write_text(text)
        os.utime(fresh, ns=(self._tick, self._tick))
        fresh.rename(self._path / name)

    def remove(self, name: str) -> None:
        (self._path / name).unlink()

    def addresses(self) -> list[str]:
        return [target["__address__"] for group in self.reader.groups for target in group.targets]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_groups_carry_the_name_of_their_file(folder: Folder, tmp_path: Path) -> None:
    folder.write("a.yml", "- targets: [a]")
    assert folder.reader.read(all_files=True)
    (group,) = folder.reader.groups
    assert group.source == f"{tmp_path}/a.yml:0"
    assert dict(group.labels) == {"__meta_filepath": f"{tmp_path}/a.yml"}


def test_only_what_changed_is_news(folder: Folder) -> None:
    folder.write("a.yml", "- targets: [a]")
    assert folder.reader.read(all_files=True)
    assert not folder.reader.read(all_files=False)
    assert not folder.reader.read(all_files=True)
    folder.write("a.yml", "# another comment\n- targets: [a]")
    assert not folder.reader.read(all_files=False)
    folder.write("a.yml", "- targets: [b]")
    assert folder.reader.read(all_files=False)
    assert folder.addresses() == ["b"]


def test_a_broken_file_keeps_its_last_groups_until_it_is_mended(folder: Folder) -> None:
    folder.write("a.yml", "- targets: [a]")
    folder.write("b.yml", "- targets: [b]")
    folder.reader.read(all_files=True)
    folder.write("a.yml", "- targets: [c]\n- null")
    assert not folder.reader.read(all_files=False)
    assert folder.addresses() == ["a", "b"]
    assert [problem.rpartition("/")[2] for problem in folder.reader.problems] == [
        "a.yml:2 [1]: empty or null section (remove the lone dash, or write something behind it)"
    ]
    assert not folder.reader.read(all_files=False)
    assert len(folder.reader.problems) == 1
    folder.write("a.yml", "- targets: [c]")
    assert folder.reader.read(all_files=False)
    assert folder.addresses() == ["c", "b"]
    assert folder.reader.problems == ()


def test_a_file_that_was_never_good_gives_nothing(folder: Folder) -> None:
    folder.write("a.yml", "targets: [a]")
    assert not folder.reader.read(all_files=True)
    assert folder.reader.groups == ()
    assert len(folder.reader.problems) == 1


def test_files_come_and_go(folder: Folder) -> None:
    folder.write("a.yml", "- targets: [a]")
    folder.reader.read(all_files=True)
    folder.write("b.yml", "- targets: [b]")
    assert folder.reader.read(all_files=False)
    assert folder.addresses() == ["a", "b"]
    folder.remove("a.yml")
    assert folder.reader.read(all_files=False)
    assert folder.addresses() == ["b"]
