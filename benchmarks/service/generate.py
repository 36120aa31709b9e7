"""The generator: a process that sends requests at moments fixed beforehand.

plan on stdin ─▶ moments ─▶ send on a free connection ─▶ latency from the moment ─▶ outcome, a line

Open loop: a request is due whether or not the ones before it were answered, and waits here if all
connections are busy; its latency counts from when it was due. Without a rate, a closed loop: each
connection asks again as soon as it is answered, which measures the capacity.

A plain `select` loop: its timeouts are exact to microseconds, and a request costs it 20 us.
"""

import json
import select
import socket
import sys
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from time import perf_counter
from typing import Self

from benchmarks.service.histogram import Histogram

LATEST_ANSWER = 5.0  # seconds that are waited for answers at the end
RECEIVE_BYTES = 65_536
WARM_UP = 0.2  # of the time, which is not counted


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be sent."""

    port: int
    requests: Sequence[str]  # whole HTTP requests, in turn
    seconds: float
    connections: int
    rate: float | None = None  # requests a second; none: as many as are answered


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it, without the warming up."""

    rate: float  # answered a second
    p50_ms: float
    p99_ms: float
    p999_ms: float
    answered: int
    failed: int  # lost connections, and no answer in time
    statuses: dict[str, int]


def main() -> None:
    """Do what stdin says."""
    print(json.dumps(asdict(generate(Plan(**json.load(sys.stdin))))))


def generate(plan: Plan) -> Outcome:
    """Send a plan's requests."""
    with Connections(plan) as connections:
        begins = perf_counter() + 0.05
        counted_from = begins + WARM_UP * plan.seconds
        tally = Tally(counted_from)
        _send_all(plan, connections, tally, begins)
    return tally.outcome(begins + plan.seconds - counted_from)


class Connection:
    """One kept-alive connection, with at most one request on its way."""

    def __init__(self, port: int) -> None:
        self.due = 0.0
        self._port = port
        self._received = b""
        self._open()

    def fileno(self) -> int:
        """Let `select` wait for it."""
        return self.socket.fileno()

    def send(self, request: bytes, due: float) -> None:
        """Send a request that was due at a moment."""
        self.due = due
        self._received = b""
        self.socket.sendall(request)

    def receive(self) -> str | None:
        """Take what has come. Returns the status once the answer is whole.

        Raises:
            ConnectionError: It was closed; it is open again.
        """
        received = self.socket.recv(RECEIVE_BYTES)
        if not received:
            self.socket.close()
            self._open()
            raise ConnectionError
        self._received += received
        head, ended, body = self._received.partition(b"\r\n\r\n")
        if not ended or len(body) < _length(head):
            return None
        return head[9:12].decode()

    def _open(self) -> None:
        self.socket = socket.create_connection(("127.0.0.1", self._port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class Connections:
    """All of a plan's connections."""

    def __init__(self, plan: Plan) -> None:
        self.idle = [Connection(plan.port) for _ in range(plan.connections)]
        self.busy: set[Connection] = set()
        self._requests = [request.encode() for request in plan.requests]
        self._next = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for connection in (*self.idle, *self.busy):
            connection.socket.close()

    def send(self, due: float) -> None:
        """Send the next request on an idle connection."""
        connection = self.idle.pop()
        connection.send(self._requests[self._next % len(self._requests)], due)
        self._next += 1
        self.busy.add(connection)

    def wait(self, seconds: float, tally: "Tally") -> int:
        """Take answers for at most so long, until there are some. Returns how many."""
        ready, _, _ = select.select(self.busy, (), (), max(seconds, 0))
        ended = [connection for connection in ready if tally.take(connection)]
        self.busy.difference_update(ended)
        self.idle.extend(ended)
        return len(ended)


@dataclass(slots=True)
class Tally:
    """Counts answers to what was due from a moment on."""

    counted_from: float
    histogram: Histogram = field(default_factory=Histogram)
    statuses: Counter[str] = field(default_factory=Counter)
    failed: int = 0

    def take(self, connection: Connection) -> bool:
        """Take what has come on a connection; true if its request is over."""
        try:
            status = connection.receive()
        except ConnectionError:
            self.failed += 1
            return True
        if status is None:
            return False
        if connection.due >= self.counted_from:
            self.histogram.add(perf_counter() - connection.due)
            self.statuses[status] += 1
        return True

    def outcome(self, seconds: float) -> Outcome:
        """Say what came of it, in the seconds that counted."""
        p50, p99, p999 = (
            round(self.histogram.quantile(share) * 1e3, 3) for share in (0.5, 0.99, 0.999)
        )
        answered = len(self.histogram)
        rate = round(answered / seconds, 1)
        return Outcome(rate, p50, p99, p999, answered, self.failed, dict(self.statuses))


def _send_all(plan: Plan, connections: Connections, tally: Tally, begins: float) -> None:
    """Send everything when it is due, and wait for the last answers."""
    ends = begins + plan.seconds
    moments = deque(_moments(plan, begins))
    waiting: deque[float] = deque()
    if plan.rate is None:
        waiting.extend([begins] * plan.connections)
    while True:
        now = perf_counter()
        while moments and moments[0] <= now:
            waiting.append(moments.popleft())
        while waiting and connections.idle:
            connections.send(waiting.popleft())
        if now >= ends and (now >= ends + LATEST_ANSWER or not (connections.busy or waiting)):
            break
        until = moments[0] if moments else max(ends, now + 0.05)
        ended = connections.wait(until - now, tally)
        if plan.rate is None and perf_counter() < ends:
            waiting.extend([perf_counter()] * ended)
    tally.failed += len(connections.busy) + len(waiting)


def _moments(plan: Plan, begins: float) -> list[float]:
    """Return when each request of an open loop is due."""
    if plan.rate is None:
        return []
    return [begins + place / plan.rate for place in range(round(plan.rate * plan.seconds))]


def _length(head: bytes) -> int:
    """Read how long an answer's body is."""
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.removeprefix(b"content-length:"))
    return 0


if __name__ == "__main__":
    main()
