"""The sender suite of Prometheus' compliance project for remote write: what is scraped is forwarded as it says.

Every case that scrapes something is a job of one scraper whose store is forwarded in both versions at once; the
samples that arrive are compared, whole, with what Prometheus' Python client reads in the same text, and every request
is checked byte by byte against the protocol. Cases about a receiver's behaviour have a remote of their own. Native
histograms are not sent: their cases hold that the classic series arrive.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import logging
import math
import re
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cramjam
import pytest
from aiohttp import web
from prometheus_client.parser import text_string_to_metric_families

from fenghuo.metrics.forward.settings import V2, RemoteWriteSettings
from fenghuo.model.labels import Labels
from fenghuo.wire.remote_write.protobuf import fields, signed
from flow.scraping import TEXT, Handler, job, says, site
from flow.sending import Answering, Got, Inbox, receiving, sending, until
from material import CONFORMANCE

CASES_FILE = CONFORMANCE / "compliance" / "remotewrite" / "sender_cases.json"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CASES_FILE.exists(), reason="the conformance material is not beside the checkout"),
]
CASES: list[dict[str, Any]] = json.loads(CASES_FILE.read_text()) if CASES_FILE.exists() else []
OPEN_METRICS = "application/openmetrics-text; version=1.0.0"
GENERATED = {
    "batch_size_reasonable": "\n".join(f'wide{{n="{n}"}} {n}' for n in range(3000)),
    "huge_label_values": f'huge{{value="{"x" * 11_000}"}} 1',
    "many_timeseries": "\n".join(f"metric_{n} {n}" for n in range(5000)),
    "high_cardinality": "\n".join(f'http{{path="/{n}",user="{n % 97}"}} {n}' for n in range(2000)),
    "very_long_metric_name": f"{'long_' * 100}name 1",
    "future_timestamp": f"test_metric 42 {round(time.time() * 1000) + 60_000}",
}
EXEMPLAR = re.compile(r"^(\w+)(?:\{[^}]*\})? \S+ # \{(.*)\} (\S+) (\S+)$", re.MULTILINE)
RUN_S = 16.0
BEGUN_S = 40.0


def is_about_receivers(case: dict[str, Any]) -> bool:
    return "receiver_behaviour" in case and case["receiver_behaviour"] is not None


def text_of(case: dict[str, Any]) -> str:
    given = case.get("scrape_data")
    if isinstance(given, dict):
        return GENERATED[case["name"]] + "\n"
    return (given or "test_metric 42\n").rstrip("\n") + "\n"


# What a behaviour is


def always(status: int, body: str = "", **headers: str) -> Answering:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda number, got: web.Response(status=status, text=body, headers=named)


def no_version_two(number: int, got: Got) -> web.Response:
    return web.Response(status=415 if "proto=" in got.headers["Content-Type"] else 204)


async def _sleep_long(number: int, got: Got) -> web.Response:
    await asyncio.sleep(30)
    return web.Response(status=204)


WRITTEN = "X-Prometheus-Remote-Write-Samples-Written"


def behaviour(case: dict[str, Any]) -> Answering | None:
    """How the receiver of a case answers; None where there is none to be reached."""
    name, told = case["name"], case["receiver_behaviour"]
    if name in ("handle_connection_refused", "dns_resolution_failure", "invalid_url_scheme"):
        return None
    special: dict[str, Answering] = {
        "handle_timeout": _sleep_long,
        "handle_partial_write": always(200, "partial"),
        "handle_malformed_response": always(200, "}{ \x01 junk"),
        "handle_empty_response": always(200),
        "handle_large_error_response": always(400, "x" * (1 << 20)),
        "ignore_response_body_on_success": always(200, "body", X_Prometheus_Remote_Write_Samples_Written="1"),
        "process_written_count_headers": always(204, X_Prometheus_Remote_Write_Samples_Written="3"),
        "handle_partial_write_response": always(
            400, "Rejected 1 sample", X_Prometheus_Remote_Write_Samples_Written="2"
        ),
        "handle_missing_written_headers": always(400, "no counts"),
        "log_error_messages_verbatim": always(400, "the very words of the receiver"),
        "handle_large_error_body": always(500, "y" * 100_000),
    }
    if case["file"] == "fallback_test.go":
        return no_version_two if name != "TestNoFallbackOn2xx" else always(204)
    found = re.search(r"\b([2-9]\d\d)\b", told)
    return special.get(name) or always(int(found[1]) if found else 204, "told so")


def remote_for(number: int, case: dict[str, Any], base: str) -> RemoteWriteSettings:
    """A remote that is sent the samples of that case alone."""
    url = f"{base}/case{number}"
    if case["name"] == "handle_connection_refused":
        url = "http://127.0.0.1:1/write"
    url = case.get("params", {}).get("serverurl", url)
    return RemoteWriteSettings.model_validate(
        {
            "url": url,
            "name": f"case{number}",
            "remote_timeout": "2s" if case["name"] == "handle_timeout" else "10s",
            "protobuf_message": V2 if case["file"] == "fallback_test.go" else "prometheus.WriteRequest",
            "write_relabel_configs": [{"source_labels": ["job"], "regex": f"case{number}", "action": "keep"}],
            # On a busy machine the program's own 30 ms would be lost among other waits.
            "queue_config": {"batch_send_deadline": "500ms", "min_backoff": "250ms"},
            "metadata_config": {"send": False},
        }
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return asyncio.run(_run(tmp_path_factory.mktemp("sender")))


class Run:
    """What arrived."""

    def __init__(self, inbox: Inbox, log: str) -> None:
        self.inbox = inbox
        self.log = log
        self.one = [Message(got) for got in inbox.got["v1"]]
        self.two = [Message(got) for got in inbox.got["v2"]]


async def _run(directory: Path) -> Run:
    inbox, heard = Inbox(), _Heard()
    async with receiving(inbox):
        remotes = [
            RemoteWriteSettings.model_validate(
                {
                    "url": f"{inbox.base}/v{version}",
                    "protobuf_message": message,
                    "send_exemplars": True,
                    "queue_config": {"batch_send_deadline": "500ms"},
                    "metadata_config": {"send_interval": "1s"},
                }
            )
            for version, message in ((1, "prometheus.WriteRequest"), (2, V2))
        ]
        handlers: dict[str, Handler] = {}
        behaving: list[RemoteWriteSettings] = []
        for number, case in enumerate(CASES):
            text = text_of(case)
            # Exemplars are OpenMetrics' own; all else in these cases is the older format's.
            exemplars = EXEMPLAR.search(text) is not None
            body = f"{text}# EOF\n" if exemplars else text
            handlers[f"/case{number}"] = says(body, OPEN_METRICS if exemplars else TEXT)
            if is_about_receivers(case):
                if (answering := behaviour(case)) is not None:
                    inbox.answers[f"case{number}"] = answering
                behaving.append(remote_for(number, case, inbox.base))
        async with site(handlers) as address, sending(directory, remotes) as (lab, forward):
            timing = {"scrape_interval": "1s", "scrape_timeout": "1s"}
            jobs = [job(f"case{n}", address, metrics_path=f"/case{n}", **timing) for n in range(len(CASES))]
            with heard:
                await lab.scraper.apply(jobs)
                await lab.seen(*(each.job_name for each in jobs))
                await asyncio.sleep(1)  # What is new costs most; waits are to be measured after it.
                await forward.apply([*remotes, *behaving])
                with contextlib.suppress(TimeoutError):  # A slow machine names the series of so many remotes for long.
                    await until(lambda: inbox.answers.keys() <= inbox.got.keys(), BEGUN_S)
                await asyncio.sleep(RUN_S)
    return Run(inbox, heard.text)


class _Heard:
    """What is logged while it is entered."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._handler = logging.Handler()
        self._handler.emit = lambda record: self._lines.append(record.getMessage())  # type: ignore[method-assign]
        self._log = logging.getLogger("fenghuo.metrics.forward")

    def __enter__(self) -> None:
        self._log.addHandler(self._handler)

    def __exit__(self, *error: object) -> None:
        self._log.removeHandler(self._handler)

    @property
    def text(self) -> str:
        return "\n".join(self._lines)


