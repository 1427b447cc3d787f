"""Roles, identities, and what each kind of request needs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Role(IntEnum):
    """Each role may do what those before it may."""

    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3

    @classmethod
    def named(cls, name: str) -> Role:
        return cls[name.upper()]

    @property
    def word(self) -> str:
        return self.name.lower()


class Proof(StrEnum):
    """How a request showed who it comes from."""

    SESSION = "session"
    BASIC = "basic"
    TOKEN = "token"  # noqa: S105 - a word, not a secret
    COMMAND_LINE = "command_line"
    """The token that the server leaves for commands on its machine."""
    OPEN_SERVER = "open_server"  # Started with --no-auth.


class Scope(StrEnum):
    """What a token may be narrowed to. It may then do what any of its scopes allows and its role does."""

    READ = "read"
    """Whatever a viewer may."""
    INTAKE = "intake"
    """Report alerts."""
    PUSH = "push"
    """Write samples."""
    SILENCE = "silence"
    """Make and end silences."""

    @property
    def role(self) -> Role:
        """The least role that has a use for it."""
        return Role.VIEWER if self is Scope.READ else Role.OPERATOR


COMMAND_LINE, LOCAL = "command line", "local"
NO_ACCOUNTS = frozenset({COMMAND_LINE, LOCAL})
"""Who may make tokens without being an account: commands on the server's machine, and a server without sign-in."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is asking. ``scopes`` are a token's; none leave the role whole. ``made_by`` is whose account a token is."""

    name: str
    role: Role
    proof: Proof
    csrf_token: str = ""
    scopes: frozenset[Scope] = frozenset()
    made_by: str = ""

    @property
    def account(self) -> str:
        """Whom it goes back to: also what was made by a token is its account's, and ends with that."""
        return self.made_by or self.name

    @property
    def via(self) -> str:
        """How it asks, as time lines and the audit trail name it."""
        return {Proof.SESSION: "panel", Proof.TOKEN: "token"}.get(self.proof, "api")


OPEN_PATHS = frozenset(
    {
        "/-/healthy",
        "/-/ready",
        "/api/fenghuo/session",
        "/api/fenghuo/status",
        "/health",
        "/health/live",
        "/health/ready",
    }
)
"""Paths that answer everybody: probes, sign-in, and what the sign-in page shows."""

OPEN_FEED = "/api/fenghuo/oncall/feed/"
"""Calendar feeds answer whoever has their path, which is signed: calendar programs cannot sign in."""

OPEN_HEARTBEAT = "/api/fenghuo/heartbeat/"
"""Jobs say that they are well at a path that is signed: a line of a crontab should hold no account."""

INTAKE = "/api/fenghuo/intake/"
"""Where other programs report alerts."""

ADMIN_ONLY = ("/-/", "/api/v1/admin/", "/api/fenghuo/tokens", "/api/fenghuo/audit")
"""Beginnings of paths that are for administrators, also to look at."""

READ_BY_POST = frozenset(
    {
        "/api/v1/query",
        "/api/v1/query_range",
        "/api/v1/query_exemplars",
        "/api/v1/format_query",
        "/api/v1/parse_query",
        "/api/v1/series",
        "/api/v1/labels",
        "/api/fenghuo/whatif/route",
    }
)
"""POST here only carries what is asked; it changes nothing."""


def role_needed(method: str, path: str, *, metrics_open: bool) -> Role | None:
    """The least role that may do this, or None when everybody may."""
    if path in OPEN_PATHS or path.startswith((OPEN_FEED, OPEN_HEARTBEAT)) or (path == "/metrics" and metrics_open):
        return None
    if path.startswith(ADMIN_ONLY):
        return Role.ADMIN
    if not path.startswith(("/api/", "/metrics", "/federate")):
        return None
    return Role.OPERATOR if changes_state(method, path) else Role.VIEWER


def changes_state(method: str, path: str) -> bool:
    """Whether the request does more than read; a session must then prove with its CSRF token who sent it."""
    if method == "POST":
        return path not in READ_BY_POST
    return method not in ("GET", "HEAD", "OPTIONS")


def scope_needed(method: str, path: str) -> Scope | None:
    """The scope that lets a narrowed token do this; None when none does."""
    if path.startswith(ADMIN_ONLY):
        return None
    if not changes_state(method, path):
        return Scope.READ
    if path.startswith(INTAKE) or path == "/api/v2/alerts":
        return Scope.INTAKE
    if path == "/api/v1/write" or path.startswith("/api/v1/import"):
        return Scope.PUSH
    return Scope.SILENCE if path.startswith("/api/v2/silence") else None
