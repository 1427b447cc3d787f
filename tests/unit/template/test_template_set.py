"""Templates of several files."""

from __future__ import annotations

import pytest

from fenghuo.template import TemplateError, TemplateSet


def test_definitions_are_shared_and_later_ones_win() -> None:
    templates = TemplateSet({})
    templates.add('{{ define "a" }}1{{ template "b" . }}{{ end }}', "one.tmpl")
    templates.add('{{ define "b" }}2{{ . }}{{ end }}', "two.tmpl")
    template = templates.template('{{ template "a" . }}')
    assert template.render("x") == "12x"
    templates.add('{{ define "b" }}3{{ end }}', "three.tmpl")
    assert templates.template('{{ template "a" . }}').render("x") == "13"
    assert template.render("x") == "12x"


def test_an_empty_definition_replaces_nothing() -> None:
    templates = TemplateSet({})
    templates.add('{{ define "a" }}kept{{ end }}', "one.tmpl")
    templates.add('{{ define "a" }}  {{ end }}', "two.tmpl")
    assert templates.template('{{ template "a" }}').render() == "kept"


def test_a_file_is_a_template_by_its_name() -> None:
    templates = TemplateSet({})
    templates.add("hello {{ . }}", "hello.tmpl")
    assert templates.names() == ["hello.tmpl"]
    assert templates.template('{{ template "hello.tmpl" "you" }}').render() == "hello you"


def test_what_a_template_defines_is_its_own() -> None:
    templates = TemplateSet({})
    templates.add('{{ define "a" }}theirs{{ end }}', "one.tmpl")
    assert templates.template('{{ define "a" }}mine{{ end }}{{ template "a" }}').render() == "mine"
    assert templates.template('{{ template "a" }}').render() == "theirs"


def test_a_failure_names_the_file_in_which_it_stands() -> None:
    templates = TemplateSet({})
    templates.add('\n{{ define "a" }}{{ .x.y }}{{ end }}', "one.tmpl")
    with pytest.raises(TemplateError) as caught:
        templates.template('{{ template "a" . }}', "main").render({"x": "text"})
    assert caught.value.place == "one.tmpl:2:20"
