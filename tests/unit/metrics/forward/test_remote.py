"""One remote: what is appended arrives, whatever the receiver says in between."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable

import pytest

from fenghuo.metrics.forward import batch
from fenghuo.metrics.forward.remote import BEHIND_S, FAILING_S
from fenghuo.metrics.store.tail import WalTail
from fenghuo.model.labels import Labels
from fenghuo.model.sample import STALE_NAN, STALE_NAN_BITS, Exemplar, Metadata
from fenghuo.model.tailed import Position
from unit.metrics.forward.conftest import Lab
from unit.metrics.forward.receiver import UNREACHABLE, Receiver, Sample, says

pytestmark = pytest.mark.anyio


async def test_what_is_appended_arrives_in_order_and_bit_for_bit(
    lab: Lab, in_order: Callable[[list[Sample]], None]
) -> None:
    async with lab.forwarding() as remote:
        for step in range(5):
            lab.append("a", up=1.0, level=step / 3)
            lab.append("b", ended=STALE_NAN if step == 4 else 0.0, nothing=float("nan"))
            await lab.clock.advance(6)

        assert sorted(lab.receiver.samples) == sorted(lab.written)
        in_order(lab.receiver.samples)
        assert STALE_NAN_BITS in {bits for _, _, bits in lab.receiver.samples}
        assert remote.position == lab.store.tail().end
        assert lab.value("samples_total") == len(lab.written)
        assert lab.receiver.requests[0].headers["X-Prometheus-Remote-Write-Version"] == "0.1.0"
        assert lab.receiver.requests[0].headers["Content-Type"] == "application/x-protobuf"
        assert lab.receiver.requests[0].headers["Content-Encoding"] == "snappy"


async def test_a_batch_is_sent_when_it_is_full_or_its_deadline_has_come(lab: Lab) -> None:
    keys = {"queue_config": {"max_samples_per_send": 10, "batch_send_deadline": "3s", "max_shards": 1}}
    async with lab.forwarding(**keys):
        lab.append("a", few=1.0)
        await lab.clock.advance(2.9)
        assert lab.receiver.requests == []
        await lab.clock.advance(1.5)
        assert len(lab.receiver.requests) == 1

        lab.append("a", **{f"m{number}": 1.0 for number in range(25)})
        await lab.clock.advance(1)
        assert [len(request.samples) for request in lab.receiver.requests] == [1, 10, 10, 5]


async def test_external_labels_give_way_to_those_of_the_series_and_rules_come_after_them(lab: Lab) -> None:
    rules = [
        {"source_labels": ["__name__"], "regex": "secret.*", "action": "drop"},
        {"source_labels": ["site"], "target_label": "place", "replacement": "at $1"},
        {"regex": "job", "action": "labeldrop"},
    ]
    external = Labels({"site": "north", "job": "external"})
    async with lab.forwarding(external=external, write_relabel_configs=rules):
        lab.append("a", up=1.0, secret_key=2.0)
        lab.append("a", secret_key=3.0)
        await lab.clock.advance(6)

    assert [labels for labels, _, _ in lab.receiver.samples] == [
        Labels({"__name__": "up", "site": "north", "place": "at north"})
    ]
    assert lab.value("samples_dropped_total", reason="relabelled") == 2


@pytest.mark.parametrize("trouble", [says(503, "busy"), says(500), says(429), UNREACHABLE])
async def test_what_may_pass_is_tried_again_with_longer_and_longer_waits(lab: Lab, trouble: object) -> None:
    lab.receiver.answers = [trouble] * 12 + [says(200)]  # type: ignore[list-item]
    async with lab.forwarding(queue_config={"min_backoff": "100ms", "max_backoff": "4s"}):
        lab.append("a", up=1.0)
        await lab.clock.advance(120)

    gaps_s = lab.receiver.gaps_s()
    assert len(gaps_s) == 12
    assert all(later >= 0.8 * earlier for earlier, later in itertools.pairwise(gaps_s))
    assert 0.1 <= gaps_s[0] <= 0.11
    assert 4 <= gaps_s[-1] <= 4.4
    assert lab.receiver.samples == lab.written
    assert lab.value("samples_retried_total") == 12


@pytest.mark.parametrize(
    ("header", "least_s", "most_s"),
    [("7", 7, 7.8), ("Tue, 14 Nov 2023 22:13:40 GMT", 8, 16), ("soon", 0.03, 0.1), ("99999999", 300, 331)],
)
async def test_a_receiver_may_ask_for_a_wait(lab: Lab, header: str, least_s: float, most_s: float) -> None:
    """The test's clock begins at 22:13:20 on that Tuesday."""
    lab.receiver.answers = [says(503, Retry_After=header), says(200)]
    async with lab.forwarding():
        lab.append("a", up=1.0)
        await lab.clock.advance(400)

    (gap_s,) = lab.receiver.gaps_s()
    assert least_s <= gap_s <= most_s


