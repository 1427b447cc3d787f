"""``fenghuo inspect``: what it prints and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry
from typer.testing import CliRunner

from fenghuo.base.clock import ManualClock
from fenghuo.base.errors import InputError
from fenghuo.cli.inspect import inspect_app
from fenghuo.metrics.store import Store, StoreSettings
from fenghuo.model.labels import Labels


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A server's directory whose store has a block and a segment."""
    clock = ManualClock(20_000 * 86_400_000)
    store = Store.open(tmp_path / "metrics", StoreSettings(), clock, CollectorRegistry())
    for _ in range(200):
        store.append_samples([Labels({"__name__": "m"})], np.array([clock.now_ms()]), np.array([1.5]))
        clock.step_wall(60)
    store.keeper.maintain()
    store.close()
    return tmp_path


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(inspect_app, [str(each) for each in arguments])
    return result.exit_code, result.stdout


def damage(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def test_whole_files_are_shown_with_exit_code_0(data_dir: Path) -> None:
    code, said = run("block", data_dir, "--verify")
    assert code == 0
    assert "2024-10-04T00:00:00Z to 2024-10-04T01:59:00Z" in said
    assert "no damage found" in said
    code, said = run("block", "-o", "json", data_dir / "metrics")
    (block,) = json.loads(said)["blocks"]
    assert (code, block["samples"], block["series"], block["metrics"][0]["name"]) == (0, 120, 1, "m")
    assert block["bytes_per_sample"] == block["size_bytes"] / 120
    code, said = run("wal", "-o", "json", data_dir)
    (segment,) = json.loads(said)["segments"]
    assert (code, segment["samples"]) == (0, 200)
    code, said = run("store", data_dir)
    assert code == 0
    assert "blocks: 1 files" in said
    assert "wal: 1 files" in said


@pytest.mark.parametrize(("kind", "suffix", "place"), [("block", "block", 20), ("wal", "wal", 300)])
def test_damage_is_exit_code_1(data_dir: Path, kind: str, suffix: str, place: int) -> None:
    (path,) = (data_dir / "metrics").rglob(f"*.{suffix}")
    damage(path, place)
    code, said = run(kind, path, *(["--verify"] if kind == "block" else []))
    assert code == 1
    assert "damaged at byte" in said
    assert run("store", data_dir, "--verify")[0] == 1
    code, said = run("store", data_dir, "--verify", "-o", "json")
    assert code == 1
    assert [len(each["flaws"]) for group in json.loads(said).values() for each in group].count(1) == 1


def test_a_path_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    result = CliRunner().invoke(inspect_app, ["block", str(tmp_path / "none.block")])
    assert "cannot be read" in str(result.exception)
    result = CliRunner().invoke(inspect_app, ["wal", str(tmp_path)])
    assert "no *.wal in it" in str(result.exception)
    for place in (tmp_path / "none", Path(__file__)):
        result = CliRunner().invoke(inspect_app, ["store", str(place)])
        assert isinstance(result.exception, InputError)
        assert "is not a directory" in str(result.exception)
