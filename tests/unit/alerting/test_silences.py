"""Making, changing and ending silences, by Alertmanager's rules; and that they survive."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fenghuo.alerting.mute.silences import RETENTION_MS, SILENCE_CHARS, SILENCES, Silences, UnknownSilenceError
from fenghuo.base.errors import InputError
from fenghuo.model.labels import Labels
from fenghuo.model.matcher import MatchOp
from fenghuo.model.silence import Condition, Silence, SilenceState
from unit.alerting.bench import Bench

NOW = 1_700_000_000_000
HOUR = 3_600_000
X = Condition("alertname", "X", MatchOp.EQUAL)
WANTED = Silence("", (X,), NOW, NOW + HOUR, "li", "deploying")
ROUTES = """
route: {receiver: team, group_by: [alertname], group_wait: 1s, group_interval: 10s}
receivers: [{name: team, webhook_configs: [{url: 'http://webhook1'}]}]
"""


def made(silences: Silences, wanted: Silence, now_ms: int = NOW) -> Silence:
    change = silences.set(wanted, now_ms)
    silences.take(change.kept)
    return silences.get(change.id)


def test_a_new_silence_begins_now_at_the_earliest() -> None:
    silence = made(Silences(), replace(WANTED, starts_ms=NOW - HOUR))
    assert (silence.starts_ms, silence.state_at(NOW)) == (NOW, SilenceState.ACTIVE)


def test_the_end_and_the_comment_of_an_active_silence_may_change() -> None:
    silences = Silences()
    first = made(silences, WANTED)
    again = made(silences, replace(first, ends_ms=NOW + 2 * HOUR, comment="longer"), NOW + 1)
    assert (again.id, again.ends_ms, again.comment) == (first.id, NOW + 2 * HOUR, "longer")
    assert len(silences) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"conditions": (Condition("alertname", "Y", MatchOp.EQUAL),)},
        {"starts_ms": NOW + HOUR // 2},
    ],
)
def test_other_matchers_or_another_start_end_it_and_make_another(change: dict[str, object]) -> None:
    silences = Silences()
    first = made(silences, WANTED)
    second = made(silences, replace(first, **change), NOW + 1000)  # type: ignore[arg-type]
    assert second.id != first.id
    assert silences.get(first.id).state_at(NOW + 1000) is SilenceState.EXPIRED


def test_one_that_is_over_comes_back_as_another() -> None:
    silences = Silences()
    first = made(silences, WANTED)
    second = made(silences, replace(first, ends_ms=NOW + 3 * HOUR), NOW + 2 * HOUR)
    assert second.id != first.id
    assert silences.get(first.id).ends_ms == NOW + HOUR


def test_pending_silences_never_begin_when_they_are_ended() -> None:
    silences = Silences()
    pending = made(silences, replace(WANTED, starts_ms=NOW + HOUR // 2))
    assert pending.state_at(NOW) is SilenceState.PENDING
    silences.take(silences.expire(pending.id, NOW + 1).kept)
    assert silences.get(pending.id).state_at(NOW + 1) is SilenceState.EXPIRED
    assert silences.silencing({"alertname": "X"}, NOW + HOUR // 2) == []
    with pytest.raises(InputError, match="already expired"):
        silences.expire(pending.id, NOW + 2)


def test_an_id_that_nobody_knows() -> None:
    with pytest.raises(UnknownSilenceError):
        Silences().set(replace(WANTED, id="no"), NOW)
    with pytest.raises(UnknownSilenceError):
        Silences().expire("no", NOW)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"conditions": ()}, "at least one matcher required"),
        ({"conditions": (Condition("a", "", MatchOp.EQUAL),)}, "must not match the empty string"),
        ({"conditions": (Condition("a", ".*", MatchOp.REGEX),)}, "must not match the empty string"),
        ({"conditions": (Condition("", "x", MatchOp.EQUAL),)}, "invalid label matcher 0"),
        ({"conditions": (X, Condition("a", "(", MatchOp.REGEX))}, "invalid label matcher 1"),
        ({"ends_ms": NOW - 1}, "end time must not be before start time"),
        ({"comment": "x" * SILENCE_CHARS.default}, "exceeded maximum size"),
    ],
)
def test_a_silence_that_cannot_be(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Silences().set(replace(WANTED, **change), NOW)  # type: ignore[arg-type]


def test_silences_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    silences = Silences()
    made(silences, WANTED)
    monkeypatch.setattr("fenghuo.alerting.mute.silences.SILENCES", replace(SILENCES, default=1))
    with pytest.raises(InputError, match="maximum number of silences"):
        silences.set(replace(WANTED, comment="x"), NOW)


def test_what_is_over_is_kept_for_five_days() -> None:
    silences = Silences()
    silence = made(silences, WANTED)
    assert silences.forget_expired(NOW + HOUR + RETENTION_MS - 1) == []
    assert silences.forget_expired(NOW + HOUR + RETENTION_MS) == [silence.id]


@pytest.mark.anyio
async def test_a_silence_survives_a_restart_and_loses_no_alert(bench: Bench) -> None:
    async with bench.service(ROUTES) as alerting:
        conditions = (Condition("alertname", "DiskFull|X", MatchOp.REGEX),)
        silence_id = await alerting.silence(Silence("", conditions, bench.ms(0), bench.ms(100), "li", '🙂 "q"\n'))
        alerting.intake.put([bench.alert("DiskFull", ends_s=500)])
        await bench.until(20)
    async with bench.service(ROUTES) as alerting:
        assert alerting.silences.get(silence_id).comment == '🙂 "q"\n'
        await bench.until(60)
        (view,) = await alerting.alerts()
        assert (view.silenced_by, view.suppressed) == ((silence_id,), True)
        assert bench.told == []
        await bench.until(125)
    assert [told.names for told in bench.told] == [["DiskFull firing"]]


def test_what_the_database_keeps(bench: Bench) -> None:
    silence = replace(WANTED, id="1", annotations=Labels({"a": "b"}))
    bench.state.silences.save([silence, replace(silence, id="2")])
    bench.state.silences.save([replace(silence, comment="other")])
    assert sorted(each.comment for each in bench.state.silences.load()) == ["deploying", "other"]
    bench.state.silences.remove(["2", "3"])
    assert bench.state.silences.load() == [replace(silence, comment="other")]
