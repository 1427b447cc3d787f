"""The real program forwards to real receivers, Prometheus and VictoriaMetrics: what they have is what it has."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from accept.engines import INSTALLED, KINDS, Engine, samples_of
from accept.exposition import Exposition
from accept.processes import StartProcess
from accept.server import Server, StartServer

pytestmark = [
    pytest.mark.accept,
    pytest.mark.slow,
    pytest.mark.skipif(not INSTALLED, reason="Debian's prometheus and victoria-metrics are not installed"),
]

CONFIG = """
packs: []
integrations: {{host: null}}
global: {{scrape_interval: 1s, scrape_timeout: 1s, external_labels: {{site: north}}}}
scrape_configs:
  - {{job_name: app, static_configs: [{{targets: ["{target}"]}}]}}
remote_write:
"""
RECEIVER = """
  - url: {url}/api/v1/write
    name: {name}
    queue_config: {{batch_send_deadline: 500ms, max_backoff: 500ms}}
    metadata_config: {{send_interval: 5s}}
"""
SELECTOR = '{job="app",__name__!="scrape_duration_seconds"}'
"""VictoriaMetrics keeps some twelve digits of a number, and durations have more."""


def until(check: Callable[[], Any], what: str, timeout_s: float = 40.0) -> Any:
    """The first true result of ``check``."""
    deadline_s = time.monotonic() + timeout_s
    while not (found := check()):
        assert time.monotonic() < deadline_s, what
        time.sleep(0.1)
    return found


@pytest.fixture
def target() -> Iterator[Exposition]:
    """A target of which every number changes from scrape to scrape, and a series comes and goes."""
    with Exposition("") as exposition:
        ended = threading.Event()

        def live() -> None:
            number = 0
            while not ended.wait(0.05):
                number += 1
                lines = [f'value{{n="{each}"}} {number * each / 8}' for each in range(50)]
                lines += [f'special{{n="{text}"}} {text}' for text in ("NaN", "+Inf", "-Inf", "0", "1e-300")]
                exposition.text = "\n".join([*lines, *(["fleeting 1"] if number % 60 < 30 else [])])

        living = threading.Thread(target=live, daemon=True)
        living.start()
        yield exposition
        ended.set()
        living.join()


def config(target: Exposition, *engines: Engine) -> str:
    receivers = (RECEIVER.format(url=engine.url, name=engine.kind) for engine in engines)
    return CONFIG.format(target=target.address) + "".join(receivers)


def own_value(server: Server, name: str, remote: str, **labels: str) -> float:
    """One of the program's own metrics, as ``/metrics`` shows it now."""
    wanted = {"remote": remote, **labels}
    for line in server.client.get("/metrics").text.splitlines():
        if line.startswith(f"fenghuo_remote_write_{name}{{") and all(f'{k}="{v}"' for k, v in wanted.items()):
            head, _, value = line.rpartition(" ")
            if all(f'{key}="{text}"' in head for key, text in wanted.items()):
                return float(value)
    raise AssertionError(f"{name} of {wanted} is not shown")


def assert_all_arrived(server: Server, engine: Engine, start_s: float, end_s: float) -> int:
    """Every sample here between the times is there, no other, and how many there are."""
    until(
        lambda: engine.samples(SELECTOR, end_s, time.time()),
        f"{engine.kind} is sent nothing new: {server.output}",
    )
    here = {
        tuple(sorted({**dict(labels), "site": "north"}.items())): samples
        for labels, samples in samples_of(server.client.get, SELECTOR, start_s, end_s).items()
        if engine.kind == "prometheus" or dict(labels).get("n") != "NaN"  # VictoriaMetrics keeps no NaN.
    }
    there = engine.samples(SELECTOR, start_s, end_s)
    assert there.keys() ^ here.keys() == set()
    assert {labels: len(each) for labels, each in there.items()} == {labels: len(each) for labels, each in here.items()}
    different = {labels: (there[labels], here[labels]) for labels in here if str(there[labels]) != str(here[labels])}
    assert different == {}
    return sum(map(len, here.values()))


