"""Tokens of programs, from the command line to the door and back into the trail of who did what."""

from __future__ import annotations

import json
import re
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from accept.server import FENGHUO, Server, StartServer, basic, first_password

pytestmark = pytest.mark.accept

SILENCE = {
    "matchers": [{"name": "alertname", "value": "Disk", "isRegex": False, "isEqual": True}],
    "startsAt": "2026-01-01T00:00:00Z",
    "endsAt": "2099-01-01T00:00:00Z",
    "createdBy": "deploy",
    "comment": "升级 | upgrade",
}


def run(server: Server, *words: str, code: int = 0) -> str:
    command = [*FENGHUO, *words, "--data-dir", str(server.data_dir)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stderr


def trail(server: Server, *words: str) -> list[dict[str, Any]]:
    return list(reversed(json.loads(run(server, "audit", *words, "--output", "json"))))


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, start_module_server: StartServer) -> Server:
    return start_module_server(tmp_path_factory.mktemp("tokens") / "data")


def test_a_token_does_what_it_is_for_until_it_is_revoked(server: Server) -> None:
    token = run(server, "token", "create", "deploy", "--scope", "silence", "--expires", "90d").strip()
    with httpx.Client(base_url=server.url) as client:
        made = client.post("/api/v2/silences", json=SILENCE, headers=bearer(token))
        assert made.status_code == 200
        by_password = client.post("/api/v2/silences", json=SILENCE, headers=basic("deploy", token))
        assert by_password.status_code == 200
        refused = client.get("/api/v1/query", params={"query": "up"}, headers=bearer(token))
        assert (refused.status_code, refused.json()["error"]) == (403, "the token deploy is for nothing but: silence")
        (listed,) = json.loads(run(server, "token", "list", "--output", "json"))
        assert (listed["role"], listed["scopes"], listed["used_from"]) == ("operator", ["silence"], "127.0.0.1")
        assert token not in json.dumps(listed)
        shown = run(server, "token", "list")
        assert "deploy" in shown
        assert datetime.fromtimestamp(listed["expires_ms"] / 1000).astimezone().strftime("%Y-%m-%d") in shown
        run(server, "token", "revoke", "deploy")
        gone = client.post("/api/v2/silences", json=SILENCE, headers=bearer(token))
        assert gone.status_code == 401
    assert "no token named 'deploy'" in run(server, "token", "revoke", "deploy", code=2)

    (silenced, *_) = trail(server, "--actor", "deploy", "--action", "silence")
    assert (silenced["via"], silenced["address"]) == ("token", "127.0.0.1")
    assert silenced["subject"] == made.json()["silenceID"]
    assert silenced["detail"]["matchers"] == ["alertname=Disk"]
    assert re.search(r"deploy \(token\)\s+127.0.0.1\s+silence.set\s+\S+\s+status=200", run(server, "audit"))
    done = [(each["action"], each["subject"], each["detail"]) for each in trail(server, "--action", "token")]
    assert done[0] == ("token.create", "", {"outcome": "begun"})
    assert done[1][:2] == ("token.create", "deploy")
    assert done[2:4] == [
        ("token.revoke", "deploy", {"outcome": "begun"}),
        ("token.revoke", "deploy", {"status": 204}),
    ]


def test_tokens_that_cannot_be_are_refused_with_what_to_do(server: Server) -> None:
    assert "use read, intake, push, silence" in run(server, "token", "create", "x", "--scope", "all", code=2)
    assert "needs the role operator" in run(
        server, "token", "create", "x", "--scope", "intake", "--role", "viewer", code=2
    )
    run(server, "token", "create", "twice")
    assert "exists already" in run(server, "token", "create", "twice", code=2)
    assert server.client.post("/api/fenghuo/tokens", json={"name": ""}).status_code == 422


def test_sign_in_and_out_accounts_and_refusals_are_told(server: Server) -> None:
    password = first_password(server)
    with httpx.Client(base_url=server.url) as client:
        assert client.post("/api/fenghuo/session", json={"name": "admin", "password": "wrong"}).status_code == 401
        signed_in = client.post("/api/fenghuo/session", json={"name": "admin", "password": password})
        csrf = {"X-CSRF-Token": signed_in.json()["csrf_token"]}
        assert client.delete("/api/fenghuo/session", headers=csrf).status_code == 204
        assert client.get("/api/v1/query?query=1", headers=basic("admin", "wrong")).status_code == 401
    run(server, "user", "add", "zhang", "--role", "viewer")
    told = [
        (each["action"], each["actor"], each["subject"], each["detail"].get("status"))
        for each in trail(server)
        if each["action"].startswith(("session", "account"))
    ]
    assert told[-5:] == [
        ("session.sign_in", "admin", "", 401),
        ("session.sign_in", "admin", "", 200),
        ("session.sign_out", "admin", "", 204),
        ("session.refused", "", "GET /api/v1/query", 401),
        ("account.add", told[-1][1], "zhang", None),
    ]
    assert password not in json.dumps(trail(server))


def test_the_trail_is_for_administrators_and_survives_a_crash(tmp_path: Path, start_server: StartServer) -> None:
    server = start_server(tmp_path / "data")
    token = run(server, "token", "create", "grafana", "--role", "operator").strip()
    with httpx.Client(base_url=server.url, headers=bearer(token)) as client:
        for path in ("/api/fenghuo/audit", "/api/fenghuo/tokens"):
            assert client.get(path).status_code == 403
    assert server.client.post("/-/reload").status_code == 200
    before = trail(server)
    assert [each["action"] for each in before][-1] == "config.reload"
    server.kill()
    server = start_server(tmp_path / "data")
    assert trail(server) == before
    assert trail(server, "--action", "session")[-1]["detail"] == {"status": 403}
    with httpx.Client(base_url=server.url, headers=bearer(token)) as client:
        assert client.get("/api/v1/query?query=1").status_code == 200
