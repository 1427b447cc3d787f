"""Escalation: who is told next while nobody answers an incident.

In come settings (:mod:`settings`), incidents as they change, and moments. :mod:`course` is the pure heart: how an
escalation begins, pauses, stops and goes from step to step. :mod:`engine` keeps the escalations that live, takes the
steps that are due and survives restarts: a step is written down before it is taken and again after, so that each is
taken at least once, and only the one under way can be taken twice. :mod:`reach` finds the people and channels that a
step means, and tells them. :mod:`auditor` looks for what should have happened and did not.

What holds for an incident is settled when its escalation begins; settings that change later do not alter it, but for
the people behind a name: who is on call, and how they are reached, is asked at each step.
"""
