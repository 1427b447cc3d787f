"""A receiver that takes requests without a socket, says what it is told to say, and keeps what it accepts."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from fenghuo.base.clock import ManualClock
from fenghuo.model.labels import Labels
from fenghuo.model.sample import Exemplar, Metadata
from fenghuo.net.answer import Answer, HttpError, HttpFault
from fenghuo.wire.remote_write import Encoding, WriteRequest, decode_v1, decode_v2, labels_of, unpacked

T = TypeVar("T")
Sample = tuple[Labels, int, int]
"""Labels, time and bits of the value."""


async def inline(work: Callable[[], T], /) -> T:
    """Run where nothing is to run beside the test."""
    return work()


@dataclass
class Request:
    """What came, and when by the clock of the test."""

    headers: Mapping[str, str]
    message: WriteRequest
    at_s: float

    @property
    def samples(self) -> list[Sample]:
        message = self.message
        labels = [labels_of(key) for key in message.keys]
        order = range(len(message.owners))
        bits = message.values.view("<i8")
        found = []
        for at in sorted(order, key=lambda each: (int(message.owners[each]), int(message.times_ms[each]))):
            named = labels[int(message.owners[at])]
            assert isinstance(named, Labels)
            found.append((named, int(message.times_ms[at]), int(bits[at])))
        return found

    @property
    def exemplars(self) -> list[tuple[Labels, Exemplar]]:
        found = []
        for place, exemplar in self.message.exemplars:
            named = labels_of(self.message.keys[place])
            assert isinstance(named, Labels)
            found.append((named, exemplar))
        return found


def says(status: int, text: str = "", **headers: str) -> Answer:
    named = {name.replace("_", "-").lower(): value for name, value in headers.items()}
    return Answer(status, "", "text/plain", "", text.encode(), named)


UNREACHABLE = HttpError(HttpFault.CONNECTION, "cannot connect")


@dataclass
class Receiver:
    """``answers`` are given one after another, the last for ever; an error is raised."""

    clock: ManualClock
    answers: list[Answer | HttpError] = field(default_factory=lambda: [says(204)])
    hold: Callable[[], Awaitable[object]] | None = None
    """Awaited before each answer."""
    requests: list[Request] = field(default_factory=list)
    accepted: list[Request] = field(default_factory=list)
    under_way: int = 0
    under_way_max: int = 0

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, size_bytes_max: int = 0) -> Answer:
        self.under_way += 1
        self.under_way_max = max(self.under_way, self.under_way_max)
        try:
            return await self._answer(headers, body)
        finally:
            self.under_way -= 1

    async def _answer(self, headers: Mapping[str, str], body: bytes) -> Answer:
        plain = unpacked(body, Encoding.SNAPPY, 1 << 30)
        assert isinstance(plain, bytes)
        decode = decode_v2 if "v2.Request" in headers["Content-Type"] else decode_v1
        message = decode(plain, (), 1 << 30)
        assert message.problem is None
        request = Request(headers, message, self.clock.monotonic_s())
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if self.hold is not None:
            await self.hold()
        if isinstance(answer, HttpError):
            raise answer
        if 200 <= answer.status < 300:
            self.accepted.append(request)
        return answer

    async def close(self) -> None:
        """Nothing is held."""

    @property
    def samples(self) -> list[Sample]:
        """What was accepted, in order."""
        return [sample for request in self.accepted for sample in request.samples]

    @property
    def metadata(self) -> list[tuple[str, Metadata]]:
        return [entry for request in self.accepted for entry in request.message.metadata]

    def gaps_s(self) -> list[float]:
        """Between one request and the next."""
        moments = [request.at_s for request in self.requests]
        return [later - earlier for earlier, later in itertools.pairwise(moments)]