# A request, read without the program's decoders


class Message:
    """The series of one request, as they stand in it; fails where the protocol is broken."""

    def __init__(self, got: Got) -> None:
        self.got = got
        self.body = bytes(cramjam.snappy.decompress_raw(got.body))
        self.two = "proto=io.prometheus.write.v2.Request" in got.headers["Content-Type"]
        self.samples: list[tuple[Labels, int, int]] = []
        self.exemplars: list[tuple[Labels, Labels, float, int]] = []
        self.metadata: dict[str, tuple[int, str, str]] = {}
        self.symbols = [self._text(at, end) for number, _, at, end in self._fields() if number == 4]
        if self.two:
            assert self.symbols[0] == ""
            assert len(set(self.symbols)) == len(self.symbols), "a text stands twice"
        else:
            assert not self.symbols, "version 1.0 knows no symbols"
        for number, _, at, end in self._fields():
            if number == (5 if self.two else 1):
                self._series(at, end)
            elif number == 3 and not self.two:
                self._family(at, end)

    def _fields(self) -> Iterator[tuple[int, int, int, int]]:
        return fields(self.body, 0, len(self.body))

    def _text(self, at: int, end: int) -> str:
        return self.body[at:end].decode()

    def _series(self, start: int, end: int) -> None:
        pairs: list[tuple[str, str]] = []
        samples, exemplars = [], []
        metadata: tuple[int, str, str] | None = None
        for number, _, at, stop in fields(self.body, start, end):
            if number == 1:
                pairs += self._refs(at, stop) if self.two else [self._label(at, stop)]
            elif number == 2:
                samples.append(self._sample(at, stop))
            elif number == (4 if self.two else 3):
                exemplars.append(self._exemplar(at, stop))
            elif number == 5 and self.two:
                said = {each: value for each, _, value, _ in fields(self.body, at, stop)}
                metadata = (said.get(1, 0), self.symbols[said.get(3, 0)], self.symbols[said.get(4, 0)])
            else:
                raise AssertionError(f"a series has a field {number}")
        names = [name for name, _ in pairs]
        assert names == sorted(set(names)), "labels are not sorted, or one stands twice"
        assert all(re.fullmatch("[a-zA-Z_][a-zA-Z0-9_]*", name) for name in names)
        labels = Labels(pairs)
        assert len(labels) == len(pairs), "a label is empty"
        assert re.fullmatch("[a-zA-Z_:][a-zA-Z0-9_:]*", labels["__name__"])
        times = [time_ms for time_ms, _ in samples]
        assert times == sorted(times)
        self.samples += [(labels, time_ms, bits) for time_ms, bits in samples]
        self.exemplars += [(labels, *each) for each in exemplars]
        if metadata is not None:
            self.metadata[labels["__name__"]] = metadata

    def _refs(self, at: int, until: int) -> list[tuple[str, str]]:
        refs: list[int] = []
        value = shift = 0
        for byte in self.body[at:until]:
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                refs.append(value)
                value = shift = 0
        assert len(refs) % 2 == 0
        texts = [self.symbols[ref] for ref in refs]
        return list(zip(texts[::2], texts[1::2], strict=True))

    def _label(self, at: int, until: int) -> tuple[str, str]:
        texts = {number: self._text(begin, end) for number, _, begin, end in fields(self.body, at, until)}
        return texts[1], texts.get(2, "")

    def _sample(self, at: int, until: int) -> tuple[int, int]:
        """Time and bits of the value."""
        time_ms, bits = 0, 0
        for number, _, begin, _ in fields(self.body, at, until):
            if number == 1:
                (bits,) = struct.unpack_from("<q", self.body, begin)
            else:
                assert number == 2
                time_ms = signed(begin)
        return time_ms, bits

    def _exemplar(self, at: int, until: int) -> tuple[Labels, float, int]:
        pairs: list[tuple[str, str]] = []
        value, time_ms = 0.0, 0
        for number, _, begin, end in fields(self.body, at, until):
            if number == 1:
                pairs += self._refs(begin, end) if self.two else [self._label(begin, end)]
            elif number == 2:
                (value,) = struct.unpack_from("<d", self.body, begin)
            elif number == 3:
                time_ms = signed(begin)
        return Labels(pairs), value, time_ms

    def _family(self, at: int, until: int) -> None:
        kind, texts = 0, {2: "", 4: "", 5: ""}
        for number, _, begin, end in fields(self.body, at, until):
            if number == 1:
                kind = begin
            else:
                texts[number] = self._text(begin, end)
        self.metadata[texts[2]] = (kind, texts[4], texts[5])


