"""From an alert to a person who knows of it: ``intake → route → mute → notify → channels``.

In come :class:`~fenghuo.model.alert.Alert` values, from rules and from the API, through
:meth:`intake.Intake.put`, from any thread. Out go messages through channels, with Alertmanager's behaviour and an
``alertmanager.yml`` as it is. :class:`service.Alerting` owns the alerts that are known, the groups with their timers,
and the log of who was told what; what must survive the process it hands to protocols that the state implements.

How it fails: settings that cannot be are refused as a whole, with every place (:class:`settings.AlertingSettings`).
A channel that fails is retried until the group's next interval and is visible in :meth:`service.Alerting.deliveries`.
A database that refuses keeps nobody from being told. A killed process costs at most a second copy of the notice that
was on its way, never a notice.

Deliberately absent so far: escalation; and any clustering.
"""
