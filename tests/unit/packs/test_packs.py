"""The packs that come with the program are complete."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from fenghuo.base.document import load_yaml
from fenghuo.base.errors import InputError
from fenghuo.packs import load_pack, pack_names

HAN = re.compile(r"[一-鿿]")


def test_the_host_pack_is_there() -> None:
    assert "host" in pack_names()
    assert load_pack("host").title.zh == "主机"


def test_an_unknown_pack_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"unknown pack 'hots' .*host"):
        load_pack("hots")


@pytest.mark.parametrize("name", pack_names())
def test_every_alert_has_a_severity_and_speaks_both_languages(name: str) -> None:
    for path in load_pack(name).rule_files:
        for group in load_yaml(path.read_bytes(), path.name).value["groups"]:
            for rule in group["rules"]:
                said = rule["annotations"]
                assert rule["labels"]["severity"] in ("critical", "warning"), rule["alert"]
                assert set(said) >= {"summary", "summary_zh", "description", "description_zh"}, rule["alert"]
                assert HAN.search(said["summary_zh"] + said["description_zh"]), rule["alert"]
                assert not HAN.search(said["summary"] + said["description"]), rule["alert"]


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
@pytest.mark.parametrize("name", pack_names())
def test_promtool_accepts_the_rules(name: str) -> None:
    files = [str(path) for path in load_pack(name).rule_files]
    done = subprocess.run(
        ["promtool", "check", "rules", "--lint=all", "--lint-fatal", *files],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
