"""The audit trail: who did what, when, from where.

In come notes of requests that change something or were refused, and what other parts tell of themselves; out go
entries in the state database. An action does not wait for its entry, and goes on when the entry cannot be written
(the entry waits in a bounded queue) — but for actions that are critical (:mod:`actions`): tokens, and deletion of what
is stored. Those have an entry before they begin, or are refused.
"""
