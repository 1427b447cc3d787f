"""Prometheus' target files: file_sd, http_sd and promtool's check of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fenghuo.base.errors import InputError
from fenghuo.metrics.collect.discovery.file import FILEPATH_LABEL, FileReader
from fenghuo.metrics.collect.discovery.groups import TargetGroup, parse_groups


@pytest.fixture(scope="session")
def expected(conformance: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((conformance / "prometheus" / "file_sd" / "expected.json").read_text())
    return loaded


def written(groups: tuple[TargetGroup, ...]) -> list[dict[str, Any]]:
    return [
        {
            "targets": [target["__address__"] for target in group.targets],
            "labels": {name: value for name, value in group.labels.items() if name != FILEPATH_LABEL},
        }
        for group in groups
    ]


def without_path(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**g, "labels": {k: v for k, v in g["labels"].items() if k != FILEPATH_LABEL}} for g in groups]


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("valid.yml", "valid.yml and valid.json and valid3.yml"),
        ("valid.json", "valid.yml and valid.json and valid3.yml"),
        ("valid3.yml", "valid.yml and valid.json and valid3.yml"),
        ("valid2.yml", "valid2.yml"),
    ],
)
def test_good_files(conformance: Path, expected: dict[str, Any], name: str, key: str) -> None:
    path = str(conformance / "prometheus" / "file_sd" / name)
    reader = FileReader((path,))
    assert reader.read(all_files=True)
    assert written(reader.groups) == without_path(expected[key])
    assert {group.labels[FILEPATH_LABEL] for group in reader.groups} == {path}
    assert [group.source for group in reader.groups] == [f"{path}:{n}" for n in range(len(reader.groups))]


@pytest.mark.parametrize("name", ["invalid_nil.yml", "invalid_nil.json"])
def test_a_null_group_spoils_the_file(conformance: Path, name: str) -> None:
    reader = FileReader((str(conformance / "prometheus" / "file_sd" / name),))
    assert not reader.read(all_files=True)
    assert "empty or null section" in reader.problems[0]


def test_http_answer(conformance: Path) -> None:
    body = (conformance / "prometheus" / "http_sd" / "http_sd.good.json").read_bytes()
    groups = parse_groups(body, "http://sd", {"__meta_url": "http://sd"}, as_json=True)
    assert [group.source for group in groups] == ["http://sd:0"]
    assert dict(groups[0].labels) == {"__meta_datacenter": "bru1", "__meta_url": "http://sd"}


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("good-sd-file.yml", True), ("good-sd-file.yaml", True), ("good-sd-file.json", True),
        ("bad-sd-file-format.yml", False),
    ],
)  # fmt: skip
def test_promtools_target_files(conformance: Path, name: str, good: bool) -> None:
    path = conformance / "prometheus" / "promtool" / name
    if good:
        assert parse_groups(path.read_bytes(), str(path), {})
    else:
        with pytest.raises(InputError, match="did you mean 'targets'"):
            parse_groups(path.read_bytes(), str(path), {})
