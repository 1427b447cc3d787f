"""``fenghuo demo`` tells its story: the link breaks, the alert arrives, the link is restored, the all-clear arrives."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path

import httpx
import pytest

from accept.processes import StartProcess, free_port, log_of, wait_for

pytestmark = pytest.mark.accept


def test_the_demo_tells_its_story(tmp_path: Path, start_process: StartProcess) -> None:
    port = free_port()
    command = [sys.executable, "-m", "fenghuo", "demo", "--once", "--break-after=12", "--broken-for=25"]
    demo = start_process([*command, f"--listen=127.0.0.1:{port}", f"--data-dir={tmp_path / 'data'}"])
    url = f"http://127.0.0.1:{port}"
    wait_for(f"{url}/-/ready", demo, timeout_s=60, status=200)
    password = re.search(r"Password / 密码:\s+(\S+)", log_of(demo))
    assert password

    with httpx.Client(base_url=url, auth=("admin", password[1])) as client:
        deadline_s = time.monotonic() + 60
        while not (result := ask(client, "sum(trade_orders_total) > 0 and sum(http_requests_total) > 0")):
            assert time.monotonic() < deadline_s, log_of(demo)
            time.sleep(0.5)
    assert demo.wait(120) == 0
    story = log_of(demo)

    assert result
    assert (
        story.index("CTP link cut")
        < story.index("FIRING CTPDisconnected → duty-phone")
        < story.index("CTP link restored")
        < story.index("RESOLVED CTPDisconnected → duty-phone")
    )
    assert "的 CTP 连接 ctp-sim 已断开" in story


def ask(client: httpx.Client, expression: str) -> list[object]:
    answer = client.get("/api/v1/query", params={"query": expression})
    found: list[object] = answer.json()["data"]["result"]
    return found
