"""Whatever is written in a template, it gives text or a TemplateError, and nothing else."""

from __future__ import annotations

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st

from fenghuo.model.labels import Labels
from fenghuo.rules.functions import rule_functions
from fenghuo.template import RenderLimits, Template, TemplateError, TemplateOptions
from fenghuo.template.builtins import BUILTINS
from fenghuo.template.functions import DATA_FUNCTIONS
from fenghuo.template.gotime import Time

FUNCTIONS = {**rule_functions(lambda expr, time_ms: [(Labels({"a": expr}), 1.5)], 1000, "http://f"), **DATA_FUNCTIONS}
OPTIONS = TemplateOptions(limits=RenderLimits(output_chars_max=10_000, iterations_max=100, time_s_max=5.0))
DATA = {
    "a": [1, "x", None, [2.5]],
    "b": {"k": 1, "j": "y"},
    "Labels": Labels({"job": "api"}),
    "t": Time(10**18),
    "nested": {"x": {}},
}
NAMES = [*FUNCTIONS, *BUILTINS, "and", "or", "call", ".t.Format", ".t.Add", ".t.AddDate", "(toDuration 5).Round"]
OPERANDS = [
    *[".", ".a", ".b", ".Labels", ".Labels.job", ".t", "$", ".nested.x", ".missing", ".t.Format", ".t.Month"],
    *["nil", "true", "0", "1", "-2", "1.5", "-1e308", "9e300", "18446744073709551615", "'c'", "0x1"],
    *['""', '"text"', '"%d"', '"%c%U%[3]*.[2]*[1]f"', '"2006-01-02"', '"("', '"1h"', '"x:1"', '"中%zz"', '"NaN"'],
    *["(query `x`)", "(query `x` | first)", "(list 1 `a`)", "(dict `k` 1)", "(toTime 1)", "(args)", "(safeHtml `<`)"],
]
SHAPES = [
    *["{{ # }}", "{{ range # }}{{ . }}{{ end }}", "{{ with # }}{{ .Foo }}{{ . }}{{ else }}x{{ end }}"],
    *["{{ if # }}a{{ end }}", "{{ $x := # }}{{ $x }}", "{{ printf `%v %d %s %q %x %08.3f %T %#v` (#) 1 }}"],
    *["{{ toJson (#) }}", "<a href='{{ # }}'>", "<p style={{ # }}>", "<script>{{ # }}</script>", "# {{- # -}} }}"],
]


def try_it(text: str, *, html: bool = False, data: object = DATA) -> None:
    """Any exception but TemplateError fails the test."""
    with contextlib.suppress(TemplateError):
        assert isinstance(Template.parse(text, FUNCTIONS, options=OPTIONS, html=html).render(data), str)


@st.composite
def actions(draw: st.DrawFn) -> str:
    """A template whose parts are all right, put together anyhow."""
    arguments = draw(st.lists(st.sampled_from(OPERANDS), max_size=3))
    command = " ".join([draw(st.sampled_from(NAMES)), *arguments])
    if draw(st.booleans()):
        command = f"{draw(st.sampled_from(OPERANDS))} | {command}"
    return draw(st.sampled_from(SHAPES)).replace("#", command)


@given(actions(), st.booleans())
@settings(max_examples=500, deadline=None)
def test_actions(text: str, html: bool) -> None:
    try_it(text, html=html)


@given(st.lists(st.one_of(st.sampled_from([*"{}|().$=,-", "{{", "}}", "end", *OPERANDS]), st.text(max_size=3))))
@settings(max_examples=200, deadline=None)
def test_any_text(parts: list[str]) -> None:
    try_it(" ".join(parts))


@given(
    st.text(alphabet="%+-# 0129.*[]dvsqxXfgeEtTcUbo中", max_size=20),
    st.lists(st.one_of(st.integers(), st.floats(), st.text(), st.none(), st.booleans()), max_size=4),
)
@settings(max_examples=300, deadline=None)
def test_any_format(form: str, values: list[object]) -> None:
    arguments = " ".join(f"(index . {at})" for at in range(len(values)))
    try_it(f"{{{{ printf `{form}` {arguments} }}}}", data=values)
