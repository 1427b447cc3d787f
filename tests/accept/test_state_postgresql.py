"""The state in a real PostgreSQL: what SQLite keeps, it keeps."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from accept.processes import StartProcess, free_port, log_of
from fenghuo.base.errors import InputError, OperatingError
from fenghuo.model.account import ApiToken, Session, User
from fenghuo.model.alert import Alert
from fenghuo.model.audit import AuditEntry, AuditFilter
from fenghuo.model.escalation import Escalation, FrozenPolicy, FrozenStep
from fenghuo.model.heartbeat import MadeHeartbeat, Pulse
from fenghuo.model.incident import Actor, EventKind, Incident, IncidentEvent, Priority
from fenghuo.model.labels import Labels
from fenghuo.model.notification import Attempt, NoticeClaim, NoticeState, NotificationEntry, NotificationKey
from fenghuo.state import open_state

pytestmark = pytest.mark.accept

ESCALATION = Escalation(1, FrozenPolicy("a\x00b🔥", Priority.P1, (FrozenStep(0, ("person:张",)),), 0, 5), 2**53)
KEY = NotificationKey('{}:{alertname="x"}', "team", "webhook", 0)
MADE = MadeHeartbeat("backup", '{"period": "1h"}', "ann", 2**53)
PULSE = Pulse("backup", 1, heard_ms=2**53, failed_ms=3, exit_code=255, text="no space 🔥")
BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


@pytest.fixture
def postgresql(start_process: StartProcess) -> Iterator[str]:
    """The URL of a fresh server of Debian's package. It refuses to run as root, so root becomes its own user."""
    if not BINARIES:
        pytest.skip("PostgreSQL is not installed")
    folder = Path(tempfile.mkdtemp(prefix="fenghuo-pg-"))
    as_user: list[str] = []
    if os.geteuid() == 0:
        account = pwd.getpwnam("postgres")
        os.chown(folder, account.pw_uid, account.pw_gid)
        as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    binaries, data, port = BINARIES[-1], folder / "data", free_port()
    initdb = [*as_user, str(binaries / "initdb"), "-D", str(data), "-A", "trust", "-U", "fenghuo", "--no-sync"]
    subprocess.run(initdb, check=True, capture_output=True, cwd=folder)
    process = start_process(
        [*as_user, str(binaries / "postgres"), "-D", str(data), "-p", str(port), "-c", "listen_addresses=127.0.0.1",
         "-c", f"unix_socket_directories={folder}"],
        cwd=folder,
    )  # fmt: skip
    deadline_s = time.monotonic() + 30
    while "ready to accept connections" not in log_of(process):
        assert process.poll() is None, log_of(process)
        assert time.monotonic() < deadline_s, log_of(process)
        time.sleep(0.05)
    yield f"postgresql://fenghuo@127.0.0.1:{port}/postgres"
    process.terminate()
    process.wait(10)
    shutil.rmtree(folder)


def test_everything_that_the_state_keeps(postgresql: str) -> None:
    labels = Labels({"alertname": "x", "odd": "a\x00b🔥"})
    alert = Alert(labels, 1, 2**53, labels)
    entry = NotificationEntry(frozenset({1, 2**64 - 1}), frozenset(), 5, 100)
    with open_state(postgresql) as state:
        for _ in range(2):
            state.alerts.save([(alert, True, labels.fingerprint())])
        number = state.notifications.claim(NoticeClaim(KEY, "first", "firing", 1, 5))
        state.notifications.attempted(number, Attempt(1, 5, 3, "HTTP 500"))
        state.notifications.mark_sent(number, KEY, entry, Attempt(2, 6, 1))
        state.users.create(User("ann", "admin", "hash"))
        with pytest.raises(InputError, match="exists already"):
            state.users.create(User("ann", "admin", "hash"))
        state.sessions.create("token", Session("ann", "csrf", 10))
        for _ in range(2):
            state.heartbeats.make(MADE)
            state.heartbeats.save([PULSE])
            state.incidents.save([Incident(1, KEY.group_key, "team", "a\x00b🔥", labels, Priority.P1, 2**53)], [])
        state.tokens.create("t1", ApiToken("ci", "operator", ("intake",), "ann", 2**53))
        state.tokens.used("t1", 2**53, "10.0.0.7")
        with pytest.raises(InputError, match="exists already"):
            state.tokens.create("t2", ApiToken("ci", "viewer", (), "ann", 1))
        state.audit.add(
            [AuditEntry(at_ms, "a\x00nn", "panel", "", "token.create", "\x00ci") for at_ms in (1, 2, 2**53)]
        )
        state.escalations.save([ESCALATION], [2])
        event = IncidentEvent(7, EventKind.COMMENTED, Actor("ann\x00", "api"), "a\x00b", {"x": "\x00"})
        state.incidents.save([], [(1, event)])
        assert state.incidents.use_link("nonce", 5, 10)
        assert not state.incidents.use_link("nonce", 5, 10)
    with open_state(postgresql) as state:
        assert state.alerts.load() == [(alert, True)]
        assert state.notifications.entries([KEY]) == {KEY: entry}
        (notice,) = state.notifications.recent(5)
        assert (notice.state, notice.attempts, notice.error) == (NoticeState.SENT, 2, "HTTP 500")
        assert (state.heartbeats.made(), state.heartbeats.pulses()) == ([MADE], [PULSE])
        (incident,) = state.incidents.load(0)
        assert (incident.title, incident.labels, incident.opened_ms) == ("ab🔥", labels, 2**53)
        assert [line.text for line in state.incidents.timeline(1)] == ["ab"]
        assert [(times.opened, times.mtta_s) for times in state.incidents.times(0)] == [(1, None)]
        assert state.incidents.find(before=1) == []
        assert state.escalations.load() == [ESCALATION]
        state.escalations.save([], [1])
        assert state.escalations.load() == []
        token = state.tokens.find("t1", 1)
        assert token is not None
        assert (token.scopes, token.used_ms) == (("intake",), 2**53)
        state.audit.forget(2, entries_max=1)
        (entry_kept,) = state.audit.find(AuditFilter(actor="ann", action="token"), 5)
        assert (entry_kept.at_ms, entry_kept.subject) == (2**53, "ci")
        state.users.delete("ann")
        assert state.tokens.all() == []
        assert state.sessions.find("token", 1) is None
        state.notifications.expire(10**15)
        assert state.notifications.recent(5) == []


def test_a_server_that_is_not_there() -> None:
    with pytest.raises(OperatingError, match=r"(?s)cannot be written.*check that the database server runs"):
        open_state(f"postgresql://fenghuo:hush@127.0.0.1:{free_port()}/postgres")
