"""Lists of a model that is loaded for the first that is not empty; their mistakes are told as anybody's are."""

from __future__ import annotations

from typing import Annotated

import pytest
from pydantic import Field

from fenghuo.alerting.receivers import Receiver
from fenghuo.base import late_model
from fenghuo.base.document import ListOf, RefusedError, Settings, load_yaml, validate
from fenghuo.base.late import Later
from fenghuo.base.late_model import EntriesOf, SomeSettings
from fenghuo.metrics.collect.discovery.foreign import ForeignDiscoverySettings


class Inner(Settings):
    name: str
    port: int = 0

    def model_post_init(self, context: object) -> None:
        if self.port > 65_535:
            raise RefusedError(f"port {self.port} is too large", "take a smaller one")


class Early(Settings):
    inner: ListOf[Inner] = Field(default_factory=list)


class Late(Settings):
    inner: Annotated[SomeSettings, EntriesOf(__name__, "Inner")] = Field(default_factory=list)


@pytest.fixture(autouse=True)
def found(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names that were asked for; this module cannot be imported by its name from everywhere."""
    asked: list[str] = []

    def get(later: Later) -> type[Settings]:
        asked.append(later.name)
        return Inner

    monkeypatch.setattr(Later, "get", get)
    late_model._entries_of.cache_clear()
    return asked


@pytest.mark.parametrize(
    "text",
    [
        "inner: [{name: a, port: 80}, {name: b}]",
        "inner:",
        "inner: []",
        "inner: 7",
        "inner: {name: a}",
        "inner: [{name: a, porrt: 80}]",
        "inner: [{}, {name: b, port: x}]",
        "inner: [{name: a}, 7]",
        "inner: [{name: a, port: 70000}]",
        "inner: [null]",
        "inner:\n- name: a\n- port: '1'\n  nmae: b\n",
    ],
)
def test_it_is_as_if_the_field_named_the_model(text: str) -> None:
    document = load_yaml(text, "f.yml")
    early, early_problems = validate(Early, document)
    late, late_problems = validate(Late, document)

    assert late_problems == early_problems
    assert (late and late.model_dump(by_alias=True)) == (early and early.model_dump(by_alias=True))
    assert (late and late.inner) == (early and early.inner)


def test_nothing_is_loaded_for_nothing(found: list[str]) -> None:
    for text in ("{}", "inner:", "inner: []"):
        validate(Late, load_yaml(text, "f.yml"))
    assert found == []


@pytest.mark.parametrize("model", [ForeignDiscoverySettings, Receiver])
def test_every_registered_model_is_there(model: type[Settings], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    entries = [each for field in model.model_fields.values() for each in field.metadata if isinstance(each, EntriesOf)]
    assert len(entries) >= 15
    assert all(issubclass(each.model(), Settings) for each in entries)
