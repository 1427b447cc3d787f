"""Which requests the audit trail tells of, and how it calls them."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Action:
    """Something that is done. ``critical``: not without an entry that says so."""

    name: str
    subject: str = ""
    critical: bool = False


@dataclass(frozen=True, slots=True)
class _Pattern:
    methods: tuple[str, ...]
    path: re.Pattern[str]
    name: str
    critical: bool = False


def _pattern(methods: str, path: str, name: str, *, critical: bool = False) -> _Pattern:
    """``{subject}`` and ``{verb}`` in ``path`` stand for one step of it; the name may use the verb."""
    text = re.escape(path).replace(r"\{subject\}", "(?P<subject>[^/]+)").replace(r"\{verb\}", "(?P<verb>[a-z]+)")
    return _Pattern(tuple(methods.split()), re.compile(text), name, critical)


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
    _pattern("POST", "/a/{subject}", "incident.answer"),
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
REFUSED = "session.refused"
"""A request with a proof that does not hold, or that its account may not make."""
ANSWER = "incident.answer"


def action_of(method: str, path: str) -> Action | None:
    """What the request does, as far as the trail tells of it."""
    for pattern in PATTERNS:
        if method in pattern.methods and (found := pattern.path.fullmatch(path)):
            groups = found.groupdict()
            # The last step of a link is its key, which belongs in no trail.
            subject = "" if pattern.name == ANSWER else groups.get("subject", "")
            return Action(pattern.name.format(verb=groups.get("verb", "")), subject, pattern.critical)
    return None
