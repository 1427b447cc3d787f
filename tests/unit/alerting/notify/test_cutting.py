"""Texts are cut to a platform's limit, and what is left of the markup is whole."""

from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from fenghuo.alerting.notify.cutting import cut_bytes, cut_chars, cut_html

WORDS = st.text(st.sampled_from("ab 长🔴\n"), max_size=20)


@st.composite
def elements(draw: st.DrawFn, depth: int = 3) -> str:
    parts = []
    for _ in range(draw(st.integers(0, 3))):
        kind = draw(st.sampled_from(["text", "entity", "b", "i", "a"]))
        if kind == "text" or depth == 0:
            parts.append(draw(WORDS))
        elif kind == "entity":
            parts.append(draw(st.sampled_from(["&lt;", "&amp;", "&#39;"])))
        else:
            attribute = ' href="http://x/?a=1&amp;b=2"' if kind == "a" else ""
            parts.append(f"<{kind}{attribute}>{draw(elements(depth - 1))}</{kind}>")
    return "".join(parts)


class Balance(HTMLParser):
    """Fails on an element that is not closed in its turn."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.still_open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.still_open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.still_open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@given(elements(), st.integers(40, 120))
def test_html_stays_whole(text: str, limit: int) -> None:
    cut = cut_html(text, limit)
    assert len(cut) <= limit
    balance = Balance()
    balance.feed(cut)
    balance.close()
    assert balance.still_open == []
    assert "<" not in balance.text
    assert "&" not in balance.text, "no entity is cut in two"
    assert (cut == text) == (len(text) <= limit)


@given(st.text(max_size=60), st.integers(8, 80))
def test_bytes(text: str, limit: int) -> None:
    cut = cut_bytes(text, limit)
    assert len(cut.encode()) <= limit
    assert (cut == text) == (len(text.encode()) <= limit)


@given(st.text(max_size=60), st.integers(1, 80))
def test_chars(text: str, limit: int) -> None:
    assert len(cut_chars(text, limit)) == min(len(text), limit)
