"""The language: every construct, what it gives, and what it refuses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from fenghuo.base.errors import InputError
from fenghuo.model.labels import Labels
from fenghuo.template import Exposed, MissingKey, RenderLimits, Scope, Template, TemplateError, TemplateOptions
from fenghuo.template.functions import DATA_FUNCTIONS
from fenghuo.template.gotime import Time


class Host(Exposed):
    """Data with a field, methods, and an attribute that is none of a template's business."""

    template_names: ClassVar[Mapping[str, str]] = {
        "Name": "name",
        "Greet": "greet",
        "Labels": "labels",
        "Twice": "twice",
    }

    def __init__(self) -> None:
        self.name = "web-1"
        self.secret = "hidden"
        self.labels = Labels({"job": "api", "zone": "b"})

    def greet(self, greeting: str, mark: str = "!") -> str:
        return f"{greeting} {self.name}{mark}"

    def twice(self, number: int) -> int:
        return number * 2


def upper(text: str) -> str:
    return text.upper()


def add(*numbers: int) -> int:
    return sum(numbers)


def fail() -> str:
    raise InputError("it is broken")


def nested(scope: Scope, name: str) -> str:
    return scope.include(name, "inner")


def expanded(scope: Scope, text: str, data: object) -> str:
    return scope.expand(text, data)


FUNCTIONS = {"upper": upper, "add": add, "fail": fail, "nested": nested, "expanded": expanded}
DATA: dict[str, Any] = {
    "n": 3,
    "f": 1.5,
    "s": "text",
    "t": True,
    "nil": None,
    "list": ["a", "b", "c"],
    "empty": [],
    "map": {"b": 2, "a": 1},
    "labels": Labels({"job": "api"}),
    "host": Host(),
    "far": Time(10**25),
    "deep": {"er": {"est": "found"}},
}


