"""A thousand alerting rules as they are published, on hosts that have the series which the rules look at.

The rules are one group, so that one evaluation round is one figure, which each server tells of itself. VictoriaMetrics
evaluates rules in a program of its own and stays out.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import yaml

from beside import data
from beside.agreement import EXACT, Kind, compare
from beside.data import Span, Target
from beside.feed import send, write_fenghuo
from beside.queries import last_moment_s
from beside.rows import Row
from beside.servers import FENGHUO, NOTHING_TO_WATCH, PROMETHEUS, Server, running
from beside.stage import Bench, Stage
from fenghuo.metrics.promql.syntax.ast import selectors_in
from fenghuo.metrics.promql.syntax.parser import parse_expr
from fenghuo.model.matcher import Matcher, MatchOp

PUBLISHED = Path(__file__).resolve().parents[3] / "shared" / "conformance" / "rules"
RULES = 1000
HOSTS = 5
INTERVAL_S = 10
AHEAD_MS = 300_000
"""The data goes on beyond the present, so that it does not end while rounds are measured."""
FIRST_VALUE = 1000.0
"""Far from zero, which bounds how far a counter is extrapolated, differently from version to version."""
BOUNDS = ("0.1", "1", "10", "+Inf")
LAST_ROUND = {
    FENGHUO: ("fenghuo_rule_group_last_duration_seconds", "fenghuo_rule_group_last_evaluation_timestamp_seconds"),
    PROMETHEUS: (
        "prometheus_rule_group_last_duration_seconds",
        "prometheus_rule_group_last_evaluation_timestamp_seconds",
    ),
}

Rule = dict[str, Any]


def published() -> list[Rule]:
    """Every alerting rule, in the order of the files."""
    found: list[Rule] = []
    for file in sorted([*PUBLISHED.rglob("*.yml"), *PUBLISHED.rglob("*.yaml")]):
        if "unit-tests" not in file.parts and "tests" not in file.stem:
            content = yaml.safe_load(file.read_text())
            groups = content.get("spec", content).get("groups") or []
            found += [rule for group in groups for rule in group["rules"] or [] if "alert" in rule]
    return found


def accepted(rules: Sequence[Rule], folder: Path) -> list[Rule]:
    """Those that Debian's promtool reads: some files use newer functions."""
    file = folder / "candidates.yml"
    groups = [{"name": f"g{number}", "rules": [rule]} for number, rule in enumerate(rules)]
    file.write_text(yaml.safe_dump({"groups": groups}, sort_keys=False, allow_unicode=True))
    checked = subprocess.run(
        ["promtool", "check", "rules", file], capture_output=True, text=True, timeout=120, check=False
    )
    refused = {int(number) for number in re.findall(r'group "g(\d+)"', checked.stdout + checked.stderr)}
    return [rule for number, rule in enumerate(rules) if number not in refused]


def _example(pattern: str) -> str | None:
    """Some text that the pattern matches; None when a simple way finds none."""
    text = re.sub(r"\.[*+]", "x", pattern.strip("()").split("|")[0]).replace("\\", "").strip("^$()")
    return text if text and re.fullmatch(pattern, text) else None


def _series_for(matchers: Sequence[Matcher]) -> Iterator[dict[str, str]]:
    """Label sets that the matchers accept; none when the metric has no plain name, or is written by rules."""
    labels: dict[str, str] = {}
    for matcher in matchers:
        if matcher.op is MatchOp.EQUAL and matcher.value:
            labels[matcher.name] = matcher.value
        elif matcher.op is MatchOp.REGEX and (value := _example(matcher.value)) is not None:
            labels.setdefault(matcher.name, value)
    if not labels.get("__name__", "ALERTS").startswith("ALERTS"):
        bounds = BOUNDS if labels["__name__"].endswith("_bucket") and "le" not in labels else ()
        yield from ({**labels, "le": bound} for bound in bounds) if bounds else (labels,)


def looked_at(rules: Sequence[Rule], span: Span) -> list[Target]:
    """The series that the rules ask for, on each of some hosts."""
    wanted: dict[tuple[tuple[str, str], ...], dict[str, str]] = {}
    for rule in rules:
        for matchers in selectors_in(parse_expr(rule["expr"])):
            for series in _series_for(matchers):
                full = {"job": "exporter"} | series
                wanted[tuple(sorted(full.items()))] = full
    chance, found = np.random.default_rng(data.SEED), []
    for host in range(HOSTS):
        hosted = [{**each, "instance": f"host{host}:9100"} for each in wanted.values()]
        values = chance.integers(0, 3, (len(hosted), span.rounds)).cumsum(axis=1) + FIRST_VALUE
        found.append(Target(f"host{host}", hosted, span.times_ms(host), values))
    return found