@pytest.mark.parametrize("status", [400, 401, 404, 413, 301, 999])
async def test_what_is_refused_for_good_costs_that_batch_alone(
    lab: Lab, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    lab.receiver.answers = [says(status, "series is out of order"), says(204)]
    async with lab.forwarding() as remote:
        lab.append("a", lost=1.0)
        await lab.clock.advance(6)
        kept = lab.append("a", kept=1.0)
        await lab.clock.advance(6)

        assert lab.receiver.samples == kept
        assert len(lab.receiver.requests) == 2
        assert lab.value("samples_failed_total") == 1
        assert f"{status}: series is out of order" in caplog.text
        assert remote.position == lab.store.tail().end


async def test_samples_that_a_refusal_has_written_all_the_same_are_not_lost(lab: Lab) -> None:
    lab.receiver.answers = [says(400, "partly", X_Prometheus_Remote_Write_Samples_Written="2")]
    async with lab.forwarding():
        lab.append("a", x=1.0, y=2.0, z=3.0)
        await lab.clock.advance(6)

    assert (lab.value("samples_total"), lab.value("samples_failed_total")) == (2, 1)


async def test_too_much_is_lost_where_it_is_not_to_be_tried_again(lab: Lab) -> None:
    lab.receiver.answers = [says(429), says(200)]
    async with lab.forwarding(queue_config={"retry_on_http_429": False}):
        lab.append("a", up=1.0)
        await lab.clock.advance(30)

    assert len(lab.receiver.requests) == 1
    assert lab.value("samples_failed_total") == 1


async def test_a_receiver_that_does_not_answer_is_left_after_the_timeout(lab: Lab) -> None:
    """The timeout is the event loop's; here it is short."""

    async def hang() -> None:
        lab.receiver.hold = None
        await asyncio.sleep(60)

    lab.receiver.hold = hang
    async with lab.forwarding(remote_timeout="10ms") as remote:
        lab.append("a", up=1.0)
        await lab.clock.advance(6)
        async with asyncio.timeout(10):
            while not remote._sender.trouble:
                await asyncio.sleep(0.001)
        assert remote._sender.trouble == "no answer within 0.01 s"
        await lab.clock.advance(6)

    assert lab.receiver.samples == lab.written


async def test_a_backlog_is_sent_in_more_and_more_lanes_and_every_series_keeps_its_order(
    lab: Lab, in_order: Callable[[list[Sample]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "NEIGHBOURS", 4)
    for step in range(200):
        lab.append(f"target{step % 10}", **{f"metric{number}": step / 7 for number in range(20)})

    async def pause() -> None:
        await lab.clock.sleep(0.001)

    lab.receiver.hold = pause
    async with lab.forwarding(queue_config={"max_samples_per_send": 20, "max_shards": 4}):
        await lab.clock.advance(30)

        assert lab.receiver.under_way_max == 4
        assert Counter(lab.receiver.samples) == Counter(lab.written)
        in_order(lab.receiver.samples)
        assert lab.value("shards_max") == 4


async def test_a_slow_receiver_delays_no_other(lab: Lab) -> None:
    slow, fast = Receiver(lab.clock), Receiver(lab.clock)
    slow.answers = [says(503)]
    async with lab.forwarding(receiver=slow), lab.forwarding(receiver=fast):
        lab.append("a", up=1.0)
        await lab.clock.advance(6)
        assert fast.samples == lab.written
        assert slow.samples == []


async def test_after_a_restart_nothing_is_missing_and_nothing_acknowledged_is_sent_again(lab: Lab) -> None:
    async with lab.forwarding() as remote:
        lab.append("a", before=1.0)
        await lab.clock.advance(6)
        lab.receiver.answers = [says(503)]
        lab.append("a", between=2.0, before=2.5)
        await lab.clock.advance(6)
        position = remote.position
    lab.reopen()
    lab.append("b", after=3.0)
    lab.receiver.answers = [says(200)]
    async with lab.forwarding(position):
        await lab.clock.advance(12)

    assert Counter(lab.receiver.samples) == Counter(lab.written)


async def test_what_was_under_way_at_a_crash_is_sent_again_in_the_same_requests(lab: Lab) -> None:
    """A receiver that has them may refuse old samples, and with them all that stands in the same request."""
    keys = {"queue_config": {"max_samples_per_send": 7, "max_shards": 3}}
    for step in range(10):
        lab.append("a", **{f"metric{number}": step / 3 for number in range(10)})
    never = asyncio.Event()
    lab.receiver.hold = never.wait
    async with lab.forwarding(**keys):
        await lab.clock.advance(0.5)  # The process ends while the first requests are answered.
    first = [request.samples for request in lab.receiver.requests]
    noted = lab.noted[-1]
    assert noted.sending > noted.done
    lab.reopen()
    lab.append("a", later=1.0)

    lab.receiver.hold, lab.receiver.requests = None, []
    lab.receiver.answers = [*(says(400, "out of order") for _ in first), says(200)]
    async with lab.forwarding(noted, **keys):
        await lab.clock.advance(20)
        again = [request.samples for request in lab.receiver.requests]

    assert again[: len(first)] == first
    assert Counter(sample for request in again for sample in request) == Counter(lab.written)
    assert lab.value("samples_failed_total") == 0
    assert lab.value("samples_dropped_total", reason="sent_before") == sum(map(len, first))


async def test_a_position_within_a_segment_knows_the_series_named_before_it(lab: Lab) -> None:
    lab.append("a", x=1.0, y=1.0)
    position = lab.store.tail().end
    later = lab.append("a", x=1.0, y=2.0)  # Only what changed is written, relative to the record before.
    async with lab.forwarding(position):
        await lab.clock.advance(6)

    assert lab.receiver.samples == later


async def test_a_position_beyond_the_log_means_that_the_log_is_another(lab: Lab) -> None:
    lab.append("a", up=1.0)
    async with lab.forwarding(Position(99, 12345)):
        await lab.clock.advance(6)

    assert lab.receiver.samples == lab.written


async def test_old_samples_are_left_out_where_they_are_not_wanted(lab: Lab) -> None:
    lab.append("a", old=1.0)
    await lab.clock.advance(100)
    fresh = lab.append("a", fresh=1.0)
    async with lab.forwarding(queue_config={"sample_age_limit": "1m"}):
        await lab.clock.advance(6)

    assert lab.receiver.samples == fresh
    assert lab.value("samples_dropped_total", reason="too_old") == 1


async def test_a_sample_that_grows_too_old_while_it_waits_is_given_up(lab: Lab) -> None:
    lab.receiver.answers = [says(503)]
    async with lab.forwarding(queue_config={"sample_age_limit": "1m"}) as remote:
        lab.append("a", old=1.0)
        await lab.clock.advance(90)
        assert lab.value("samples_dropped_total", reason="too_old") == 1
        assert remote.position == lab.store.tail().end


async def test_exemplars_follow_their_samples_when_they_are_wanted(lab: Lab) -> None:
    (series, _, _) = lab.append("a", latency=1.0)[0]
    exemplar = Exemplar(Labels({"trace_id": "abc"}), 0.25, lab.clock.now_ms())
    lab.store.append_exemplars([(series, exemplar)])
    async with lab.forwarding(send_exemplars=True, external=Labels({"site": "north"})):
        await lab.clock.advance(6)
        assert [len(request.exemplars) for request in lab.receiver.requests] == [0, 1]
        assert lab.receiver.requests[1].exemplars == [(series.merged({"site": "north"}), exemplar)]
        assert lab.value("exemplars_total") == 1
    lab.receiver.requests.clear()
    async with lab.forwarding():
        await lab.clock.advance(6)
        assert [request.exemplars for request in lab.receiver.requests] == [[]]


async def test_metadata_is_sent_now_and_then_in_requests_of_its_own(lab: Lab) -> None:
    families = {f"family{number}": [Metadata("counter", "Text.", "")] for number in range(5)}
    lab.metadata = families
    keys = {"metadata_config": {"send": True, "send_interval": "1m", "max_samples_per_send": 2}}
    async with lab.forwarding(**keys):
        assert [len(request.message.metadata) for request in lab.receiver.requests] == [2, 2, 1]
        await lab.clock.advance(61)
        assert len(lab.receiver.requests) == 6

    assert lab.receiver.metadata[:5] == [(name, each[0]) for name, each in families.items()]


async def test_version_two_carries_metadata_beside_its_series(lab: Lab) -> None:
    said = Metadata("histogram", "How long.", "seconds")
    lab.metadata = {"latency_seconds": [said]}
    keys = {"protobuf_message": "io.prometheus.write.v2.Request", "metadata_config": {"send": True}}
    async with lab.forwarding(**keys):
        lab.append("a", latency_seconds_bucket=1.0, unknown=2.0)
        await lab.clock.advance(6)

    (request,) = lab.receiver.requests
    assert request.headers["X-Prometheus-Remote-Write-Version"] == "2.0.0"
    assert request.headers["Content-Type"] == "application/x-protobuf;proto=io.prometheus.write.v2.Request"
    assert request.samples == lab.written
    assert request.message.metadata == [("latency_seconds_bucket", said)]


async def test_a_receiver_that_knows_no_version_two_is_sent_version_one_from_then_on(lab: Lab) -> None:
    lab.receiver.answers = [says(415), says(204)]
    async with lab.forwarding(protobuf_message="io.prometheus.write.v2.Request"):
        lab.append("a", up=1.0)
        await lab.clock.advance(6)
        lab.append("a", up=2.0)
        await lab.clock.advance(6)

    versions = [request.headers["X-Prometheus-Remote-Write-Version"] for request in lab.receiver.requests]
    assert versions == ["2.0.0", "0.1.0", "0.1.0"]
    assert lab.receiver.samples == lab.written


def grow(lab: Lab, segments: int) -> None:
    """Begin new segments with a little in each, as a store does that is started so often."""
    for number in range(segments):
        lab.append("a", **{f"metric{step}": number + step / 3 for step in range(1000)})
        lab.reopen()


async def test_what_waits_beyond_the_size_is_dropped_from_the_old_end_and_counted(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Sizes are taken ten thousand times as large as they are."""
    grow(lab, 5)
    monkeypatch.setattr(WalTail, "sizes", _swollen(WalTail.sizes))
    lab.receiver.answers = [says(503)]
    remote = lab.remote(queue_config={"queue_size": "1GB"})
    await remote.keep_bounds()

    lost = lab.value("samples_dropped_total", reason="queue_full")
    assert 1000 <= lost <= 4000
    assert lost % 1000 == 0
    assert "are dropped" in caplog.text
    assert lab.value("queue_bytes") <= 1 << 30
    position = remote.position
    remote.close()
    lab.receiver.answers = [says(200)]
    async with lab.forwarding(position):
        await lab.clock.advance(30)
    assert Counter(lab.receiver.samples) == Counter(lab.written[int(lost) :])


def _swollen(sizes: Callable[[WalTail], list[tuple[int, int]]]) -> Callable[[WalTail], list[tuple[int, int]]]:
    return lambda tail: [(number, size * 10_000) for number, size in sizes(tail)]


async def test_a_damaged_segment_costs_its_rest_and_is_said(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    grow(lab, 3)
    paths = sorted((lab.directory / "store" / "wal").glob("*.wal"))
    data = bytearray(paths[1].read_bytes())
    data[-9] ^= 1
    paths[1].write_bytes(data)
    async with lab.forwarding():
        await lab.clock.advance(30)

    assert Counter(lab.receiver.samples) == Counter(lab.written[:1000] + lab.written[2000:])
    assert lab.value("damaged_segments_total") == 1
    assert "what follows in it is not sent" in caplog.text


async def test_lag_and_failing_are_troubles_once_they_last(lab: Lab) -> None:
    async with lab.forwarding() as remote:
        lab.append("a", up=1.0)
        await lab.clock.advance(6)
        await remote.keep_bounds()
        assert (remote.trouble, lab.value("lag_seconds"), lab.value("queue_bytes")) == ("", 0, 0)

        lab.receiver.answers = [says(503, "too busy")]
        lab.append("a", up=2.0)
        await lab.clock.advance(FAILING_S - 10)
        assert remote.trouble == ""
        await lab.clock.advance(30)
        assert remote.trouble == "far takes nothing: 503: too busy"
        await lab.clock.advance(BEHIND_S)
        lab.append("a", up=3.0)
        await remote.keep_bounds()
        assert lab.value("lag_seconds") > BEHIND_S
        assert lab.value("queue_bytes") > 0
        assert lab.value("highest_timestamp_in_seconds") > lab.value("highest_timestamp_out_seconds")

        lab.receiver.answers = [says(200)]
        await lab.clock.advance(30)
        await remote.keep_bounds()
        assert (remote.trouble, lab.value("lag_seconds")) == ("", 0)


async def test_a_stop_sends_what_there_is(lab: Lab) -> None:
    remote = lab.remote(queue_config={"batch_send_deadline": "1h"})
    running = asyncio.create_task(remote.run())
    await lab.clock.advance(1)
    lab.append("a", last=1.0)
    remote.stop()
    await lab.clock.advance(2)
    assert running.done()
    await running
    remote.close()

    assert lab.receiver.samples == lab.written
