"""Who answers: people with their contacts, and schedules that say whose turn it is.

In come the settings (:class:`~fenghuo.alerting.oncall.settings.OnCallSettings`), overrides that people have made, and
moments. Out come shifts: who is on call from when to when, and where nobody is. Everything here but the service is a
pure function. The layers of a schedule are stacked: the last that has somebody at a moment wins, and an override wins
over all layers.

Deliberately absent: telling anybody, which is the escalation's business.
"""
