"""YAML as people write it, and what a person is told about it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import Field

from fenghuo.base import document
from fenghuo.base.document import (
    DictOf,
    ListOf,
    Plain,
    Problem,
    RefusedError,
    RefusedManyError,
    Settings,
    load_yaml,
    validate,
)
from fenghuo.base.errors import InputError


class Inner(Settings):
    limit: int = 7
    share: float = 0.5
    on: bool = True
    maybe: bool | None = None
    text: str = "default"


class Outer(Settings):
    inner: Inner = Inner()
    items: ListOf[Inner] = Field(default_factory=list)
    words: DictOf[str] = Field(default_factory=dict)
    password: str = ""


def read(text: str) -> tuple[Outer | None, list[Problem]]:
    return validate(Outer, load_yaml(text, "f.yml"))


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("true", True), ("True", True), ("yes", True), ("on", True), ("Y", True),
        ("false", False), ("no", False), ("OFF", False), ("n", False),
    ],
)  # fmt: skip
def test_flags_are_those_of_yaml_1_1(written: str, value: bool) -> None:
    settings, problems = read(f"inner: {{on: {written}}}")
    assert (settings and settings.inner.on, problems) == (value, [])


@pytest.mark.parametrize("written", ["1", "0", "tRue", '"true"', "'yes'", "t"])
def test_other_words_and_quoted_ones_are_no_flags(written: str) -> None:
    settings, problems = read(f"inner: {{on: {written}}}")
    assert settings is None
    assert [problem.path for problem in problems] == ["inner.on"]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("5", 5),
        ("1_000", 1000),
        ("0x10", 16),
        ("010", 8),
        ("0o17", 15),
        ("0b11", 3),
        ("+5", 5),
        ("-5", -5),
        ("1e3", 1000),
    ],
)
def test_whole_numbers(written: str, value: int) -> None:
    settings, problems = read(f"inner: {{limit: {written}}}")
    assert (settings and settings.inner.limit, problems) == (value, [])


@pytest.mark.parametrize("written", ["1.5", "five", "'5'", '"5"', "089", "1s", "true"])
def test_what_is_no_whole_number(written: str) -> None:
    settings, problems = read(f"inner: {{limit: {written}}}")
    assert settings is None
    assert [problem.path for problem in problems] == ["inner.limit"]


@pytest.mark.parametrize(("written", "value"), [("0.25", 0.25), (".5", 0.5), ("2", 2.0), ("-.inf", float("-inf"))])
def test_numbers(written: str, value: float) -> None:
    settings, _ = read(f"inner: {{share: {written}}}")
    assert settings is not None
    assert settings.inner.share == value


def test_a_key_without_a_value_is_a_key_that_was_not_written() -> None:
    settings, problems = read("inner:\n  limit:\n  on: ~\n  text: null\n  maybe:\nitems:\nwords:\n")
    assert problems == []
    assert settings == Outer()


def test_text_keeps_what_stands_in_the_file() -> None:
    settings, _ = read("inner: {text: 1.10}\nwords: {a: 007, b: yes}")
    assert settings is not None
    assert settings.inner.text == "1.10"
    assert settings.words == {"a": "007", "b": "yes"}


def test_all_problems_come_at_once_each_with_its_place() -> None:
    text = "inner:\n  limt: 5\n  limit: five\nitems:\n  - on: maybe\n  - 3\n  -\nunknown_altogether: 1\n"
    settings, problems = read(text)
    assert settings is None
    assert sorted((problem.line, problem.path, problem.remedy) for problem in problems) == [
        (2, "inner.limt", "did you mean 'limit'?"),
        (3, "inner.limit", ""),
        (5, "items[0].on", "write true or false"),
        (6, "items[1]", ""),
        (7, "items[2]", ""),
        (8, "unknown_altogether", "known here: inner, items, password, words"),
    ]


def test_a_value_that_may_be_secret_is_not_repeated_in_a_message() -> None:
    _, problems = read("password: [hunter2]")
    assert len(problems) == 1
    assert "hunter2" not in str(problems[0])


def test_a_refusal_of_many_places_becomes_many_problems() -> None:
    class Picky(Settings):
        names: ListOf[str] = Field(default_factory=list)

        def model_post_init(self, context: Any) -> None:
            raise RefusedManyError([(("names", 1), RefusedError("bad", "mend it"))])

    _, problems = validate(Picky, load_yaml("names:\n - a\n - b\n", "f.yml"))
    assert problems == [Problem("bad", "f.yml", 3, "names[1]", "mend it")]


@pytest.mark.parametrize(
    ("text", "place", "part"),
    [
        ("a: 1\na: 2\n", "f.yml:2", "stands twice"),
        ("a: [1\n", "f.yml:2", "not valid YAML"),
        ("a: &x\n  b: *x\n", "f.yml:1", "contains itself"),
        ("[a]: 1\n", "f.yml:1", "a mapping key that is not text"),
        ("a: !!binary '/w=='\n", "f.yml:1", "not text in base64"),
        ("!!binary '/w==': a\n", "f.yml:1", "not text in base64"),
        ("a: !thing 5\n", "f.yml:1", "unknown YAML tag"),
        ("\x00", "f.yml", "not valid YAML"),
    ],
)
def test_what_is_not_yaml_is_refused_with_its_line(text: str, place: str, part: str) -> None:
    with pytest.raises(InputError) as caught:
        load_yaml(text, "f.yml")
    assert caught.value.place == place
    assert part in caught.value.message


def test_binary_scalars_are_decoded_and_quoted_ones_are_text() -> None:
    value = load_yaml("a: !!binary aGVsbG8=\nb: 'x'\nc: !!str\nd: 5\n", "f.yml").value
    assert value == {"a": "hello", "b": "x", "c": "", "d": "5"}
    assert [isinstance(value[key], Plain) for key in "abd"] == [False, False, True]


def test_merge_keys_give_way_to_own_ones() -> None:
    value = load_yaml("base: &b {x: 1, y: 2}\nuse:\n  <<: *b\n  y: 3\n", "f.yml").value
    assert value["use"] == {"x": "1", "y": "3"}


def test_a_file_that_grows_by_aliases_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "NODES_MAX", 10_000)
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    with pytest.raises(InputError, match="more than 10000 values"):
        load_yaml("\n".join(rows), "f.yml")


def test_deep_nesting_is_refused_and_not_a_crash() -> None:
    with pytest.raises(InputError, match="nested too deeply"):
        load_yaml("[" * 5000 + "]" * 5000, "f.yml")


@pytest.mark.parametrize(
    ("problem", "shown"),
    [
        (Problem("is wrong", "f.yml", 3, "a.b", "mend it"), "f.yml:3 a.b: is wrong (mend it)"),
        (Problem("is wrong", "f.yml"), "f.yml: is wrong"),
        (Problem("is wrong"), "is wrong"),
    ],
)
def test_a_problem_as_one_line(problem: Problem, shown: str) -> None:
    assert str(problem) == shown
