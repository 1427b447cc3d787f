"""Target groups in YAML and JSON."""

from __future__ import annotations

import pytest

from fenghuo.base.errors import InputError
from fenghuo.metrics.collect.discovery.groups import TargetGroup, parse_groups
from fenghuo.model.labels import Labels


@pytest.mark.parametrize("name", ["t.json", "t.JSON"])
def test_json(name: str) -> None:
    groups = parse_groups(
        b'[{"targets": ["a:1", "b"], "labels": {"x": "y"}}, {"targets": []}]', name, {"__meta_f": "t"}
    )
    assert groups == (
        TargetGroup(
            f"{name}:0",
            (Labels({"__address__": "a:1"}), Labels({"__address__": "b"})),
            Labels({"x": "y", "__meta_f": "t"}),
        ),
        TargetGroup(f"{name}:1", (), Labels({"__meta_f": "t"})),
    )


@pytest.mark.parametrize(("body", "name"), [(b"", "t.yml"), (b"null", "t.json"), (b"[]", "t.json"), (b"~", "t.yaml")])
def test_an_empty_file_has_no_groups(body: bytes, name: str) -> None:
    assert parse_groups(body, name, {}) == ()


@pytest.mark.parametrize(
    ("body", "name", "part"),
    [
        (b"{", "t.json", "t.json: not valid JSON"),
        (b'{"targets": []}', "t.json", "a list of target groups is expected"),
        (b'[{"targets": [1]}]', "t.json", "targets[0]"),
        (b'[{"targats": []}]', "t.json", "did you mean 'targets'?"),
        (b"- targets: [a]\n- null\n", "t.yml", "t.yml:2 [1]: empty or null section"),
        (b"- targets: a\n", "t.yml", "t.yml:1 [0].targets"),
        (b"a: [", "t.yml", "not valid YAML"),
        (b"[" * 100_000, "t.json", "not valid JSON"),
    ],
)
def test_one_mistake_and_the_whole_file_is_refused(body: bytes, name: str, part: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_groups(body, name, {})
    assert part in str(caught.value)
