"""The dead man's switch, both ways: what must be heard from, and what hears from us.

In come signs of life of jobs (:mod:`fenghuo.heartbeat.service`), each with a schedule that says by when the next is
due. Out come alerts, handed to whoever takes alerts, and series ``heartbeat_*``. The other way round,
:mod:`fenghuo.heartbeat.watchdog` tells a server elsewhere at an interval that this program works, so that somebody
notices when it does not.

What came in is kept in the database, and told all the same when the database refuses. Deliberately absent: a history
of signs of life; the series are that.
"""
