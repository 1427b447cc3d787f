"""A fault in what is written down, which is no refusal of the database, costs nobody else anything."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from fenghuo.alerting.incident import machine
from fenghuo.model.escalation import Escalation
from fenghuo.model.incident import Actor, Incident, IncidentEvent
from unit.alerting.bench import Bench
from unit.alerting.escalation.duty import Duty
from unit.alerting.test_service import CONFIG

pytestmark = pytest.mark.anyio


async def test_alerts_wait_to_be_saved_after_a_fault(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(rows: Iterable[Any]) -> None:
        raise ZeroDivisionError

    async with bench.service(CONFIG) as alerting:
        monkeypatch.setattr(bench.state.alerts, "save", broken)
        with pytest.raises(ZeroDivisionError):
            await alerting.report([bench.firing("Down")])
        monkeypatch.undo()
        await alerting.report([bench.firing("Full")])
        assert sorted(alert.name for alert, _ in bench.state.alerts.load()) == ["Down", "Full"]
        await bench.until(15)
    assert len(bench.told) == 2


async def test_an_incident_that_cannot_be_recorded_keeps_no_other_from_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    save = bench.state.incidents.save

    def poisoned(changed: Sequence[Incident], events: Sequence[tuple[int, IncidentEvent]]) -> None:
        if any(each.title == "Down" for each in changed):
            raise ZeroDivisionError
        save(changed, events)

    monkeypatch.setattr(bench.state.incidents, "save", poisoned)
    async with bench.service(CONFIG) as alerting:
        await alerting.report([bench.firing("Down"), bench.firing("Full")])
        await bench.until(15)
        assert [each.title for each in bench.state.incidents.find()] == ["Full"]
        assert [each.title for each in alerting.incidents.live()] == ["Down", "Full"]
    assert sorted(told.names for told in bench.told) == [["Down firing"], ["Full firing"]]
    assert "INC-1 is not recorded" in caplog.text


async def test_an_answer_is_recorded_also_when_who_gave_it_is_cut_off(bench: Bench) -> None:
    goes_on, hangs = asyncio.Event(), False

    async def slow(work: Any, *args: Any) -> Any:
        if hangs and work == bench.state.incidents.save:
            await goes_on.wait()
        return work(*args)

    async with bench.service(CONFIG, offload=slow) as alerting:
        await alerting.report([bench.firing("Down")])
        await bench.until(15)
        hangs = True
        answer = alerting.incidents.act(1, lambda now, at_ms: machine.acknowledge(now, Actor("li", "link"), at_ms))
        answering = asyncio.ensure_future(answer)
        await bench.until(16)
        answering.cancel()
        await bench.until(17)
        goes_on.set()
        await bench.until(40)
        kept = bench.state.incidents.get(1)
        assert kept is not None
        assert kept.acknowledged_by == "li"
    assert answering.cancelled()


async def test_steps_are_taken_while_escalations_cannot_be_recorded(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(changed: Iterable[Escalation], gone: Iterable[int]) -> None:
        raise ZeroDivisionError

    duty = Duty(bench)
    async with duty.service() as alerting:
        monkeypatch.setattr(bench.state.escalations, "save", broken)
        await duty.fire(alerting)
        await bench.until(920)
        assert [who for _, who in duty.told()] == ["sms 1"]
        monkeypatch.undo()
        await bench.until(960)
        assert bench.state.escalations.load() == [alerting.escalations.get(1)]
