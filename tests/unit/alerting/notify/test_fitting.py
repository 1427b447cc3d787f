"""A message that is too long is told of fewer alerts, whole ones, and says how many are left out."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from fenghuo.alerting.notify.cutting import Limit, utf8
from fenghuo.alerting.notify.fitting import FEW, Chosen, fit
from fenghuo.alerting.notify.message import ToldAlert
from unit.alerting.notify.channels.support import told


def note(count: int) -> str:
    return f"{count} more"


@given(st.lists(st.tuples(st.integers(1, 60), st.booleans()), min_size=1, max_size=40), st.integers(20, 400))
def test_as_many_whole_alerts_as_there_is_room_for(sizes: list[tuple[int, bool]], most: int) -> None:
    alerts = [told(instance=f"{at:02d}" + "长" * size, resolved=resolved) for at, (size, resolved) in enumerate(sizes)]
    asked: list[int] = []

    def say(kept: Sequence[ToldAlert]) -> str:
        asked.append(len(kept))
        return "\n".join(alert.labels["instance"] for alert in kept)

    limit = Limit(most, utf8)
    text = fit(say, Chosen(alerts), limit, note)
    assert utf8(text) <= most
    ordered = sorted(alerts, key=lambda alert: alert.status != "firing")
    if text == say(alerts):
        return
    body, _, counted = text.rpartition("\n\n")
    kept = body.split("\n")
    if len(alerts) > 1 and "…" not in body:
        assert kept == [alert.labels["instance"] for alert in ordered[: len(kept)]], "what fires comes first"
        assert counted == note(len(alerts) - len(kept))
        one_more = say(ordered[: len(kept) + 1]) + "\n\n" + note(len(alerts) - len(kept) - 1)
        assert len(kept) + 1 == len(alerts) or not limit.holds(one_more)


def test_few_attempts_for_many_alerts() -> None:
    alerts = [told(instance=f"web-{number}") for number in range(10_000)]
    said: list[int] = []

    def say(kept: Sequence[ToldAlert]) -> str:
        said.append(len(kept))
        return "\n".join(alert.labels["instance"] for alert in kept)

    assert fit(say, Chosen(alerts), Limit(1000), note).endswith("9863 more")
    assert sum(said) < 12_000, "ten thousand alerts are put into words once, then only as many as may fit"


def test_of_one_alert_that_is_too_long_the_beginning_is_told() -> None:
    def say(kept: Sequence[ToldAlert]) -> str:
        return "\n".join("x" * 100 for _ in kept)

    assert fit(say, Chosen([told(), told()]), Limit(50), note) == "x" * 39 + "\n\n…\n\n1 more"
    assert fit(say, Chosen([told()]), Limit(50), note) == "x" * 47 + "\n\n…"
    assert fit(say, Chosen([told(), told()]), Limit(6), note) == "xxx\n\n…"


def test_what_is_beyond_the_few_is_counted_too() -> None:
    alerts = [told(instance=f"web-{number}", resolved=number < 500) for number in range(1000)]
    few = Chosen(alerts).few()
    assert ([alert.status for alert in few.alerts], few.beyond) == (["firing"] * FEW, 1000 - FEW)

    def say(kept: Sequence[ToldAlert]) -> str:
        return " ".join(alert.labels["instance"] for alert in kept)

    assert fit(say, few, Limit(10_000), note).endswith(f"web-{500 + FEW - 1}\n\n900 more")
    assert fit(say, few, Limit(100), note).endswith(" web-510\n\n989 more")
