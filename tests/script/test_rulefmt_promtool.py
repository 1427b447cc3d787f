"""The same verdict as promtool's on the rule files that the world uses."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from fenghuo.metrics.promql import normalized
from fenghuo.rules import load_rule_file

DIFFERENT = {
    "utf-8_lname.good.yaml": "label names of any UTF-8 text came with Prometheus 3",
    "utf-8_annotation.good.yaml": "the same for names of annotations",
    "legacy_validation_annotation.bad.yaml": "good under the naming scheme of Prometheus 3, which is the default",
}
"""Files that we accept and promtool 2.42 refuses, and why. There are none the other way round."""


def rule_files(conformance: Path, scratch: Path) -> Iterator[Path]:
    for path in sorted((conformance / "rules").rglob("*")):
        if path.suffix not in (".yaml", ".yml", ".rules") or "unit-tests" in path.parts or path.name == "tests.yaml":
            continue
        document = yaml.load(path.read_bytes(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        if document.get("kind") == "PrometheusRule":
            path = scratch / path.name
            path.write_text(json.dumps(document["spec"]))
        yield path
    for folder, pattern in (("rulefmt", "*.yaml"), ("rules", "*.yaml"), ("promtool", "*rules*.y*ml")):
        yield from sorted((conformance / "prometheus" / folder).glob(pattern))


def promtool_verdicts(files: list[Path]) -> dict[str, int | None]:
    """The number of rules that promtool finds in each file; None for a file that it refuses."""
    command = ["promtool", "check", "rules", "--lint=none", *map(str, files)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    verdicts: dict[str, int | None] = {}
    name = ""
    for line in done.stdout.splitlines():
        if line.startswith("Checking "):
            name = line.removeprefix("Checking ")
        found = re.search(r"SUCCESS: (\d+) rules found", line)
        if found:
            verdicts[name] = int(found[1])
        elif "FAILED:" in line:
            verdicts[name] = None
    return verdicts


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("promtool") is None, reason="needs promtool")
def test_verdicts(conformance: Path, tmp_path: Path) -> None:
    files = list(rule_files(conformance, tmp_path))
    theirs = promtool_verdicts(files)
    loaded = {str(file): load_rule_file(file, normalized).file for file in files}
    ours = {name: file.rule_count if file else None for name, file in loaded.items()}
    assert ours.keys() == theirs.keys()
    assert sum(count for count in theirs.values() if count) > 1838
    differing = {Path(name).name: count for name, count in ours.items() if count != theirs[name]}
    assert differing == dict.fromkeys(DIFFERENT, 1)
