"""The panel colours a value where the host pack's rules begin to alert."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

import fenghuo.packs

THRESHOLDS = Path(__file__).resolve().parents[3] / "ui" / "src" / "overview" / "thresholds.ts"
RULES = Path(fenghuo.packs.__file__).parent / "host" / "rules.yml"


def limits_of_the_pack() -> dict[str, float]:
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    expressions = {rule["alert"]: rule["expr"] for group in groups for rule in group["rules"] if "alert" in rule}
    limits = {}
    for name, expr in expressions.items():
        comparison = re.search(r"> (\d+(?:\.\d+)?)", expr)
        if comparison:
            limits[name] = float(comparison[1])
    return limits


def limits_of_the_panel() -> dict[str, dict[str, float]]:
    text = THRESHOLDS.read_text(encoding="utf-8")
    rows = re.findall(r"^  (\w+): \{ (.+) \},$", text, re.MULTILINE)
    return {name: {k: float(v) for k, v in re.findall(r"(\w+): ([\d.]+)", body)} for name, body in rows}


@pytest.mark.skipif(not THRESHOLDS.is_file(), reason="the panel's sources are not here")
def test_the_panel_and_the_pack_agree_on_what_is_too_much() -> None:
    pack = limits_of_the_pack()
    assert limits_of_the_panel() == {
        "cpu": {"warning": pack["HighCPUUsage"]},
        "memory": {"warning": pack["HighMemoryUsage"], "critical": pack["CriticalMemoryUsage"]},
        "disk": {"warning": pack["HighDiskUsage"], "critical": pack["CriticalDiskUsage"]},
    }
    assert "CriticalCPUUsage" not in pack
