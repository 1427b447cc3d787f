"""Old samples are imported into the real program, by promtool's own file format among others."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from accept.processes import StartProcess, free_port, wait_for
from accept.server import FENGHUO, Server, StartServer
from fenghuo.wire.exposition import format_float

pytestmark = pytest.mark.accept

QUIET = "packs: []\nintegrations: {host: null}\nstorage: {retention: 60d}\n"
DAY_S = 86_400
TEXT = "/api/v1/import/prometheus"


@pytest.fixture(scope="module")
def server(start_module_server: StartServer, tmp_path_factory: pytest.TempPathFactory) -> Server:
    return start_module_server(tmp_path_factory.mktemp("import") / "data", QUIET)


def stored(server: Server, selector: str, days: int = 59) -> dict[str, list[tuple[float, str]]]:
    """The raw samples by series."""
    answer = server.client.get("/api/v1/query", params={"query": f"{selector}[{days}d]"})
    assert answer.status_code == 200, answer.text
    return {
        json.dumps(each["metric"], sort_keys=True): [(float(at), value) for at, value in each["values"]]
        for each in answer.json()["data"]["result"]
    }


def imported(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


def test_text_with_timestamps_of_any_age(server: Server) -> None:
    now_s = int(time.time())
    lines = [f'old{{n="{n}"}} {n}.25 {(now_s - day * DAY_S) * 1000 + 7}' for day in range(50) for n in range(5)]
    data = imported(server.client.post(TEXT, content="\n".join(lines), params={"extra_label": ["site=a", "n2=b"]}))
    assert data["samples"] == 250
    assert data["refused"] == {}
    assert data["blocks"] >= 40
    found = stored(server, "old")
    assert len(found) == 5
    samples = found[json.dumps({"__name__": "old", "n": "3", "site": "a", "n2": "b"}, sort_keys=True)]
    assert len(samples) == 50
    assert {value for _, value in samples} == {"3.25"}


def test_samples_without_a_time_are_of_now(server: Server) -> None:
    assert imported(server.client.post(TEXT, content="fresh 5\n"))["samples"] == 1
    assert server.value("fresh") == 5


def test_gzip_and_json_lines(server: Server) -> None:
    at_ms = int(time.time()) * 1000 - 3 * DAY_S * 1000
    text = "".join(f"packed {step} {at_ms + step * 1000}\n" for step in range(5000))
    headers = {"Content-Encoding": "gzip"}
    assert imported(server.client.post(TEXT, content=gzip.compress(text.encode()), headers=headers))["samples"] == 5000
    assert len(stored(server, "packed")['{"__name__": "packed"}']) == 5000
    entry = {"metric": {"__name__": "lined", "a": "b"}, "values": [1.5, None], "timestamps": [at_ms, at_ms + 1]}
    assert imported(server.client.post("/api/v1/import", content=json.dumps(entry)))["samples"] == 2
    (samples,) = stored(server, "lined").values()
    assert samples == [(at_ms / 1000, "1.5"), ((at_ms + 1) / 1000, "NaN")]


def test_what_cannot_be_taken_is_counted_and_named(server: Server) -> None:
    now_ms = int(time.time()) * 1000
    lines = [f"good 1 {now_ms - 1000}", "bad{ 1", f"ancient 1 {now_ms - 90 * DAY_S * 1000}", f"ahead 1 {now_ms * 2}"]
    data = imported(server.client.post(TEXT, content="\n".join(lines)))
    assert data["samples"] == 1
    assert data["refused"] == {"bad_line": 1, "too_far_in_future": 1, "too_old": 1}
    assert data["firstProblem"].startswith("line 2: ")
    refused = server.client.post(TEXT, content="nothing good here\n")
    assert refused.status_code == 400
    assert "1 bad_line" in refused.json()["error"]
    for content, headers in ((b"x", {"Content-Encoding": "br"}), (b"x", {"Content-Encoding": "gzip"})):
        assert server.client.post(TEXT, content=content, headers=headers).status_code == 400
    assert server.client.post(TEXT, content="a 1", params={"extra_label": "nonsense"}).status_code == 400
    cut = gzip.compress(b"cut 1 1\n" * 1000)[:-20]
    assert server.client.post(TEXT, content=cut, headers={"Content-Encoding": "gzip"}).status_code == 400


def test_a_body_larger_than_other_bodies_may_be(server: Server) -> None:
    """20 MB, in pieces that come one after another."""
    at_ms = int(time.time()) * 1000 - 5 * DAY_S * 1000

    def pieces() -> Iterator[bytes]:
        for part in range(40):
            yield b"".join(
                b'large{part="%d",padding="%s"} %d %d\n' % (part, b"x" * 400, step, at_ms + step * 1000)
                for step in range(1000)
            )

    assert imported(server.client.post(TEXT, content=pieces(), timeout=60))["samples"] == 40_000
    assert (
        server.client.get("/api/v1/query", params={"query": "count(count_over_time(large[10d]) == 1000)"}).json()[
            "data"
        ]["result"][0]["value"][1]
        == "40"
    )


def test_who_may_not_write_is_turned_away(server: Server) -> None:
    assert httpx.post(f"{server.url}{TEXT}", content="a 1\n").status_code == 401


def run(server: Server, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*FENGHUO, "import", "openmetrics", *arguments, "--data-dir", str(server.data_dir)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def openmetrics(start_s: int, series: int, steps: int, name: str) -> str:
    lines = [f"# TYPE {name} gauge"]
    lines += [
        f'{name}{{n="{n}"}} {n + step / 7!r} {start_s + step * 30}.5' for n in range(series) for step in range(steps)
    ]
    return "\n".join([*lines, "# EOF", ""])


@pytest.mark.skipif(not shutil.which("promtool"), reason="Debian's prometheus (promtool) is not installed")
def test_the_command_takes_what_promtool_takes_and_gives_the_same_values(server: Server, tmp_path: Path) -> None:
    """promtool makes blocks of the same file; what it reads from them is what we answer."""
    path = tmp_path / "old.om"
    path.write_text(openmetrics(int(time.time()) // DAY_S * DAY_S - 4 * DAY_S, 5, 2000, "compared"))
    ended = run(server, str(path), "--output", "json")
    assert ended.returncode == 0, ended.stderr
    summary = json.loads(ended.stdout)
    assert (summary["samples"], summary["refused"]) == (10_000, {})
    blocks = tmp_path / "blocks"
    subprocess.run(
        ["promtool", "tsdb", "create-blocks-from", "openmetrics", path, blocks], check=True, capture_output=True
    )
    (blocks / "wal").mkdir()  # Without one, promtool does not look at the blocks.
    dumped = subprocess.run(["promtool", "tsdb", "dump", blocks], check=True, capture_output=True, text=True).stdout
    theirs = sorted((float(line.split()[-1]) / 1000, float(line.split()[-2])) for line in dumped.splitlines() if line)
    ours = sorted((at, float(value)) for samples in stored(server, "compared").values() for at, value in samples)
    assert ours == theirs
    assert len(ours) == 10_000


def test_the_command_says_what_it_did(server: Server, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.om", tmp_path / "bad.om"
    start_s = int(time.time()) - 2 * DAY_S
    good.write_text(openmetrics(start_s, 2, 10, "told"))
    bad.write_text(openmetrics(start_s, 1, 3, "half").replace("# EOF", "half nonsense 5\nhalf 1\n# EOF"))
    ended = run(server, str(good))
    assert ended.returncode == 0, ended.stderr
    assert "20 samples" in ended.stdout
    ended = run(server, str(bad))
    assert ended.returncode == 1
    assert "1 bad_line" in ended.stdout
    assert "1 no_timestamp" in ended.stdout
    assert "line 5" in ended.stdout
    missing = run(server, str(tmp_path / "missing.om"))
    assert missing.returncode == 2
    assert "missing.om" in missing.stderr


def test_the_command_says_so_when_no_server_runs(tmp_path: Path) -> None:
    path = tmp_path / "a.om"
    path.write_text("a 1 1\n# EOF\n")
    command = [*FENGHUO, "import", "openmetrics", str(path), "--data-dir", str(tmp_path / "nowhere")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert "no server" in ended.stderr


@pytest.mark.skipif(not shutil.which("victoria-metrics"), reason="Debian's victoria-metrics is not installed")
def test_what_victoriametrics_exports_is_imported(server: Server, tmp_path: Path, start_process: StartProcess) -> None:
    base = f"http://127.0.0.1:{free_port()}"
    theirs = start_process(
        [
            "victoria-metrics", f"-storageDataPath={tmp_path / 'victoria'}", "-retentionPeriod=1y",
            f"-httpListenAddr={base.removeprefix('http://')}",
        ]
    )  # fmt: skip
    wait_for(f"{base}/health", theirs, status=200)
    at_ms = (int(time.time()) - 9 * DAY_S) * 1000
    lines = [f'moved{{n="{n}"}} {n * step / 7!r} {at_ms + step * 15_000}' for n in range(4) for step in range(500)]
    assert httpx.post(f"{base}/api/v1/import/prometheus", content="\n".join(lines)).status_code == 204
    httpx.get(f"{base}/internal/force_flush")
    exported = httpx.get(f"{base}/api/v1/export", params={"match[]": "moved"}).content
    assert imported(server.client.post("/api/v1/import", content=exported))["samples"] == 2000
    series = [json.loads(line) for line in exported.splitlines()]
    assert stored(server, "moved", days=10) == {
        json.dumps(each["metric"], sort_keys=True): [
            (at / 1000, format_float(value)) for at, value in zip(each["timestamps"], each["values"], strict=True)
        ]
        for each in series
    }


@pytest.mark.slow
def test_a_server_killed_while_it_imports_has_whole_blocks_or_none(tmp_path: Path, start_server: StartServer) -> None:
    data_dir = tmp_path / "data"
    server = start_server(data_dir, QUIET)
    start_s = int(time.time()) // DAY_S * DAY_S - 40 * DAY_S
    steps = DAY_S // 20

    def days() -> Iterator[bytes]:
        """One series, a sample every 20 s; some thirty million bytes, which are written in two parts."""
        for n in range(18):
            for day in range(30):
                first_s = start_s + day * DAY_S
                yield b"".join(b'k{n="%d"} %d %d000\n' % (n, step, first_s + 20 * step) for step in range(steps))

    blocks = data_dir / "metrics" / "blocks"
    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(server.client.post, TEXT, content=days(), timeout=120)
        deadline_s = time.monotonic() + 60
        while not list(blocks.glob("*.block")):
            assert not sent.done()
            assert time.monotonic() < deadline_s
            time.sleep(0.005)
        server.process.kill()
        with pytest.raises(httpx.HTTPError):
            sent.result(30)
    server.kill()
    server = start_server(data_dir, QUIET)
    assert list(blocks.glob("*.tmp")) == []
    assert server.client.get("/health").status_code == 200
    daily = [f"count_over_time(k[1d] @ {start_s + (day + 1) * DAY_S - 1})" for day in range(30)]
    kept = [{result["value"][1] for result in server.query(query)} for query in daily]
    assert any(kept)
    assert all(counts <= {str(steps)} for counts in kept)
    assert imported(server.client.post(TEXT, content=days(), timeout=120))["samples"] == 18 * 30 * steps
    assert [{result["value"][1] for result in server.query(query)} for query in daily] == [{str(steps)}] * 30
