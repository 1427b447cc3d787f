"""The short way of writing an alert's texts gives what the template gives."""

from __future__ import annotations

import math

import pytest

from fenghuo.model.labels import EMPTY, Labels
from fenghuo.rules.alert_text import AlertText, Inserts, Surroundings
from fenghuo.rules.functions import CHECKED
from fenghuo.template import Template

LABELS = Labels({"__name__": "up", "instance": "host:9100", "job": "node {{x}}", "zone": "a b"})


@pytest.mark.parametrize("value", [0.0, -0.0, 1.0, 0.1, 1e21, 1.5e-7, 123456789.0, math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "",
        "}} {",
        "{{ $labels.instance }}",
        "{{$labels.instance}} is {{ $value }}{{ $labels.missing }}.",
        "VALUE = {{ $value }}\n  LABELS = {{ $labels }}",
    ],
)
def test_inserts_are_written_as_templates_write_them(text: str, value: float) -> None:
    inserts = Inserts.of(text)
    assert inserts is not None
    variables = {"$labels": LABELS, "$value": value}
    template = Template.parse(text, CHECKED, variables=variables)
    assert inserts.expand(LABELS, value) == template.render({}, variables)


@pytest.mark.parametrize(
    "text",
    ["{{ .Value }}", "{{- $value }}", "{{ $value | humanize }}", "{{ $labels.a.b }}", "a {{", "{{ $value }}" * 33],
)
def test_other_actions_are_left_to_the_template(text: str) -> None:
    assert Inserts.of(text) is None


def test_a_text_with_functions() -> None:
    surroundings = Surroundings(CHECKED, EMPTY, "")
    assert AlertText("{{ $value | humanize }} {{ $labels.job }}", "a").expand(LABELS, 1500.0, surroundings) == (
        "1.5k node {{x}}"
    )
