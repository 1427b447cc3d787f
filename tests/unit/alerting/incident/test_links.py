"""Links: what was signed is read, what was changed is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenghuo.alerting.incident.links import LIFETIME_MS, TOKEN_CHARS_MAX, Grant, Links

LINKS = Links(b"secret")


@given(number=st.integers(1, 10**12), expires_s=st.integers(0, 2**40), person=st.text(max_size=40))
def test_what_is_signed_is_read(number: int, expires_s: int, person: str) -> None:
    grant = Grant(number, expires_s * 1000, "nonce", person)
    assert LINKS.read(LINKS.sign(grant)) == grant
    assert Links(b"another").read(LINKS.sign(grant)) is None


@given(place=st.integers(0, 200), char=st.sampled_from("ABab01-_."))
def test_what_is_changed_is_not_read(place: int, char: str) -> None:
    token = LINKS.sign(Grant(7, 1_700_000_000_000, "nonce", "zhang"))
    at = place % len(token)
    changed = token[:at] + char + token[at + 1 :]
    assert (LINKS.read(changed) is None) == (changed != token)


@pytest.mark.parametrize("token", ["", ".", "a.b", "é.é", "a" * TOKEN_CHARS_MAX + ".b"])
def test_rubbish_is_not_read(token: str) -> None:
    assert LINKS.read(token) is None


def test_no_two_links_are_alike() -> None:
    tokens = {LINKS.grant(7, 5_000) for _ in range(100)}
    assert len(tokens) == 100
    grants = [LINKS.read(token) for token in tokens]
    assert {grant.expires_ms for grant in grants if grant is not None} == {5_000 + LIFETIME_MS}