# What is expected


def expected(number: int, text: str, address_of: Callable[[], str]) -> dict[Labels, int]:
    """The series of a case with the bits of their values, as Prometheus' own client reads them."""
    plain = EXEMPLAR.sub(lambda found: found[0].split(" # ")[0], text)
    plain = re.sub("^#.*$", "", plain, flags=re.MULTILINE)  # Where it knows a counter, the client adds _total.
    found = {}
    for family in text_string_to_metric_families(plain):
        for sample in family.samples:
            labels = {**sample.labels, "__name__": sample.name, "job": f"case{number}", "instance": address_of()}
            for bound in ("le", "quantile"):
                if bound in labels and re.fullmatch(r"\d+", labels[bound]):
                    labels[bound] += ".0"  # As Prometheus 3 stores them.
            found.setdefault(
                Labels(labels), struct.unpack("<q", struct.pack("<d", sample.value))[0]
            )  # Of two the first counts.
    return found


DATA = [number for number, case in enumerate(CASES) if not is_about_receivers(case)]
TYPES = {"counter": 1, "gauge": 2, "histogram": 3, "summary": 5}


def named(number: int) -> str:
    return f"{CASES[number]['file'].removesuffix('_test.go')}-{CASES[number]['name']}"


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("number", DATA, ids=named)
def test_what_is_scraped_arrives(run: Run, number: int, version: int) -> None:
    messages = run.one if version == 1 else run.two
    samples = [each for message in messages for each in message.samples if each[0].get("job") == f"case{number}"]
    arrived = {labels: bits for labels, _, bits in samples}
    instance = next(iter(arrived))["instance"]
    text = text_of(CASES[number])
    wanted = {} if "StaleNaN" in text or " 42 0" in text else expected(number, text, lambda: instance)

    scraped = {k: v for k, v in arrived.items() if not k["__name__"].startswith("scrape_") and k["__name__"] != "up"}
    wanted = {labels: bits for labels, bits in wanted.items() if labels["__name__"] != "up"}
    assert {labels: _same_nan(bits) for labels, bits in scraped.items()} == {
        labels: _same_nan(bits) for labels, bits in wanted.items()
    }
    assert {labels["__name__"] for labels in arrived} >= {"up", "scrape_duration_seconds"}
    last: dict[Labels, int] = {}
    for labels, time_ms, _ in samples:
        assert last.get(labels, 0) < time_ms
        assert abs(time_ms / 1000 - time.time()) < 600
        last[labels] = time_ms
    _check_metadata(messages, text, version)
    _check_exemplars(messages, number, text)


