"""Behind a real Nginx: who asks is who asked Nginx, as far as Nginx is trusted."""

from __future__ import annotations

import shutil
from pathlib import Path

import httpx
import pytest

from accept.processes import StartProcess, free_port, wait_for
from accept.server import Server, StartServer, first_password

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
pytestmark = [pytest.mark.accept, pytest.mark.skipif(NGINX is None, reason="needs Debian's nginx")]

FAILURES = 10
NGINX_CONF = """
daemon off; pid {directory}/nginx.pid; error_log stderr; worker_processes 1;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy; fastcgi_temp_path {directory}/f;
  uwsgi_temp_path {directory}/u; scgi_temp_path {directory}/s;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass {url};
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto https;
    }}
  }}
}}
"""


def proxied(directory: Path, server: Server, start_process: StartProcess) -> str:
    """The address of an Nginx before the server."""
    directory.mkdir()
    port = free_port()
    conf = directory / "nginx.conf"
    conf.write_text(NGINX_CONF.format(directory=directory, port=port, url=server.url))
    assert NGINX is not None
    process = start_process([NGINX, "-p", str(directory), "-c", str(conf)])
    wait_for(f"http://127.0.0.1:{port}/-/ready", process, status=200)
    return f"http://127.0.0.1:{port}"


def sign_in(url: str, password: str, forwarded_for: str) -> httpx.Response:
    """As somebody at that address, who stands behind one more proxy before Nginx."""
    headers = {"X-Forwarded-For": forwarded_for}
    return httpx.post(f"{url}/api/fenghuo/session", json={"name": "admin", "password": password}, headers=headers)


def guess(url: str, forwarded_for: str) -> list[int]:
    """The status codes of guesses at passwords, at one account after the other."""
    headers = {"X-Forwarded-For": forwarded_for}
    said = [{"name": f"guess{number}", "password": "12345678"} for number in range(FAILURES + 1)]
    return [httpx.post(f"{url}/api/fenghuo/session", json=each, headers=headers).status_code for each in said]


def test_whoever_guesses_keeps_nobody_else_out(
    tmp_path: Path, start_server: StartServer, start_process: StartProcess
) -> None:
    server = start_server(tmp_path / "data", "server: {trusted_proxies: [127.0.0.0/8, 10.0.0.0/24]}\n")
    url = proxied(tmp_path / "nginx", server, start_process)
    # 10.0.0.2 is a proxy of ours, too; what stands before the guesser's address was made up by the guesser.
    assert guess(url, "198.51.100.1, 203.0.113.9, 10.0.0.2") == [401] * FAILURES + [429]
    assert sign_in(url, first_password(server), "203.0.113.9").status_code == 429
    signed_in = sign_in(url, first_password(server), "203.0.113.10")
    assert signed_in.status_code == 200
    assert "; secure" in signed_in.headers["set-cookie"].lower()
    told = server.client.get("/api/fenghuo/audit", params={"action": "session"}).json()
    assert {(each["action"], each["address"]) for each in told} == {
        ("session.sign_in", "203.0.113.9"),
        ("session.sign_in", "203.0.113.10"),
    }


def test_without_trust_nobody_is_believed(
    tmp_path: Path, start_server: StartServer, start_process: StartProcess
) -> None:
    server = start_server(tmp_path / "data")
    url = proxied(tmp_path / "nginx", server, start_process)
    assert guess(url, "203.0.113.9") == [401] * FAILURES + [429]
    assert sign_in(url, first_password(server), "203.0.113.10").status_code == 429
    told = server.client.get("/api/fenghuo/audit", params={"action": "session"}).json()
    assert {each["address"] for each in told} == {"127.0.0.1"}
