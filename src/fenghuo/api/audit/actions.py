"""Which requests the audit trail tells of, and how it calls them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Action:
    """Something that is done. ``critical``: not without an entry that says so."""

    name: str
    subject: str = ""
    critical: bool = False


SUBJECT, VERB = "{subject}", "{verb}"
"""Steps of a path that stand for any, and for one of :data:`VERBS`."""
VERBS = frozenset(
    {"acknowledge", "snooze", "resolve", "reopen", "assign", "comment", "postmortem", "escalate"}
)  # fmt: skip
"""What people do to incidents. Another word is nothing that exists, and must not become an action of its own."""


@dataclass(frozen=True, slots=True)
class _Pattern:
    methods: tuple[str, ...]
    steps: tuple[str, ...]
    name: str
    critical: bool = False

    def action(self, steps: list[str]) -> Action | None:
        """What a request to this path does; None when the path is another."""
        if len(steps) != len(self.steps):
            return None
        pairs = list(zip(self.steps, steps, strict=True))
        if not all(_fits(own, step) for own, step in pairs):
            return None
        found = dict(pairs)
        # The last step of a link is its key, which belongs in no trail.
        subject = "" if self.name == ANSWER else found.get(SUBJECT, "")
        return Action(self.name.replace(VERB, found.get(VERB, "")), subject, self.critical)


def _fits(own: str, step: str) -> bool:
    return bool(step) if own == SUBJECT else step in VERBS if own == VERB else step == own


def _pattern(methods: str, path: str, name: str, *, critical: bool = False) -> _Pattern:
    """A row of the table; the name may use the verb."""
    return _Pattern(tuple(methods.split()), tuple(path.split("/")), name, critical)


REFUSED = "session.refused"
"""A request with a proof that does not hold, or that its account may not make."""
ANSWER = "incident.answer"
OWN = "/api/fenghuo"
ADMIN = "/api/v1/admin/tsdb"
PATTERNS = (
    _pattern("POST", f"{OWN}/session", "session.sign_in"),
    _pattern("DELETE", f"{OWN}/session", "session.sign_out"),
    _pattern("POST", f"{OWN}/tokens", "token.create", critical=True),
    _pattern("DELETE", f"{OWN}/tokens/{{subject}}", "token.revoke", critical=True),
    _pattern("POST PUT", "/-/reload", "config.reload"),
    _pattern("POST", "/api/v2/silences", "silence.set"),
    _pattern("DELETE", "/api/v2/silence/{subject}", "silence.expire"),
    _pattern("POST", f"{OWN}/incidents/{{subject}}/{{verb}}", "incident.{verb}"),
    _pattern("POST", "/a/{subject}", ANSWER),
    _pattern("POST", f"{OWN}/oncall/overrides", "oncall.override"),
    _pattern("DELETE", f"{OWN}/oncall/overrides/{{subject}}", "oncall.cancel"),
    _pattern("POST", f"{OWN}/oncall/swaps", "oncall.swap"),
    _pattern("POST", f"{OWN}/heartbeats", "heartbeat.create"),
    _pattern("DELETE", f"{OWN}/heartbeats/{{subject}}", "heartbeat.remove"),
    _pattern("POST", f"{OWN}/notify/test", "notify.test"),
    _pattern("POST PUT", f"{ADMIN}/delete_series", "metrics.delete", critical=True),
    _pattern("POST PUT", f"{ADMIN}/clean_tombstones", "metrics.clean", critical=True),
    _pattern("POST PUT", f"{ADMIN}/snapshot", "metrics.snapshot"),
)


def action_of(method: str, path: str) -> Action | None:
    """What the request does, as far as the trail tells of it."""
    steps = path.split("/")
    found = (pattern.action(steps) for pattern in PATTERNS if method in pattern.methods)
    return next((action for action in found if action is not None), None)