def _same_nan(bits: int) -> float | int | str:
    return "NaN" if math.isnan(struct.unpack("<d", struct.pack("<q", bits))[0]) else bits


def _check_metadata(messages: list[Message], text: str, version: int) -> None:
    """Types that only one case gives a name. Of version 2.0 the series carry them."""
    known: dict[str, tuple[int, str, str]] = {}
    for message in messages:
        known.update(message.metadata)
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE):
        declared = {k for case in CASES for n, k in re.findall(r"# TYPE (\S+) (\S+)", text_of(case)) if n == name}
        parts = [each for each in known if each == name or (version == 2 and each.startswith(f"{name}_"))]
        assert parts, f"nothing is told of {name}"
        assert len(declared) > 1 or {known[each][0] for each in parts} == {TYPES[kind]}


def _check_exemplars(messages: list[Message], number: int, text: str) -> None:
    found = {
        (series["__name__"], own.pairs, value, time_ms)
        for message in messages
        for series, own, value, time_ms in message.exemplars
        if series["job"] == f"case{number}"
    }
    wanted = {
        (name, Labels(re.findall(r'(\w+)="([^"]*)"', labels)).pairs, float(value), round(float(at_s) * 1000))
        for name, labels, value, at_s in EXEMPLAR.findall(text)
    }
    assert found == wanted


