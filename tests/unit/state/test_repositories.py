"""What goes into each table comes out of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenghuo.base.errors import InputError, OperatingError
from fenghuo.model.account import ApiToken, Session, User
from fenghuo.model.alert import Alert
from fenghuo.model.heartbeat import MadeHeartbeat, Pulse
from fenghuo.model.labels import Labels
from fenghuo.model.notification import (
    Attempt,
    NoticeClaim,
    NoticeState,
    NotificationEntry,
    NotificationKey,
)
from fenghuo.model.reading import Reading, Watched
from fenghuo.state import State, open_state
from fenghuo.state.notifications import NOTICES_KEPT_MS

KEY = NotificationKey('{}:{alertname="x"}', "team", "webhook", 0)
CLAIM = NoticeClaim(KEY, "first", "firing", 2, claimed_at_ms=1_000)
ENTRY = NotificationEntry(frozenset({1, 2**64 - 1}), frozenset({7}), 1_000, 9_000)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@settings(max_examples=50, deadline=None)
@given(pairs=st.dictionaries(texts, texts, max_size=5), starts=st.integers(0, 2**53), ours=st.booleans())
def test_alerts_with_any_text(pairs: dict[str, str], starts: int, ours: bool) -> None:
    reading = Reading(0.5, Watched(next(iter(pairs), "x"), ">", 3.0)) if ours else None
    alert = Alert(Labels(pairs), starts, starts + 5, Labels(pairs), "http://g/?a=b", starts + 1, reading)
    with open_state("sqlite://") as state:
        state.alerts.save([(alert, ours, alert.labels.fingerprint())])
        assert state.alerts.load() == [(alert, ours)]


def test_an_alert_is_replaced_and_removed(state: State) -> None:
    labels = Labels({"alertname": "x"})
    for ends_ms in (10, 20):
        state.alerts.save([(Alert(labels, 1, ends_ms), False, labels.fingerprint())])
    ((alert, _),) = state.alerts.load()
    assert alert.ends_at_ms == 20
    state.alerts.remove([labels.fingerprint(), 12345])
    assert state.alerts.load() == []


def test_many_alerts_in_one_call(state: State) -> None:
    alerts = [Alert(Labels({"alertname": "x", "i": str(i)}), 1, 2) for i in range(3000)]
    state.alerts.save([(alert, False, alert.labels.fingerprint()) for alert in alerts])
    assert len(state.alerts.load()) == 3000
    state.alerts.remove(alert.labels.fingerprint() for alert in alerts)
    assert state.alerts.load() == []


def test_a_notice_from_claim_to_mark(state: State) -> None:
    log = state.notifications
    number = log.claim(CLAIM)
    assert log.entries([KEY]) == {}, "a claim says nothing about what arrived"
    log.attempted(number, Attempt(1, 1_000, 20, "HTTP 500"))
    log.mark_sent(number, KEY, ENTRY, Attempt(2, 1_500, 10))
    assert log.entries([KEY]) == {KEY: ENTRY}
    assert log.attempts_of(number) == [Attempt(1, 1_000, 20, "HTTP 500"), Attempt(2, 1_500, 10)]
    (notice,) = log.recent(10)
    assert (notice.state, notice.attempts, notice.error) == (NoticeState.SENT, 2, "HTTP 500")
    assert (notice.claim, notice.finished_at_ms) == (CLAIM, 1_510)


def test_together_is_all_or_nothing(url: str) -> None:
    with open_state(url) as state:
        log = state.notifications

        def half() -> None:
            log.mark_sent(log.claim(CLAIM), KEY, ENTRY, Attempt(1, 1, 1))
            raise OperatingError("full", retryable=True)

        with pytest.raises(OperatingError):
            log.together(half)
        assert log.recent(5) == []
        assert log.entries([KEY]) == {}
        numbers = log.together(lambda: [log.claim(CLAIM), log.claim(CLAIM)])
        assert [notice.id for notice in log.recent(5)] == numbers[::-1]


def test_entries_are_found_by_the_whole_key(url: str) -> None:
    with open_state(url) as state:
        log = state.notifications
        other = replace(KEY, index=KEY.index + 1)
        log.remember(KEY, ENTRY)
        assert log.entries([KEY, other]) == {KEY: ENTRY}
        assert log.entries([other]) == {}
        many = [replace(KEY, group_key=f"g{number}") for number in range(1_200)]
        assert log.entries([*many, KEY]) == {KEY: ENTRY}


def test_a_failed_notice_leaves_the_entry(state: State) -> None:
    log = state.notifications
    log.remember(KEY, ENTRY)
    log.mark_failed(log.claim(CLAIM), Attempt(1, 2_000, 5, "refused"))
    assert log.entries([KEY]) == {KEY: ENTRY}
    (notice,) = log.recent(1)
    assert (notice.state, notice.error, notice.finished_at_ms) == (NoticeState.FAILED, "refused", 2_005)


def test_open_claims_are_interrupted_once(state: State) -> None:
    log = state.notifications
    log.claim(CLAIM)
    log.mark_sent(log.claim(CLAIM), KEY, ENTRY, Attempt(1, 1, 1))
    assert log.interrupt_open(5) == 1
    assert log.interrupt_open(6) == 0
    assert [notice.state for notice in log.recent(5)] == [NoticeState.SENT, NoticeState.INTERRUPTED]


def test_expiry(state: State) -> None:
    log = state.notifications
    number = log.claim(CLAIM)
    log.attempted(number, Attempt(1, 1, 1))
    log.remember(KEY, ENTRY)
    log.expire(ENTRY.expires_at_ms - 1)
    assert log.entries([KEY]).get(KEY) == ENTRY
    log.expire(ENTRY.expires_at_ms)
    assert log.entries([KEY]).get(KEY) is None
    assert len(log.recent(5)) == 1
    log.expire(CLAIM.claimed_at_ms + NOTICES_KEPT_MS + 1)
    assert log.recent(5) == []
    assert log.attempts_of(number) == []


def test_accounts(state: State) -> None:
    ann = User("ann", "viewer", "h1")
    state.users.create(ann)
    with pytest.raises(InputError, match="'ann' exists already"):
        state.users.create(ann)
    state.users.set_role("ann", "admin")
    assert state.users.users() == [User("ann", "admin", "h1")]
    for change in (lambda: state.users.set_role("bob", "admin"), lambda: state.users.delete("bob")):
        with pytest.raises(InputError, match="no account named 'bob'"):
            change()


def test_sessions_end_by_time_sign_out_and_new_password(state: State) -> None:
    state.users.create(User("ann", "viewer", "h1"))
    session = Session("ann", "csrf", expires_at_ms=100)
    for token in ("t1", "t2", "t3"):
        state.sessions.create(token, session)
    assert state.sessions.find("t1", 99) == session
    assert state.sessions.find("t1", 100) is None
    state.sessions.delete("t1")
    assert state.sessions.find("t1", 1) is None
    state.users.set_password("ann", "h2")
    assert state.sessions.find("t2", 1) is None
    state.sessions.create("t4", session)
    assert state.sessions.purge_expired(100) == 1
    with pytest.raises(InputError, match="no such account"):
        state.sessions.create("t5", Session("ghost", "c", 100))


def test_tokens_are_found_until_they_are_over(state: State) -> None:
    ci = ApiToken("ci", "operator", ("intake", "read"), "ann", 1)
    state.tokens.create("t1", ci)
    state.tokens.create("t2", ApiToken("once", "viewer", (), "ann", 1, expires_ms=50))
    with pytest.raises(InputError, match="'ci' exists already"):
        state.tokens.create("t3", ApiToken("ci", "admin", (), "bob", 2))
    assert state.tokens.find("t1", 10**12) == ci
    assert state.tokens.find("t2", 49) is not None
    assert state.tokens.find("t2", 50) is None
    assert [token.name for token in state.tokens.all()] == ["ci", "once"]
    state.tokens.used("t1", 70, "10.0.0.7")
    assert state.tokens.find("t1", 80) == replace(ci, used_ms=70, used_from="10.0.0.7")
    state.tokens.revoke("ci")
    assert state.tokens.find("t1", 80) is None
    with pytest.raises(InputError, match="no token named 'ci'"):
        state.tokens.revoke("ci")


def test_tokens_go_with_the_account_that_made_them(state: State) -> None:
    state.users.create(User("ann", "admin", "h1"))
    state.tokens.create("t1", ApiToken("hers", "admin", (), "ann", 1))
    state.tokens.create("t2", ApiToken("his", "admin", (), "bob", 1))
    state.users.delete("ann")
    assert [token.name for token in state.tokens.all()] == ["his"]


def test_a_secret_stays_and_is_nobody_elses(url: str) -> None:
    with open_state(url) as first:
        made = first.secret("feeds")
    with open_state(url) as second:
        assert second.secret("feeds") == made
        assert len(made) == 32
        assert second.secret("links") != made


def test_heartbeats_are_replaced_and_removed_with_what_was_heard(state: State) -> None:
    kept = state.heartbeats
    first = MadeHeartbeat("backup", '{"period": "1h"}', "ann", 1)
    second = MadeHeartbeat("backup", '{"cron": "0 2 * * *"}', "bob", 2)
    for made in (first, second):
        kept.make(made)
        kept.save([Pulse("backup", made.made_ms, failed_ms=5), Pulse("feed", 1)])
    assert kept.made() == [second]
    full = Pulse("backup", 1, 2, 3, 4, 5, 6, 7, 8, "said")
    kept.save([full])
    assert kept.pulses() == [full, Pulse("feed", 1)]
    kept.remove("backup")
    assert (kept.made(), kept.pulses()) == ([], [Pulse("feed", 1)])
    kept.forget_pulses(["feed"])
    assert kept.pulses() == []


def test_labels_that_are_no_utf8_come_back_as_they_were(state: State) -> None:
    alert = Alert(Labels({"alertname": "half \ud83d", "zh": "烽火", "nul": "\x00"}), 1, 2)
    state.alerts.save([(alert, True, 7)])
    assert state.alerts.load() == [(alert, True)]


def test_texts_that_no_database_keeps_are_kept_without_what_is_wrong_with_them(state: State) -> None:
    odd = "a\x00b\ud800c"
    key = replace(KEY, group_key=odd, receiver=odd)
    number = state.notifications.claim(replace(CLAIM, key=key))
    state.notifications.mark_sent(number, key, ENTRY, Attempt(1, 1_000, 5, odd))
    state.alerts.save([(Alert(Labels({"alertname": "x"}), 1, 2, generator_url=odd), False, 7)])

    assert state.notifications.entries([key, KEY]) == {key: ENTRY}
    (notice,) = state.notifications.recent(10)
    assert (notice.claim.key.group_key, notice.claim.key.receiver, notice.error) == ("ab?c",) * 3
    ((alert, _),) = state.alerts.load()
    assert alert.generator_url == "ab?c"
