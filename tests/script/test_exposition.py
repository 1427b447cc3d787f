"""Other projects' cases for the text formats, run through our parser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fenghuo.model.labels import Labels
from fenghuo.model.sample import Metadata
from fenghuo.wire.exposition import NO_TIME, Family, Format, Parsed, parse_text, render

OPENMETRICS = str(Format.OPENMETRICS)

PROMETHEUS_TAKES = (
    # What the specification forbids and a Prometheus that scrapes takes, by the beginning of the case's name.
    "bad_clashing_names",
    "bad_counter_values",
    "bad_exemplar_complex_chars",
    "bad_exemplars_6",
    "bad_exemplars_on_unallowed",
    "bad_grouping_or_ordering_",
    "bad_histograms",
    "bad_info_and_stateset_values",
    "bad_metadata_in_wrong_place",
    "bad_missing_or_extra_commas_2",
    "bad_missing_or_invalid_labels_for_a_type",
    "bad_repeated_metadata",
    "bad_stateset_info_values",
    "bad_unit_6",
    "bad_unit_7",
)
REFUSED_ALL_THE_SAME = {
    # Cases of those groups that are also bad by themselves: a stray quote, comments, an unknown type.
    "bad_grouping_or_ordering_1",
    "bad_histograms_4",
    "bad_histograms_5",
    "bad_repeated_metadata_2",
}


def test_openmetrics_cases_are_judged_as_prometheus_judges_them(conformance: Path) -> None:
    wrong = []
    cases = [
        json.loads(line) for line in (conformance / "compliance/openmetrics/parsers.jsonl").read_text().splitlines()
    ]
    for case in cases:
        name = case["name"]
        taken = parse_text(case["metrics"].encode(), OPENMETRICS).problem is None
        lax = name.startswith(PROMETHEUS_TAKES) and name not in REFUSED_ALL_THE_SAME
        if taken != (case["shouldParse"] or lax):
            wrong.append((name, taken))
    assert len(cases) == 211
    assert wrong == []


FILES = [("prometheus_text.json", "text/plain"), ("openmetrics_text.json", OPENMETRICS)]


@pytest.mark.parametrize(("file", "content_type"), FILES)
def test_prometheus_own_bodies_give_the_same_entries(conformance: Path, file: str, content_type: str) -> None:
    for case in json.loads((conformance / "prometheus/textparse" / file).read_text())["cases"]:
        parsed = parse_text(case["input"].encode(), content_type)
        assert parsed.problem is None
        samples = [entry for entry in case["entries"] if "labels" in entry]
        # Upstream's test reads `_created` lines as start times; a scrape without that feature keeps them as series.
        kept = _kept(parsed, samples)
        assert [parsed.layout.series[index] for index in kept] == [Labels(entry["labels"]) for entry in samples]
        np.testing.assert_array_equal(parsed.values[kept], [float(entry.get("value", 0)) for entry in samples])
        times = [NO_TIME] * len(kept) if parsed.times_ms is None else parsed.times_ms[kept].tolist()
        assert times == [entry.get("timestamp_ms", NO_TIME) for entry in samples]
        _check_exemplars(parsed, kept, samples)
        _check_metadata(parsed, case["entries"])


def _kept(parsed: Parsed, samples: list[dict[str, Any]]) -> list[int]:
    wanted = {Labels(entry["labels"]) for entry in samples}
    return [
        index
        for index, labels in enumerate(parsed.layout.series)
        if not labels.metric_name.endswith("_created") or labels in wanted
    ]


def _check_exemplars(parsed: Parsed, kept: list[int], samples: list[dict[str, Any]]) -> None:
    found = dict(parsed.exemplars)
    for index, entry in zip(kept, samples, strict=True):
        exemplar = found.get(index)
        shown = [] if exemplar is None else [(exemplar.labels, exemplar.value, exemplar.time_ms)]
        assert shown == [(Labels(e["Labels"]), e["Value"], e.get("Ts")) for e in entry.get("exemplars", [])]


def _check_metadata(parsed: Parsed, entries: list[dict[str, Any]]) -> None:
    for entry in entries:
        for key in {"help", "type", "unit"} & entry.keys():
            assert getattr(parsed.layout.metadata[entry["series_or_family"]], key) == entry[key]


@pytest.mark.parametrize(("file", "content_type"), FILES)
def test_prometheus_own_bad_bodies_are_bad(conformance: Path, file: str, content_type: str) -> None:
    cases = json.loads((conformance / "prometheus/textparse" / file).read_text())["errors"]
    wrong = []
    for case in cases:
        body = case["input"].encode("latin-1" if case.get("input_is_bytes_latin1") else "utf-8")
        taken = parse_text(body, content_type).problem is None
        # "EOF" is the regular end of an exposition that holds nothing.
        if taken != (case["ok"] or case.get("error") == "EOF"):
            wrong.append((case["input"], taken))
    assert len(cases) > 25
    assert wrong == []


@pytest.mark.parametrize(
    ("file", "format_"),
    [
        ("1histogram.om.txt", Format.OPENMETRICS),
        ("alltypes.5mfs.om.txt", Format.OPENMETRICS),
        ("alltypes.237mfs.prom.txt", Format.TEXT),
        ("alltypes.237mfs.nometa.prom.txt", Format.TEXT),
    ],
)
def test_real_expositions_survive_a_round_trip(conformance: Path, file: str, format_: Format) -> None:
    body = (conformance / "prometheus/textparse" / file).read_bytes()
    parsed = parse_text(body, format_)
    assert parsed.problem is None
    sample_lines = [line for line in body.decode().splitlines() if line and not line.startswith("#")]
    assert len(parsed.layout.series) == len(sample_lines)
    again = parse_text(body, format_, parsed)
    assert again.layout is parsed.layout
    samples = [(labels, value, None) for labels, value in zip(again.layout.series, again.values.tolist(), strict=True)]
    written = parse_text(render([Family("all", Metadata(), samples)], format_), format_, parsed)
    assert written.problem is None
    # Bounds are spelled in one way by now, so that they need no TYPE line to come out the same.
    assert written.layout.series == parsed.layout.series
    np.testing.assert_array_equal(written.values, parsed.values)
