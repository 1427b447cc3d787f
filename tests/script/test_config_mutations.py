"""Whatever stands in a configuration, loading it ends in settings or in problems, never in a crash."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from fenghuo.app.settings_load import load_settings

JUNK: list[Any] = [
    None, "", "x", "${UNSET}", "a/*/b", "5s", "http://h", 5, -1, 0.5, True, [], {}, [None], ["x"], [[]], {"x": None},
    {"targets": 5}, [{"x": "y"}],
]  # fmt: skip
ROUNDS = 120

OWN = """
prometheus: x.yml
alertmanager: x.yml
server: {listen: ':1', external_url: 'http://h', cors_origins: ['http://h']}
integrations: {host: {}}
packs: [host]
language: zh
storage: {retention: 1d, tsdb: {retention: {time: 1d}}}
route: {receiver: a, group_by: [b], routes: [{matchers: [a=b], receiver: a, mute_time_intervals: [t]}]}
receivers: [{name: a, webhook_configs: [{url: 'http://h'}], email_configs: [{to: a@b.c}], slack_configs: [{api_url: 'http://h'}]}]
inhibit_rules: [{source_matchers: [a=b], target_matchers: [c=d], equal: [e]}]
time_intervals: [{name: t, time_intervals: [{times: [{start_time: '01:00', end_time: '02:00'}], weekdays: [monday]}]}]
templates: [a]
"""


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container with every key or index in it."""
    if isinstance(value, dict | list):
        for key, item in list(value.items() if isinstance(value, dict) else enumerate(value)):
            yield value, key
            yield from places(item)


@pytest.mark.parametrize("seed", range(4))
def test_a_file_with_a_few_values_replaced_by_others(conformance: Path, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    good = (conformance / "prometheus" / "config" / "conf.good.yml").read_text()
    file = tmp_path / "fenghuo.yml"
    for _ in range(ROUNDS // 4):
        tree = yaml.safe_load(good if chance.random() < 0.5 else OWN)
        for _ in range(chance.randint(1, 4)):
            container, key = chance.choice(list(places(tree)))
            container[key] = copy.deepcopy(chance.choice(JUNK))
        text = yaml.safe_dump(tree, allow_unicode=True)
        file.write_text(text)
        settings, problems = load_settings(file, {})
        assert settings is not None or problems, text
        if settings is not None:
            settings.to_yaml()