def run(bench: Bench) -> Iterator[Row]:
    if not PUBLISHED.is_dir():
        bench.say(f"rules: left out, {PUBLISHED} is not there")
        return
    if PROMETHEUS not in bench.servers:
        bench.say("rules: left out, Prometheus and its promtool are not installed")
        return
    sizes = [RULES // 10, RULES * 3 // 10] if bench.wants("rules-growth") else []
    for count in [*sizes, RULES] if bench.wants("rules") else sizes:
        with bench.folder("rules") as folder:
            yield round_row(bench, folder, count)


def round_row(bench: Bench, folder: Path, count: int) -> Row:
    """So many rules, spread over all files, and the series that they look at."""
    found = accepted(published(), folder)
    rules = found[:: max(1, len(found) // count)][:count]
    file = folder / "rules.yml"
    group = {"name": "published", "interval": f"{INTERVAL_S}s", "rules": rules}
    file.write_text(yaml.safe_dump({"groups": [group]}, sort_keys=False, allow_unicode=True))
    end_ms = last_moment_s() * 1000 + AHEAD_MS
    targets = looked_at(rules, Span(end_ms, (data.HOUR_MS // 2 + AHEAD_MS) // data.INTERVAL_MS))
    bench.say(f"{len(rules)} rules over {data.series_of(targets):,} series")
    write_fenghuo(folder / FENGHUO, targets)
    return measure(bench, folder, f"{NOTHING_TO_WATCH}rule_files: ['{file}']\n", targets, rules)


def measure(bench: Bench, folder: Path, config: str, targets: Sequence[Target], rules: Sequence[Rule]) -> Row:
    """One server after the other, so that rounds do not meet."""
    taken: dict[str, float] = {}
    cpu_ms: dict[str, float] = {}
    alerts: dict[str, list[Any]] = {}
    asked_s = last_moment_s()
    for name in (FENGHUO, PROMETHEUS):
        with running(name, folder / name, config) as server:
            if name == PROMETHEUS:
                send(server, targets)
            taken[name], cpu_ms[name] = rounds_of(server, 3 if bench.quick else 6)
            alerts[name] = answers_of(server, rules, asked_s)
    work = f"{len(rules):,} alerting rules, one evaluation round"
    name, ratios = ("rules", {PROMETHEUS: 1.0}) if len(rules) == RULES else ("rules-growth", {})
    return Row(name, work, "ms", taken, ratios, cpu_ms=cpu_ms, note=disagreements(bench, rules, alerts))


def rounds_of(server: Server, count: int) -> tuple[float, float]:
    """Medians of so many rounds after the first: how long it took (ms), and the process's time in its interval (ms)."""
    durations: list[float] = []
    cpu_ms: list[float] = []
    seen_s, before_s = 0.0, 0.0
    deadline_s = time.monotonic() + (count + 4) * INTERVAL_S
    while len(durations) <= count and time.monotonic() < deadline_s:
        time.sleep(0.5)
        figures = own_figures(server)
        duration, began = (figures.get(metric, 0.0) for metric in LAST_ROUND[server.name])
        if began > seen_s:
            seen_s, spent_s = began, server.usage.cpu_s
            durations.append(duration * 1000)
            cpu_ms.append((spent_s - before_s) * 1000)
            before_s = spent_s
    return statistics.median(durations[1:]), statistics.median(cpu_ms[1:])


def own_figures(server: Server) -> Mapping[str, float]:
    """The server's own metrics, summed over labels."""
    found: dict[str, float] = {}
    for text in server.connection.get("/metrics").body.decode().splitlines():
        if text and text[0] != "#" and "rule_group" in text:
            name = re.split(r"[{ ]", text, maxsplit=1)[0]
            found[name] = found.get(name, 0.0) + float(text.rpartition(" ")[2])
    return found


def answers_of(server: Server, rules: Sequence[Rule], time_s: int) -> list[Any]:
    """What every rule's expression yields at one moment, errors included."""
    asked = (server.connection.get("/api/v1/query", query=rule["expr"], time=time_s) for rule in rules)
    return [orjson.loads(answer.body) for answer in asked]


def disagreements(bench: Bench, rules: Sequence[Rule], answers: Mapping[str, list[Any]]) -> str:
    """How many rules yield the same on both, and how many yield anything; the others are named."""
    same = yielding = failing = 0
    for rule, ours, theirs in zip(rules, answers[FENGHUO], answers[PROMETHEUS], strict=True):
        difference = _difference(ours, theirs)
        same += not difference
        failing += theirs["status"] != "success"
        yielding += theirs["status"] == "success" and bool(theirs["data"]["result"])
        if difference:
            bench.say(f"{rule['alert']} differs, {difference}: {' '.join(rule['expr'].split())}")
    return f"{same} of {len(rules)} yield the same; {yielding} yield alerts, {failing} errors"


def _difference(ours: Any, theirs: Any) -> str:
    """How two answers differ; empty when they do not."""
    if ours["status"] != theirs["status"]:
        return f"{ours.get('error', 'an answer')}; there {theirs.get('error', 'an answer')}"
    if ours["status"] != "success" or not (ours["data"]["result"] or theirs["data"]["result"]):
        return ""
    found = compare(ours, theirs, Kind.SERIES, EXACT)
    return "" if found.agrees else found.text


STAGE = Stage(("rules", "rules-growth"), run)
