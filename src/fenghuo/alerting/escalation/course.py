"""The course of an escalation: pure steps from where it stands to where it stands next.

Waits count from the step before, from the moment at which it was really taken. An escalation follows its incident: what
it becomes depends on the incident's state alone, so that nothing is lost when a process ends between the two.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any, Final

from fenghuo.alerting.escalation.settings import EscalationPolicy
from fenghuo.model.escalation import Escalation, EscalationState, FrozenPolicy, FrozenStep
from fenghuo.model.incident import Incident, IncidentState, Priority

PUT_OFF_MS_MIN: Final = 60_000
"""What is kept quiet is looked at again after this time at the earliest."""
WAITING, ACTING, PAUSED, STOPPED, OVER = EscalationState


def freeze(name: str, policy: EscalationPolicy, priority: Priority, ack_within_ms: int) -> FrozenPolicy:
    """The policy with nothing left open, for an incident of this priority."""
    return FrozenPolicy(
        name,
        priority,
        tuple(
            FrozenStep(ack_within_ms if step.after_ms is None else step.after_ms, tuple(step.targets))
            for step in policy.steps
        ),
        policy.repeat,
        ack_within_ms,
    )


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step as it comes if nobody answers and every step reaches somebody."""

    offset_ms: int
    """From the opening of the incident."""
    targets: tuple[str, ...]
    number: int
    """From 1, within its round."""
    round: int
    """From 1."""


def plan(policy: FrozenPolicy) -> list[PlannedStep]:
    """Every step of every round with its moment. For those who ask what would happen."""
    return [
        PlannedStep(offset_ms, step.targets, at % len(policy.steps) + 1, at // len(policy.steps) + 1)
        for at, (offset_ms, step) in enumerate(zip(accumulate(_waits(policy)), _steps(policy), strict=True))
    ]


def _steps(policy: FrozenPolicy) -> tuple[FrozenStep, ...]:
    return policy.steps * (policy.repeat + 1)


def _waits(policy: FrozenPolicy) -> Iterator[int]:
    for at, step in enumerate(_steps(policy)):
        again = at >= len(policy.steps) and at % len(policy.steps) == 0
        yield policy.again_ms if again else step.wait_ms


def begin(incident: int, policy: FrozenPolicy, since_ms: int) -> Escalation:
    """The escalation at its beginning."""
    return Escalation(incident, policy, since_ms + policy.steps[0].wait_ms)


def follow(known: Escalation | None, incident: Incident, policy: FrozenPolicy | None, now_ms: int) -> Escalation | None:
    """What becomes of an escalation as its incident stands now; None: there is none.

    ``policy`` is the one for the incident's priority by the settings of the moment, if it names any.
    """
    if not incident.live:
        return None
    if incident.state is IncidentState.OPEN:
        return _while_open(known, incident, policy, now_ms)
    if known is None or (known.state in (PAUSED, STOPPED) and incident.state is IncidentState.SNOOZED):
        return known
    # A step that is being taken is not taken back: what is paused is the wait for the next one.
    now = taken(known, now_ms, reached=True) if known.state is ACTING else known
    if incident.state is IncidentState.ACKNOWLEDGED or known.state is OVER:
        return replace(now, state=STOPPED, paused_ms=None)
    return replace(now, state=PAUSED, paused_ms=now_ms) if now.state is WAITING else replace(now, state=STOPPED)


def _while_open(
    known: Escalation | None, incident: Incident, policy: FrozenPolicy | None, now_ms: int
) -> Escalation | None:
    raised = known is not None and incident.priority < known.policy.priority
    if known is None or known.state is STOPPED or raised:
        if policy is not None:
            return begin(incident.number, policy, now_ms)
        # A more urgent priority without a policy of its own leaves the one under way at work.
        return None if known is None or known.state is STOPPED else known
    if known.state is PAUSED:
        waited_ms = now_ms - (known.paused_ms or now_ms)
        return replace(known, state=WAITING, paused_ms=None, next_at_ms=known.next_at_ms + waited_ms)
    return known


def put_off(known: Escalation, until_ms: int) -> Escalation:
    """Its wait begins anew at a moment until which the incident is kept quiet."""
    again = known.next_step == 0 and known.round > 0
    wait_ms = known.policy.again_ms if again else known.step.wait_ms
    return replace(known, next_at_ms=until_ms + max(wait_ms, PUT_OFF_MS_MIN))


def sooner(known: Escalation, by_ms: int) -> Escalation:
    """The same with its next step due so much sooner."""
    return replace(known, next_at_ms=known.next_at_ms - by_ms)


def claimed(known: Escalation) -> Escalation:
    """The same with its next step being taken."""
    return replace(known, state=ACTING)


def taken(known: Escalation, now_ms: int, *, reached: bool) -> Escalation:
    """After its step. ``now_ms`` is when the step began.

    When nobody was reached the next step of the round follows at once. A new round waits whatever happened: what keeps
    everybody from being reached, such as a network that is down, would use up all rounds in a moment.
    """
    policy, step, turn = known.policy, known.next_step + 1, known.round
    wait_ms = policy.steps[step].wait_ms if reached and step < len(policy.steps) else 0
    if step == len(policy.steps):
        step, turn, wait_ms = 0, turn + 1, policy.again_ms
    if turn > policy.repeat:
        return replace(known, state=OVER)
    return replace(known, state=WAITING, next_step=step, round=turn, next_at_ms=now_ms + wait_ms)


def caught_up(known: Escalation, now_ms: int) -> tuple[Escalation, int]:
    """As it goes on after nobody looked for a while, and how many steps were left out.

    What was due meanwhile is taken at once; of several only the newest. A step that was under way is taken again.
    """
    if known.state is ACTING:
        return replace(known, state=WAITING, next_at_ms=now_ms), 0
    missed = 0
    while known.state is WAITING:
        following = taken(known, known.next_at_ms, reached=True)
        if following.state is not WAITING or following.next_at_ms > now_ms:
            break
        known, missed = following, missed + 1
    return known, missed


def hurried(known: Escalation | None, incident: int, policy: FrozenPolicy | None, now_ms: int) -> Escalation | None:
    """With its next step due at once, because a person asked for it; None where there is no policy to go by.

    One that was stopped goes on where it was, one that is over begins again.
    """
    if known is None or known.state is OVER:
        policy = policy or (known.policy if known is not None else None)
        return None if policy is None else replace(begin(incident, policy, now_ms), next_at_ms=now_ms)
    if known.state is ACTING:
        return known
    return replace(known, state=WAITING, paused_ms=None, next_at_ms=now_ms)


def described(now: Escalation) -> str:
    """Which step it is, of how many, and whom it means."""
    policy = now.policy
    turn = f", round {now.round + 1} of {policy.repeat + 1}" if policy.repeat else ""
    return f"{policy.name}: step {now.next_step + 1} of {len(policy.steps)}{turn}: {', '.join(now.step.targets)}"


def facts(now: Escalation) -> dict[str, Any]:
    """The same for programs, and for other languages."""
    policy = now.policy
    return {
        "policy": policy.name,
        "step": now.next_step + 1,
        "steps": len(policy.steps),
        "round": now.round + 1,
        "rounds": policy.repeat + 1,
        "targets": list(now.step.targets),
    }