def test_every_request_is_what_the_protocol_wants(run: Run) -> None:
    for message in [*run.one, *run.two]:
        headers = message.got.headers
        assert message.got.method == "POST"
        assert headers["Content-Encoding"] == "snappy"
        assert headers["User-Agent"].startswith("Fenghuo/")
        assert len(message.samples) <= 2000
    assert {message.got.headers["X-Prometheus-Remote-Write-Version"] for message in run.one} == {"0.1.0"}
    assert {message.got.headers["X-Prometheus-Remote-Write-Version"] for message in run.two} == {"2.0.0"}
    assert {message.got.headers["Content-Type"] for message in run.one} == {"application/x-protobuf"}
    assert len(max(run.one, key=lambda message: len(message.samples)).samples) == 2000


BEHAVIOURS = [number for number, case in enumerate(CASES) if is_about_receivers(case)]


@pytest.mark.parametrize("number", BEHAVIOURS, ids=named)
def test_a_receiver_may_behave_so(run: Run, number: int) -> None:
    case = CASES[number]
    got = run.inbox.got.get(f"case{number}", [])
    gaps_s = [later.at_s - earlier.at_s for earlier, later in itertools.pairwise(got)]
    versions = [each.headers["X-Prometheus-Remote-Write-Version"] for each in got]
    bodies = [each.body for each in got]
    status = re.search(r"\b([2-9]\d\d)\b", case["receiver_behaviour"])
    # That the sender lives is shown by what the other remotes were sent meanwhile.
    match case["file"].removesuffix("_test.go"), case["name"]:
        case "backoff", _:
            assert len(got) >= 3
            assert all(0.001 <= gap_s < 60 for gap_s in gaps_s)
            assert all(later >= 0.8 * earlier for earlier, later in itertools.pairwise(gaps_s))
        case "fallback", "TestNoFallbackOn2xx":
            assert set(versions) == {"2.0.0"}
        case "fallback", _:
            assert versions[:2] == ["2.0.0", "0.1.0"]
            assert set(versions[1:]) == {"0.1.0"}
            assert "proto=" not in got[1].headers["Content-Type"]
        case "retry", _ if status is not None and status[1] in ("400", "401", "404", "413"):
            assert len(set(bodies)) == len(bodies), "what was refused for good is sent again"
        case "retry", _:
            assert len(got) >= 3
            assert len(set(bodies)) == 1, "what was not accepted is not sent again"
        case "response", "log_error_messages_verbatim":
            assert "the very words of the receiver" in run.log
        case "error_handling", "handle_connection_refused" | "dns_resolution_failure" | "invalid_url_scheme":
            assert f"case{number} failed and is tried again: " in run.log
        case _:
            assert got