def test_two_receivers_have_what_is_here(
    tmp_path: Path, start_server: StartServer, start_process: StartProcess, target: Exposition
) -> None:
    engines = [Engine(kind, tmp_path / kind, start_process).start() for kind in KINDS]
    server = start_server(tmp_path / "data", config(target, *engines))
    start_s = time.time()
    time.sleep(8)
    end_s = time.time()
    for engine in engines:
        assert assert_all_arrived(server, engine, start_s, end_s) > 200
        assert own_value(server, "samples_failed_total", engine.kind) == 0
        assert own_value(server, "lag_seconds", engine.kind) < 5
    assert server.client.get("/health").json()["checks"]["remote_write"] == {"status": "healthy", "message": ""}


@pytest.mark.parametrize("kind", KINDS)
def test_a_receiver_that_was_away_gets_everything_and_ours_may_be_killed_meanwhile(
    tmp_path: Path, start_server: StartServer, start_process: StartProcess, target: Exposition, kind: str
) -> None:
    engine = Engine(kind, tmp_path / kind, start_process).start()
    data_dir = tmp_path / "data"
    server = start_server(data_dir, config(target, engine))
    start_s = time.time()
    until(lambda: engine.samples(SELECTOR, start_s, time.time()), f"nothing arrives: {server.output}")
    engine.stop()
    time.sleep(3)
    server.kill()
    server = start_server(data_dir, config(target, engine))
    time.sleep(3)
    assert own_value(server, "queue_bytes", kind) > 0
    engine.start()
    time.sleep(1)
    server.kill()
    server = start_server(data_dir, config(target, engine))
    end_s = time.time()
    assert assert_all_arrived(server, engine, start_s, end_s) > 200


def test_what_a_receiver_refuses_costs_nothing_else(
    tmp_path: Path, start_server: StartServer, start_process: StartProcess, target: Exposition
) -> None:
    """Relabelling gives two series one name: of two values at one time a real Prometheus refuses the second."""
    engine = Engine("prometheus", tmp_path / "prometheus", start_process).start()
    rule = "{source_labels: [n], regex: '7', target_label: n, replacement: '8'}"
    text = config(target, engine) + f"    write_relabel_configs: [{rule}]\n"
    text = text.replace("queue_config: {", "queue_config: {max_samples_per_send: 1, max_shards: 1, ")
    server = start_server(tmp_path / "data", text)
    start_s = time.time()
    time.sleep(4)
    end_s = time.time()
    until(lambda: engine.samples(SELECTOR, end_s, time.time()), f"nothing new arrives: {server.output}")
    here = samples_of(server.client.get, 'value{job="app",n!~"7|8"}', start_s, end_s)
    there = engine.samples('value{job="app",n!~"7|8"}', start_s, end_s)

    assert own_value(server, "samples_failed_total", "prometheus") > 1
    assert [len(samples) for samples in there.values()] == [len(samples) for samples in here.values()]
    assert "refused 1 samples, which are dropped: 400 Bad Request: duplicate sample" in server.output


def test_a_receiver_comes_and_goes_with_a_reload(
    tmp_path: Path, start_server: StartServer, start_process: StartProcess, target: Exposition
) -> None:
    engine = Engine("prometheus", tmp_path / "prometheus", start_process).start()
    with_receiver = config(target, engine)
    without = with_receiver.partition("remote_write:")[0]
    server = start_server(tmp_path / "data", without)
    path = tmp_path / "fenghuo.yml"
    assert "fenghuo_remote_write_" not in server.client.get("/metrics").text

    path.write_text(with_receiver)
    assert server.client.post("/-/reload").status_code == 200
    start_s = time.time()
    until(lambda: engine.samples(SELECTOR, start_s, time.time()), f"nothing arrives: {server.output}")

    path.write_text(without)
    assert server.client.post("/-/reload").status_code == 200
    assert 'remote="prometheus"' not in server.client.get("/metrics").text
    assert list((tmp_path / "data" / "forward").iterdir()) == []
    assert server.stop() == 0
