"""The tables. Version :data:`VERSION`; how older ones become it is in :mod:`migrations`.

Times are int64 milliseconds since the epoch. Fingerprints are 16 hexadecimal digits, because SQL's integers are
signed. Sets of them and label sets are JSON, because nothing ever searches inside them.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    false,
)

VERSION = 10

metadata = MetaData()
_Id = BigInteger().with_variant(Integer, "sqlite")

meta = Table("meta", metadata, Column("key", String(64), primary_key=True), Column("value", Text, nullable=False))

alerts = Table(
    "alerts",
    metadata,
    Column("fingerprint", String(16), primary_key=True),
    Column("labels", Text, nullable=False),
    Column("annotations", Text, nullable=False),
    Column("generator_url", Text, nullable=False),
    Column("starts_at_ms", BigInteger, nullable=False),
    Column("ends_at_ms", BigInteger, nullable=False),
    Column("end_is_ours", Boolean, nullable=False),
    Column("updated_at_ms", BigInteger, nullable=False),
    Column("reading", Text),
)

notification_log = Table(
    "notification_log",
    metadata,
    Column("group_key", Text, primary_key=True),
    Column("receiver", Text, primary_key=True),
    Column("channel", String(32), primary_key=True),
    Column("channel_index", Integer, primary_key=True),
    Column("firing", Text, nullable=False),
    Column("resolved", Text, nullable=False),
    Column("sent_at_ms", BigInteger, nullable=False),
    Column("expires_at_ms", BigInteger, nullable=False, index=True),
)

notices = Table(
    "notices",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("group_key", Text, nullable=False),
    Column("receiver", Text, nullable=False),
    Column("channel", String(32), nullable=False),
    Column("channel_index", Integer, nullable=False),
    Column("reason", String(32), nullable=False),
    Column("status", String(16), nullable=False),
    Column("alerts", Integer, nullable=False),
    Column("claimed_at_ms", BigInteger, nullable=False, index=True),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("error", Text, nullable=False),
    Column("finished_at_ms", BigInteger),
    Column("incident", BigInteger),
    Column("instead_of", Text, nullable=False, server_default=""),
    Index("ix_notices_state", "state"),
    Index("ix_notices_incident", "incident"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("notice_id", _Id, ForeignKey("notices.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("duration_ms", BigInteger, nullable=False),
    Column("error", Text, nullable=False),
)

users = Table(
    "users",
    metadata,
    Column("name", String(255), primary_key=True),
    Column("role", String(16), nullable=False),
    Column("password_hash", Text, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("user_name", String(255), ForeignKey("users.name", ondelete="CASCADE"), nullable=False),
    Column("csrf_token", String(128), nullable=False),
    Column("expires_at_ms", BigInteger, nullable=False, index=True),
)

tokens = Table(
    "tokens",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("name", String(255), nullable=False, unique=True),
    Column("role", String(16), nullable=False),
    Column("scopes", Text, nullable=False),
    Column("made_by", String(255), nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger),
    Column("used_ms", BigInteger),
    Column("used_from", String(255), nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("at_ms", BigInteger, nullable=False, index=True),
    Column("actor", String(255), nullable=False, index=True),
    Column("via", String(32), nullable=False),
    Column("address", String(255), nullable=False),
    Column("action", String(64), nullable=False, index=True),
    Column("subject", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("refused", Boolean, nullable=False, server_default=false()),
)

oncall_overrides = Table(
    "oncall_overrides",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("schedule", String(255), nullable=False),
    Column("person", String(255), nullable=False),
    Column("start_ms", BigInteger, nullable=False),
    Column("end_ms", BigInteger, nullable=False, index=True),
    Column("made_by", String(255), nullable=False),
    Column("made_ms", BigInteger, nullable=False),
)

silences = Table(
    "silences",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("conditions", Text, nullable=False),
    Column("starts_ms", BigInteger, nullable=False),
    Column("ends_ms", BigInteger, nullable=False, index=True),
    Column("created_by", Text, nullable=False),
    Column("comment", Text, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Column("annotations", Text, nullable=False),
)

incidents = Table(
    "incidents",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("group_key", Text, nullable=False),
    Column("receiver", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("labels", Text, nullable=False),
    Column("priority", String(2), nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("firing", Text, nullable=False),
    Column("opened_ms", BigInteger, nullable=False, index=True),
    Column("acknowledged_ms", BigInteger),
    Column("acknowledged_by", Text, nullable=False),
    Column("snoozed_until_ms", BigInteger),
    Column("resolved_ms", BigInteger, index=True),
    Column("due_ms", BigInteger),
    Column("overdue_ms", BigInteger),
    Column("remind_ms", BigInteger, nullable=False),
    Column("assignee", Text, nullable=False),
    Column("postmortem_url", Text, nullable=False),
    Column("events", Integer, nullable=False),
)

incident_events = Table(
    "incident_events",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("incident", BigInteger, ForeignKey("incidents.number", ondelete="CASCADE"), nullable=False, index=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("actor", Text, nullable=False),
    Column("via", String(32), nullable=False),
    Column("text", Text, nullable=False),
    Column("data", Text, nullable=False),
)

escalations = Table(
    "escalations",
    metadata,
    Column("incident", BigInteger, primary_key=True, autoincrement=False),
    Column("policy", Text, nullable=False),
    Column("next_step", Integer, nullable=False),
    Column("round", Integer, nullable=False),
    Column("next_at_ms", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("paused_ms", BigInteger),
)

used_links = Table(
    "used_links",
    metadata,
    Column("nonce", String(64), primary_key=True),
    Column("used_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False, index=True),
)

heartbeats = Table(
    "heartbeats",
    metadata,
    Column("name", String(255), primary_key=True),
    Column("definition", Text, nullable=False),
    Column("made_by", String(255), nullable=False),
    Column("made_ms", BigInteger, nullable=False),
)

heartbeat_pulses = Table(
    "heartbeat_pulses",
    metadata,
    Column("name", String(255), primary_key=True),
    Column("since_ms", BigInteger, nullable=False),
    Column("heard_ms", BigInteger),
    Column("started_ms", BigInteger),
    Column("succeeded_ms", BigInteger),
    Column("failed_ms", BigInteger),
    Column("missing_ms", BigInteger),
    Column("duration_ms", BigInteger),
    Column("exit_code", Integer),
    Column("text", Text, nullable=False),
)
