"""Programs: what they are told, and what becomes of those that fail, hang or talk too much."""

from __future__ import annotations

import json
import os
import select
from pathlib import Path

import pytest

from fenghuo.alerting.notify.channels.channel import ChannelError
from fenghuo.base.errors import InputError
from unit.alerting.notify.channels.support import channel_of, message

pytestmark = pytest.mark.anyio


def program(directory: Path, text: str) -> str:
    file = directory / "tell"
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return str(file)


async def run(directory: Path, text: str, extra: str = "") -> None:
    path = program(directory, text)
    top = f"global: {{exec_allowed: ['{path}']}}"
    async with channel_of(f"exec_configs: [{{command: ['{path}', 'a b', '$(id)'] {extra}}}]", top) as channel:
        await channel.send(message())


async def test_the_notice_comes_on_standard_input(tmp_path: Path) -> None:
    await run(tmp_path, f'cat > {tmp_path}/in; printf "%s|%s|%s" "$1" "$2" "$X" > {tmp_path}/args', ", env: {X: y}")
    assert json.loads((tmp_path / "in").read_text())["alerts"][0]["labels"]["instance"] == "web-1"
    assert (tmp_path / "args").read_text() == "a b|$(id)|y", "no shell reads the arguments"


async def test_only_path_is_handed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "x")
    await run(tmp_path, f"env > {tmp_path}/env")
    assert "SECRET" not in (tmp_path / "env").read_text()


@pytest.mark.parametrize(("code", "retryable"), [(1, False), (75, True)])
async def test_a_program_that_fails_says_why(tmp_path: Path, code: int, retryable: bool) -> None:
    with pytest.raises(ChannelError, match=f"ended with {code}: no modem") as caught:
        await run(tmp_path, f"echo no modem >&2; exit {code}")
    assert caught.value.retryable is retryable


async def test_a_program_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with pytest.raises(ChannelError, match=r"did not end within 0\.3 s"):
            await run(tmp_path, f"sleep 60 > {pipe} & wait", ", timeout: 300ms")
        ended, _, _ = select.select([reader], [], [], 10.0)  # The pipe ends with the last who can write to it.
        assert ended
    finally:
        os.close(reader)


async def test_much_output_is_read_and_dropped(tmp_path: Path) -> None:
    await run(tmp_path, "head -c 3000000 /dev/zero")


async def test_what_the_list_does_not_name_is_refused_when_loading() -> None:
    with pytest.raises(InputError, match="/bin/true may not be run"):
        async with channel_of("exec_configs: [{command: [/bin/true]}]"):
            raise RuntimeError


@pytest.mark.parametrize("anyio_backend", [("asyncio", {"use_uvloop": True})], ids=["uvloop"])
async def test_a_program_that_reads_nothing_is_no_fault(tmp_path: Path) -> None:
    for _ in range(20):
        await run(tmp_path, "exec <&-; exit 0")