def check(text: str, expected: str) -> None:
    assert Template.parse(text, FUNCTIONS).render(DATA) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("no action", "no action"),
        ("{{.s}}", "text"),
        ("{{ .deep.er.est }}", "found"),
        ("{{ (.deep.er).est }}", "found"),
        ("{{ $.s }}", "text"),
        ("{{ .nothing }}", "<no value>"),
        ("{{ .nothing.more }}", "<no value>"),
        ("{{ .labels.job }}{{ .labels.nothing }}", "api"),
        ("{{ .map }} {{ .list }} {{ .f }} {{ .t }} {{ .labels }}", "map[a:1 b:2] [a b c] 1.5 true map[job:api]"),
        (
            "{{ 'a' }} {{ 0x1F }} {{ 1_000 }} {{ 1e3 }} {{ -2 }} {{ .5 }} {{ 017 }} {{ 0b11 }}",
            "97 31 1000 1000 -2 0.5 15 3",
        ),
        (r'{{ "a\tb\u4e2d\x41\"" }}', 'a\tb中A"'),
        ("{{ `raw \\n` }}", "raw \\n"),
        ("{{ nil | print }}", None),
        ("{{ true }}{{ false }}", "truefalse"),
        ("{{\n .s\n}}", "text"),
    ],
)
def test_values(text: str, expected: str | None) -> None:
    if expected is None:
        with pytest.raises(TemplateError, match="nil is not a command"):
            Template.parse(text, FUNCTIONS).render(DATA)
    else:
        check(text, expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a {{- 1 }} b", "a1 b"),
        ("a {{ 1 -}} \n b", "a 1b"),
        ("a\n\t{{- 1 -}}\n b", "a1b"),
        ("{{-3}}", "-3"),
        ("a {{/* gone */}} b", "a  b"),
        ("a {{- /* gone */ -}} b", "ab"),
        ("{{ 1 }}  {{- /* gone */}}  {{ 2 }}", "1  2"),
        ("{{ 3 -}}", "3"),
    ],
)
def test_white_space_and_comments(text: str, expected: str) -> None:
    check(text, expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ if .t }}yes{{ end }}", "yes"),
        ("{{ if .empty }}yes{{ else }}no{{ end }}", "no"),
        ("{{ if .nil }}a{{ else if .n }}b{{ else }}c{{ end }}", "b"),
        ("{{ if .nil }}a{{ else if .empty }}b{{ else if 0 }}c{{ else }}d{{ end }}", "d"),
        ("{{ if .host }}a struct is true{{ end }}", "a struct is true"),
        ("{{ if $x := .n }}{{ $x }}{{ end }}", "3"),
        ("{{ with .deep.er }}{{ .est }}{{ end }}", "found"),
        ("{{ with .nil }}a{{ else with .s }}{{ . }}{{ else }}c{{ end }}", "text"),
        ("{{ with $x := .s }}{{ $x }}{{ . }}{{ end }}", "texttext"),
        ("{{ range .list }}{{ . }},{{ end }}", "a,b,c,"),
        ("{{ range .empty }}x{{ else }}none{{ end }}", "none"),
        ("{{ range $i, $e := .list }}{{ $i }}{{ $e }}{{ end }}", "0a1b2c"),
        ("{{ range $e := .list }}{{ $e }}{{ end }}", "abc"),
        ("{{ range $k, $v := .map }}{{ $k }}={{ $v }};{{ end }}", "a=1;b=2;"),
        ("{{ range 3 }}{{ . }}{{ end }}", "012"),
        ("{{ range .nil }}x{{ else }}none{{ end }}", "none"),
        ("{{ range .list }}{{ if eq . `b` }}{{ continue }}{{ end }}{{ . }}{{ end }}", "ac"),
        ("{{ range .list }}{{ if eq . `b` }}{{ break }}{{ end }}{{ . }}{{ end }}", "a"),
        ("{{ range .list }}{{ range $.list }}{{ break }}{{ end }}{{ . }}{{ end }}", "abc"),
        ("{{ range $x := .list }}{{ with . }}{{ $x }}{{ end }}{{ end }}", "abc"),
    ],
)
def test_control(text: str, expected: str) -> None:
    check(text, expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ $x := 1 }}{{ $x }}{{ $x = 2 }}{{ $x }}", "12"),
        ("{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ end }}{{ $x }}", "2"),
        ("{{ $x := 1 }}{{ if true }}{{ $x := 2 }}{{ end }}{{ $x }}", "1"),
        ("{{ $x := 0 }}{{ range .list }}{{ $x = add $x 1 }}{{ end }}{{ $x }}", "3"),
        ("{{ $h := .host }}{{ $h.Name }} {{ $h.Labels.job }}", "web-1 api"),
        ("{{ ($x := 5) }}", None),
    ],
)
def test_variables(text: str, expected: str | None) -> None:
    if expected is None:
        check("{{ with ($x := 5) }}{{ . }}{{ end }}", "5")
    else:
        check(text, expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{{ define "x" }}<{{ . }}>{{ end }}{{ template "x" .s }}', "<text>"),
        ('{{ define "x" }}<{{ . }}>{{ end }}{{ template "x" }}', "<<no value>>"),
        ('{{ block "x" .n }}{{ . }}{{ end }}', "3"),
        ('{{ template "x" 2 }}{{ define "x" }}{{ if . }}y{{ end }}{{ end }}', "y"),
        ('{{ define "x" }}({{ . }}){{ end }}{{ nested "x" }}', "(inner)"),
        ("{{ expanded `[{{ . }}{{ add 1 2 }}]` .n }}", "[33]"),
        ('{{ define "x" }}{{ $ }}{{ end }}{{ with .deep }}{{ template "x" 7 }}{{ end }}', "7"),
    ],
)
def test_templates(text: str, expected: str) -> None:
    check(text, expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ upper .s }}", "TEXT"),
        ("{{ .s | upper | printf `%s-%s` `a` }}", "a-TEXT"),
        ("{{ add 1 (add 2 3) .n }}", "9"),
        ("{{ add }}", "0"),
        ("{{ .host.Greet `hello` }}", "hello web-1!"),
        ("{{ `hi` | .host.Greet }}", "hi web-1!"),
        ("{{ .host.Greet `hi` `?` }}", "hi web-1?"),
        ("{{ .n | .host.Twice }} {{ .host.Twice 2.0 }}", "6 4"),
        ("{{ and .t .n }} {{ and .t .empty .n }} {{ or .empty .s }} {{ or 0 `` }}|", "3 [] text |"),
        ("{{ or .t (fail) }} {{ and false (fail) }}", "true false"),
        ("{{ not .empty }} {{ not 1 }}", "true false"),
        ("{{ eq 1 1 }} {{ eq 1 2 3 1 }} {{ ne `a` `b` }} {{ eq .f 1.5 }} {{ eq .n 3.0 }}", "true true true true true"),
        ("{{ lt 1 2 }} {{ le 2 2 }} {{ gt 2.5 2 }} {{ ge `b` `a` }}", "true true true true"),
        ("{{ eq .nil nil }} {{ eq .nothing nil }}", "true true"),
        ("{{ len .s }} {{ len .list }} {{ len .map }} {{ len `中` }}", "4 3 2 3"),
        (
            "{{ index .list 1 }} {{ index .map `a` }} {{ index .deep `er` `est` }} {{ index .labels `no` }}|",
            "b 1 found |",
        ),
        ("{{ slice .list 1 }} {{ slice .s 1 3 }} {{ slice .list 0 1 }}", "[b c] ex [a]"),
        (
            "{{ html `<a&'\">` }} {{ js `it's <b>` }} {{ urlquery `a b&c` }}",
            "&lt;a&amp;&#39;&#34;&gt; it\\'s \\u003Cb\\u003E a+b%26c",
        ),
        ("{{ print 1 2 `a` `b` 3 }}|{{ println `a` 1 }}", "1 2ab3|a 1\n"),
    ],
)
def test_functions(text: str, expected: str) -> None:
    check(text, expected)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{", "1:1: unclosed action"),
        ("a\n  {{ .s", "2:3: unclosed action"),
        ("{{ `a }}", "1:4: unterminated string"),
        ('{{ "a\n" }}', "1:4: unterminated string"),
        ("{{/* a }}", "1:1: unclosed comment"),
        ("{{/* a */ 1}}", "comment ends before the closing"),
        ("{{ }}", "missing value for command"),
        ("{{ if }}{{ end }}", "missing value for if"),
        ("{{ if 1 }}", "an {{end}} is missing"),
        ("{{ end }}", "unexpected {{end}}"),
        ("{{ else }}", "unexpected {{else}}"),
        ("{{ if 1 }}{{ else }}{{ else }}{{ end }}", "another {{else}}"),
        ("{{ with 1 }}{{ else if 1 }}{{ end }}", "unexpected {{else if}} in with"),
        ("{{ break }}", "{{break}} outside {{range}}"),
        ("{{ range 1 }}{{ define `x` }}{{ end }}{{ end }}", "{{define}} stands inside another action"),
        ('{{ define "x" }}{{ break }}{{ end }}', "outside {{range}}"),
        ('{{ define "x" }}a{{ end }}{{ define "x" }}b{{ end }}', "'x' is defined twice"),
        ("{{ template x }}", "where a template's name in quotes belongs"),
        ("{{ nope }}", "1:4: function 'nope' is not defined"),
        ("{{ $x }}", "undefined variable '$x'"),
        ("{{ $x = 1 }}", "undefined variable '$x'"),
        ("{{ if 1 }}{{ $x := 1 }}{{ end }}{{ $x }}", "undefined variable '$x'"),
        ("{{ $a, $b := 1 }}", "too many declarations in command"),
        ("{{ range $a, $b, $c := .list }}{{ end }}", "too many declarations in range"),
        ("{{ 1 | 2 }}", "non executable command 2 in pipeline stage 2"),
        ("{{ .s | }}", "missing command after |"),
        ("{{ (.s }}", "unexpected '}}' in parenthesized pipeline"),
        ("{{ .s) }}", "unexpected ')'"),
        ("{{ 1.2.3 }}", "bad number 1.2.3"),
        ("{{ 99999999999999999999 }}", "does not fit into 64 bits"),
        ("{{ 'ab' }}", "malformed character constant"),
        (r'{{ "\z" }}', "bad escape"),
        ("{{ .s%2 }}", "bad character '%' after '.s'"),
        ("{{ $labels.x * 2 }}", "1:14: unrecognized character U+002A"),
        ("{{ .n * 2 }}", "unrecognized character U+002A"),
        ("{{ nil.x }}", "unexpected . after nil"),
        ("{{ if }", "unrecognized character U+007D"),
        ("{{" + "(" * 150 + "1" + ")" * 150 + "}}", "nested deeper than 100 levels"),
        ("{{if 1}}" * 150 + "{{end}}" * 150, "nested deeper than 100 levels"),
    ],
)
def test_what_is_no_template(text: str, message: str) -> None:
    with pytest.raises(TemplateError) as caught:
        Template.parse(text, FUNCTIONS)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\n {{ .s.more }}", "t:2:5: at <.s.more>: can't evaluate field more in type string"),
        ("{{ .host.secret }}", "can't evaluate field secret in type Host"),
        ("{{ .host.__class__ }}", "can't evaluate field __class__ in type Host"),
        ("{{ .list.append }}", "can't evaluate field append in type []interface {}"),
        ("{{ .map.keys.x }}{{ .map.items 1 }}", "items is not a method but has arguments"),
        ("{{ .host.Name 1 }}", "Name has arguments but cannot be invoked as function"),
        ("{{ 1 2 }}", "can't give argument to non-function 1"),
        ("{{ upper }}", "wrong number of args for upper: want 1 got 0"),
        ("{{ upper 1 }}", "wrong type for value; expected string; got int"),
        ("{{ .host.Greet }}", "wrong number of args for Greet: want 1 to 2 got 0"),
        ("{{ add 1 `x` }}", "wrong type for value; expected int; got string"),
        ("{{ .far }}", "at <.far>: time 10000000000000000000000000 ns is outside"),
        ("{{ fail }}", "at <fail>: error calling fail: it is broken"),
        ("{{ range .s }}{{ end }}", "range can't iterate over text of type string"),
        ("{{ index .list 5 }}", "index out of range: 5"),
        ("{{ index .nil 0 }}", "index of untyped nil"),
        ("{{ slice .list 2 1 }}", "invalid slice index: 2 > 1"),
        ("{{ len 3 }}", "len of type int"),
        ("{{ lt 1 `a` }}", "incompatible types for comparison"),
        ("{{ lt .list 1 }}", "invalid type for comparison"),
        ("{{ eq .list .list }}", "non-comparable type"),
        ("{{ template `none` }}", "template 'none' is not defined"),
        ("{{ call .s }}", "non-function of type string"),
        ("{{ expanded `{{ nope }}` 1 }}", "function 'nope' is not defined"),
    ],
)
def test_what_fails_on_the_data(text: str, message: str) -> None:
    template = Template.parse(text, FUNCTIONS, name="t")
    with pytest.raises(TemplateError) as caught:
        template.render(DATA)
    assert message in str(caught.value)


