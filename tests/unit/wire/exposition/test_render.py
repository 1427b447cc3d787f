"""What is written is read back as it was."""

from __future__ import annotations

import pytest

from fenghuo.model.labels import Labels
from fenghuo.model.sample import Metadata
from fenghuo.wire.exposition import Family, Format, parse_text, render

FAMILIES = [
    Family(
        "a_seconds",
        Metadata("counter", 'how "long"\\\n', "seconds"),
        [
            (Labels({"__name__": "a_seconds_total", "b": 'x"\\\n'}), 1.5, 1_700_000_000_123),
            (Labels({"__name__": "a_seconds_total"}), 1e9, None),
        ],
    ),
    Family("b.c", Metadata("gauge", "", ""), [(Labels({"__name__": "b.c", "d e": "f"}), -2.0, None)]),
    Family("s", Metadata("info", "", ""), [(Labels({"__name__": "s_info", "v": "1"}), 1.0, None)]),
]


@pytest.mark.parametrize("format_", list(Format))
def test_what_is_written_reads_back(format_: Format) -> None:
    parsed = parse_text(render(FAMILIES, format_), format_)
    assert parsed.problem is None
    samples = [sample for family in FAMILIES for sample in family.samples]
    assert list(parsed.layout.series) == [labels for labels, _, _ in samples]
    assert parsed.values.tolist() == [value for _, value, _ in samples]
    assert parsed.times_ms is not None
    assert parsed.times_ms[0] == 1_700_000_000_123
    assert parsed.layout.metadata["a_seconds"].type == "counter"
    assert parsed.layout.metadata["a_seconds"].help == 'how "long"\\\n'


def test_types_that_text_does_not_know_are_untyped_there() -> None:
    assert render(FAMILIES[2:], Format.TEXT) == b'# TYPE s untyped\ns_info{v="1"} 1\n'
    assert render(FAMILIES[2:], Format.OPENMETRICS) == b'# TYPE s info\ns_info{v="1"} 1\n# EOF\n'
