"""Apache Kafka on this machine: one node, broker and controller in one, from `make kafka`.

settings ─▶ format: a cluster id, users ─▶ run
"""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from sandbox.listening import listening
from sandbox.ports import free_port
from sandbox.processes import ROOT, finish

BUILT = ROOT / "build" / "kafka"
_JAVA = (
    "java",
    "-Djava.net.preferIPv4Stack=true",  # or Linux tells of its ports elsewhere
    *("-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),  # small, soon there
    f"-Dlog4j2.configurationFile={ROOT / 'sandbox' / 'kafka' / 'log4j2.properties'}",
    *("-cp", f"{BUILT / 'libs'}/*"),
)
_SETTINGS: Mapping[str, object] = {
    "process.roles": "broker,controller",
    "node.id": 1,
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "BROKERS",
    "auto.create.topics.enable": "false",  # a misspelt topic is an error, not a new topic
    "group.initial.rebalance.delay.ms": 0,
    # Of one node, and of few partitions: fifty take seconds to make.
    "offsets.topic.replication.factor": 1,
    "offsets.topic.num.partitions": 4,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "transaction.state.log.num.partitions": 4,
    # What is too old, or superseded, goes within seconds: nobody here waits for minutes.
    "log.initial.task.delay.ms": 500,
    "log.retention.check.interval.ms": 500,
    "log.cleaner.backoff.ms": 500,
    "log.cleaner.dedupe.buffer.size": 16_777_216,
}


@dataclass(frozen=True, slots=True)
class Access:
    """How clients come in: over what, and as whom."""

    protocol: str = "PLAINTEXT"
    passwords: Mapping[str, str] = field(default_factory=dict)  # by user
    certificate: Path | None = None  # PEM, with its key before it
    others: Mapping[str, object] = field(default_factory=dict)  # settings, which come last

    def settings(self) -> dict[str, object]:
        """Return what the broker is told."""
        users = " ".join(f'user_{user}="{word}"' for user, word in self.passwords.items())
        modules = "org.apache.kafka.common.security"
        scram = f"{modules}.scram.ScramLoginModule required;"
        told: dict[str, object] = {
            "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
            "listener.name.clients.scram-sha-256.sasl.jaas.config": scram,
            "listener.name.clients.scram-sha-512.sasl.jaas.config": scram,
            "listener.name.clients.plain.sasl.jaas.config": (
                f"{modules}.plain.PlainLoginModule required {users};"
            ),
        }
        if self.certificate is not None:
            told["ssl.keystore.type"] = "PEM"
            told["ssl.keystore.location"] = self.certificate
        return {**told, **self.others}

    def added(self) -> list[str]:
        """Return what formatting is told, so that users are there from the start."""
        return [
            part
            for user, word in self.passwords.items()
            for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512")
            for part in ("--add-scram", f"{mechanism}=[name={user},password={word}]")
        ]


OPEN = Access()


def missing() -> str | None:
    """Say what to do before Apache Kafka can be started; None if nothing."""
    if not (BUILT / ".fetched").exists():
        return "Apache Kafka is not here: run `make kafka`, which fetches it."
    return None if shutil.which("java") else "Apache Kafka needs Java 17 or later: install it."


@contextmanager
def start_apache_kafka(
    directory: Path, port: int | None = None, *, durable: bool = False, access: Access = OPEN
) -> Iterator[str]:
    """Start a node. Yields its bootstrap address.

    Its log begins empty and goes with it; `durable` goes on with the one that the directory has
    for this port, and leaves it there.

    Raises:
        FileNotFoundError: It was not fetched, or there is no Java.
    """
    if reason := missing():
        raise FileNotFoundError(reason)
    with ExitStack() as stack:

        def command(port: int) -> list[str]:
            node = _Node(directory / f"kafka-{port}", access)
            if not durable:
                node.remove()
                stack.callback(node.remove)
            node.prepare(port)
            return [*_JAVA, "kafka.Kafka", str(node.settings)]

        log = directory / "kafka.log"
        yield f"127.0.0.1:{stack.enter_context(listening(command, log, port))}"


@dataclass(frozen=True, slots=True)
class _Node:
    """The folder of a node: its settings, and its log."""

    folder: Path
    access: Access

    @property
    def settings(self) -> Path:
        return self.folder / "server.properties"

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def prepare(self, port: int) -> None:
        """Write the settings and format the log, unless that was done before."""
        if self.settings.exists():
            return
        self.folder.mkdir()
        told = {**_SETTINGS, **self._places(port), **self.access.settings()}
        self.settings.write_text("".join(f"{name}={value}\n" for name, value in told.items()))
        tool = [*_JAVA, "kafka.tools.StorageTool", "format", "--config", str(self.settings)]
        cluster = uuid4().hex[:22]  # as long as Kafka's own, which must not begin with a dash
        options = ["--cluster-id", cluster, "--standalone", *self.access.added()]
        finish([*tool, *options], self.folder / "format.log")

    def _places(self, port: int) -> dict[str, object]:
        """Return where it listens, and where its log lies."""
        brokers, controller = free_port(), free_port()
        clients = f"CLIENTS://127.0.0.1:{port},BROKERS://127.0.0.1:{brokers}"
        protocols = f"CLIENTS:{self.access.protocol},BROKERS:PLAINTEXT,CONTROLLER:PLAINTEXT"
        return {
            "listeners": f"{clients},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": clients,
            "listener.security.protocol.map": protocols,
            "controller.quorum.bootstrap.servers": f"127.0.0.1:{controller}",
            "log.dirs": self.folder / "log",
        }
