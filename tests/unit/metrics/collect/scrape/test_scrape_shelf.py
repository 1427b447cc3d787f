"""Targets of one kind share their layout, whoever comes first."""

from __future__ import annotations

from fenghuo.metrics.collect.scrape.shelf import KEPT, LayoutShelf

TEXT = "text/plain"


def test_the_second_instance_of_a_service_takes_the_layout_of_the_first() -> None:
    shelf = LayoutShelf()
    one = shelf.read(b'# HELP a A.\na{b="c"} 1\nd 2\n', TEXT, None)
    other = shelf.read(b'# HELP a A.\na{b="c"} 7\nd 8.5\n', TEXT, None)

    assert other.layout is one.layout
    assert (one.values.tolist(), other.values.tolist()) == ([1.0, 2.0], [7.0, 8.5])


def test_instances_that_change_alike_share_what_they_change_to() -> None:
    shelf = LayoutShelf()
    one, other = (shelf.read(b"a %d\n" % number, TEXT, None) for number in (1, 2))
    one = shelf.read(b"a 3\nb 4\n", TEXT, one)
    other = shelf.read(b"a 5\nb 6\n", TEXT, other)

    assert other.layout is one.layout
    assert [str(labels) for labels in other.layout.series] == ["a", "b"]
    assert other.values.tolist() == [5.0, 6.0]


def test_what_is_alike_only_nearly_is_read_for_itself() -> None:
    shelf = LayoutShelf()
    one = shelf.read(b'# TYPE h gauge\nh{le="1"} 1\n', TEXT, None)
    other = shelf.read(b'# TYPE h histogram\nh{le="1"} 1\n', TEXT, None)
    bad = shelf.read(b'# TYPE h gauge\nh{le="1"} x\n', TEXT, None)

    assert one.layout.series[0]["le"] == "1"
    assert other.layout.series[0]["le"] == "1.0"
    assert bad.problem is not None


def test_only_the_layouts_met_last_are_kept() -> None:
    shelf = LayoutShelf()
    first, *_, last = [shelf.read(b"a%d 1\n" % number, TEXT, None) for number in range(KEPT + 1)]

    assert shelf.read(b"a0 2\n", TEXT, None).layout is not first.layout
    assert shelf.read(b"a%d 2\n" % KEPT, TEXT, None).layout is last.layout
