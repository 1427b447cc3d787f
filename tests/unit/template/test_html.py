"""Values in a page: escaped for the place where they land."""

from __future__ import annotations

import pytest

from fenghuo.template import SafeHtml, SafeUrl, Template

EVIL = "<script>alert('x')</script>"


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ("<p>{{ . }}</p>", EVIL, "<p>&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;</p>"),
        ("<p>{{ . }}</p>", SafeHtml("<b>x</b>"), "<p><b>x</b></p>"),
        ("<p>{{ . }}</p>", None, "<p></p>"),
        ("<p>a < b {{ . }}</p>", "<", "<p>a < b &lt;</p>"),
        ('<p title="{{ . }}">', 'a"b', '<p title="a&#34;b">'),
        ("<p title='{{ . }}'>", "a'b", "<p title='a&#39;b'>"),
        ("<p title={{ . }} class=x>{{ . }}", "a b>c", "<p title=a&#32;b&#62;c class=x>a b&gt;c"),
        ('<p title="{{ . }}">{{ . }}', SafeHtml("<"), '<p title="&lt;"><'),
        ('<a href="{{ . }}">', "javascript:alert(1)", '<a href="#ZgotmplZ">'),
        ('<a href="{{ . }}">', " JavaScript:alert(1)", '<a href="#ZgotmplZ">'),
        ('<a href="{{ . }}">', "http://h/p?q=1&r=中", '<a href="http://h/p?q=1&amp;r=%e4%b8%ad">'),
        ('<a href="{{ . }}">', "/graph?g0.expr=up%20==%200", '<a href="/graph?g0.expr=up%20==%200">'),
        ('<a href="/s?q={{ . }}&x=1">', "a&b=c d", '<a href="/s?q=a%26b%3dc%20d&x=1">'),
        ('<a href="/s?{{ . }}">', SafeUrl("q=a%20b&c"), '<a href="/s?q=a%20b&amp;c">'),
        ('<img src="/{{ . }}/x.png">{{ . }}', "a b", '<img src="/a%20b/x.png">a b'),
        ("<script>var x = {{ . }};</script>{{ . }}", EVIL, None),
        ('<p style="color: {{ . }}">', "#E6522C", '<p style="color: #E6522C">'),
        ('<p style="color: {{ . }}">', "red; background: url(x)", '<p style="color: ZgotmplZ">'),
        (
            "<style>p { color: {{ . }} }</style><b>{{ . }}",
            "}</style>",
            "<style>p { color: ZgotmplZ }</style><b>}&lt;/style&gt;",
        ),
        ('<p onclick="f({{ . }})">', "'x'", '<p onclick="f(&#34;&#39;x&#39;&#34;)">'),
        ("<{{ . }}>", "b onclick=x", "<ZgotmplZ>"),
        ("<title>{{ . }}</title><p>{{ . }}", "<", "<title>&lt;</title><p>&lt;"),
        ("<!-- {{ . }} --><p>{{ . }}", "-->", "<!--  --><p>--&gt;"),
        ('<p {{ if . }}class="{{ . }}"{{ end }}>{{ . }}', '"', '<p class="&#34;">&#34;'),
    ],
)
def test_by_place(text: str, value: object, expected: str | None) -> None:
    rendered = Template.parse(text, {}, html=True).render(value)
    if expected is None:
        expected = (
            "<script>var x = \"\\u003cscript\\u003ealert('x')\\u003c/script\\u003e\";</script>"
            "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"
        )
    assert rendered == expected


def test_numbers_in_scripts_stay_numbers() -> None:
    text = "<script>x = {{ .n }}; y = {{ .l }}</script>"
    assert (
        Template.parse(text, {}, html=True).render({"n": 1.5, "l": [1, "a"]})
        == '<script>x = 1.5; y = [1, "a"]</script>'
    )
