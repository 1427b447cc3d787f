"""Texts are cut to a platform's limit as it counts, and what is left of the markup is whole."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from fenghuo.alerting.notify.cutting import Limit, Markup, characters, json_utf8, line, utf8, utf16

WORDS = st.text(st.sampled_from("ab 长🔴\n\"'"), max_size=20)
MEASURES = st.sampled_from([characters, utf8, utf16, json_utf8])
FAMILY = "👨‍👩‍👧"


def nested(simple: st.SearchStrategy[str], *wrappers: Callable[[str], str]) -> st.SearchStrategy[str]:
    """Texts of simple parts, some of them within one of ``wrappers``."""
    wrapped = st.recursive(
        simple,
        lambda inner: st.builds(
            lambda wrap, parts: wrap("".join(parts)), st.sampled_from(wrappers), st.lists(inner, max_size=3)
        ),
        max_leaves=8,
    )
    return st.lists(wrapped, max_size=8).map("".join)


def element(name: str, attributes: str = "") -> Callable[[str], str]:
    return lambda inner: f"<{name}{attributes}>{inner}</{name}>"


ELEMENTS = nested(
    st.one_of(WORDS, st.sampled_from(["&lt;", "&amp;", "&#39;", FAMILY, "<br>"])),
    element("b"),
    element("i"),
    element("a", ' href="http://x/?a=1&amp;b=2"'),
)


class Balance(HTMLParser):
    """Fails on an element that is not closed in its turn."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.still_open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag != "br":
            self.still_open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.still_open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@given(ELEMENTS, st.integers(20, 120), MEASURES)
def test_html_stays_whole(text: str, most: int, measure: Callable[[str], int]) -> None:
    limit = Limit(most, measure, Markup.HTML)
    cut = limit.cut(text)
    assert measure(cut) <= most
    balance = Balance()
    balance.feed(cut)
    balance.close()
    assert balance.still_open == []
    assert "<" not in balance.text
    assert "&" not in balance.text, "no entity is cut in two"
    assert (cut == text) == limit.holds(text)


LINES = st.lists(
    st.one_of(
        st.sampled_from(["**", "`", "[", FAMILY]).flatmap(
            lambda mark: {
                "**": st.builds("**{}**".format, st.text("ab长", min_size=1, max_size=30)),
                "`": st.builds("`{}`".format, st.text("ab长*", min_size=1, max_size=10)),
                "[": st.builds("[{}](http://x/{})".format, st.text("ab长", min_size=1), st.text("ab?=&", max_size=9)),
            }.get(mark, st.just(mark))
        ),
        st.text("ab 长🔴", max_size=12),
    ),
    max_size=4,
).map(" ".join)
MARKDOWN = st.lists(
    st.one_of(
        LINES,
        LINES.map("### {}".format),
        LINES.map("- {}".format),
        st.text("ab\n<>", max_size=20).map("\n```\n{}\n```\n".format),
    ),
    max_size=6,
).map("\n\n".join)


def rendered(text: str) -> str:
    """What a reader of Markdown sees as text."""
    seen = []
    for token in MarkdownIt().parse(text):
        if token.type == "inline":
            seen += [child.content for child in token.children or () if child.type == "text"]
    return "\n".join(seen)


@given(MARKDOWN, st.integers(12, 160), MEASURES)
def test_markdown_stays_whole(text: str, most: int, measure: Callable[[str], int]) -> None:
    """A reader of what is left sees no mark that a reader of the whole would not see."""
    limit = Limit(most, measure, Markup.MARKDOWN)
    cut = limit.cut(text)
    assert measure(cut) <= most
    assert (cut == text) == limit.holds(text)
    assert cut.count("```") % 2 == 0
    for mark in ("**", "](", "`"):
        assert rendered(cut).count(mark) <= rendered(text).count(mark)


@given(
    st.lists(
        st.one_of(
            st.builds("*{}*".format, st.text("ab长", min_size=1, max_size=20)),
            st.builds("<http://x/{}|{}>".format, st.text("ab?=", max_size=9), st.text("ab 长", max_size=9)),
            st.sampled_from(["&amp;", "&lt;", "\n", " ", FAMILY]),
            st.text("ab 长🔴", max_size=12),
        ),
        max_size=20,
    ).map(" ".join),
    st.integers(8, 120),
)
def test_slacks_markup_stays_whole(text: str, most: int) -> None:
    cut = Limit(most, markup=Markup.MRKDWN).cut(text)
    assert len(cut) <= most
    assert cut.count("<") == cut.count(">")
    assert cut.count("*") % 2 == 0
    assert re.search(r"&(?!amp;|lt;|gt;)", cut) is None


@given(st.text(max_size=60), st.integers(0, 80), MEASURES, st.sampled_from(["\n\n…", "…"]))
def test_any_text_in_any_unit(text: str, most: int, measure: Callable[[str], int], ellipsis: str) -> None:
    limit = Limit(most, measure, ellipsis=ellipsis)
    cut = limit.cut(text)
    assert measure(cut) <= most
    assert (cut == text) == (limit.holds(text) or not (text or most))


@pytest.mark.parametrize("markup", list(Markup))
@given(st.text(max_size=80), st.integers(0, 40))
def test_no_text_breaks_a_limit_whatever_it_holds(markup: Markup, text: str, most: int) -> None:
    assert utf8(Limit(most, utf8, markup).cut(text)) <= most


def test_what_is_drawn_as_one_is_not_cut_in_two() -> None:
    for together in (FAMILY, "👍🏽", "🇨🇳", "e\u0301", "1️⃣"):
        assert line(len(together) + 1).cut(f"a{together}bcd") in (f"a{together}…", "a…")
        assert line(len(together)).cut(f"a{together}bcd") == "a…"


def test_units() -> None:
    text = '长"🔴\n'
    assert [measure(text) for measure in (characters, utf8, utf16, json_utf8)] == [4, 9, 5, 11]


def test_it_is_cut_between_lines_where_that_loses_little() -> None:
    text = "\n".join(f"第{i}行" for i in range(100))
    cut = Limit(200, utf8).cut(text)
    assert utf8(cut) <= 200
    assert text.startswith(cut.removesuffix("\n\n…"))
    assert cut.removesuffix("\n\n…").endswith("行")
    assert line(4).cut("abcdef") == "abc…"
    assert line(4).cut("abcd") == "abcd"


def test_bold_ends_with_its_line() -> None:
    cut = Limit(40, markup=Markup.MARKDOWN).cut("2 ** 3 is 8\n" + "x" * 100)
    assert cut.count("**") == 1, "what was never bold is not closed"


def test_a_long_bold_line_keeps_its_beginning() -> None:
    cut = Limit(40, markup=Markup.MARKDOWN).cut(f"### t\n\n**{'x' * 100}**\n\nmore")
    assert re.fullmatch(r"### t\n\n\*\*x{20,}\*\*\n\n…", cut)