def test_missing_keys_as_asked() -> None:
    text = "{{ .labels.no }}|{{ .map.no }}"

    def render(missing: MissingKey) -> str:
        return Template.parse(text, {}, options=TemplateOptions(missing=missing)).render(DATA)

    assert render(MissingKey.ZERO) == "|<no value>"
    assert render(MissingKey.DEFAULT) == "<no value>|<no value>"
    with pytest.raises(TemplateError, match="map has no entry for key 'no'"):
        render(MissingKey.ERROR)


@pytest.mark.parametrize(
    ("text", "limits", "message"),
    [
        ("{{ range 100 }}0123456789{{ end }}", RenderLimits(output_chars_max=500), "output exceeds 500 characters"),
        ("{{ printf `%600d` 1 }}", RenderLimits(output_chars_max=500), "result exceeds 500 characters"),
        ("{{ range 100000 }}{{ end }}", RenderLimits(iterations_max=1000), "more than 1000 loop iterations"),
        ('{{ define "x" }}{{ template "x" }}{{ end }}{{ template "x" }}', RenderLimits(), "maximum template depth"),
        ("{{ expanded .s . }}", RenderLimits(), "maximum template depth"),
        ("{{ range 100000 }}{{ end }}", RenderLimits(time_s_max=0.5), "took longer than 0.5 s"),
    ],
)
def test_limits(text: str, limits: RenderLimits, message: str) -> None:
    ticks = iter(range(1_000_000))
    options = TemplateOptions(limits=limits, monotonic_s=lambda: next(ticks) / 1000)
    data = {"s": "{{ expanded .s . }}"}
    with pytest.raises(TemplateError) as caught:
        Template.parse(text, FUNCTIONS, options=options).render(data)
    assert message in str(caught.value)


@pytest.mark.parametrize("end", ["{{ $x }}", "{{ printf `%d` $x }}", "{{ toJson $x }}", "{{ print $x }}"])
def test_values_that_are_endless_in_print_are_an_error(end: str) -> None:
    text = "{{ $x := list 1 }}{{ range 60 }}{{ $x = list $x $x }}{{ end }}" + end
    with pytest.raises(TemplateError, match="a value whose text exceeds"):
        Template.parse(text, DATA_FUNCTIONS).render()


def test_variables_and_functions_are_given_when_rendering() -> None:
    template = Template.parse("{{ $a }}{{ upper $b }}", FUNCTIONS, variables=("$a", "$b"))
    lower = {"upper": lambda text: text.lower()}
    assert template.render(None, {"$a": 1, "$b": "X"}) == "1X"
    assert template.render(None, {"$a": 2, "$b": "X"}, lower) == "2x"


def test_call_runs_functions_that_the_data_holds() -> None:
    assert Template.parse("{{ call .f 2 }}", {}).render({"f": lambda number: number + 1}) == "3"
