"""Kafka behind TLS and passwords: every process comes in, and who may not is told in a sentence."""

import asyncio
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess, run
from uuid import uuid4

import httpx
import pytest
import yaml

from portrait.adapters.kafka_client import cluster_of
from portrait.adapters.kafka_publisher import open_publisher
from portrait.adapters.kafka_stream import open_stream
from portrait.adapters.kafka_topics import create_topics
from portrait.events.stream import Message
from portrait.events.topics import Topic, TopicsFile
from portrait.settings import PREFIX, Settings, read_settings
from sandbox.apache_kafka import Access, start_apache_kafka
from sandbox.processes import ROOT, python
from tests.support.certificates import Certificates, certify
from tests.support.patience import ANSWER_SECONDS, PATIENCE
from tests.support.processes import environment, portrait_on, until, with_path
from tests.support.secured import PASSWORD, USER, as_user, start_secured_redis
from workers.roots.bounds import bounds_of

MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


@dataclass(frozen=True, slots=True)
class Secured:
    """A Kafka that lets in one user, over TLS alone."""

    kafka: str
    certificates: Certificates

    def settings(self, **others: str) -> dict[str, str]:
        """Return the environment of who may come in, but for what is said otherwise."""
        return {
            "PORTRAIT_KAFKA_BOOTSTRAP": self.kafka,
            "PORTRAIT_KAFKA_SECURITY": "SASL_SSL",
            "PORTRAIT_KAFKA_USERNAME": USER,
            "PORTRAIT_KAFKA_PASSWORD": PASSWORD,
            "PORTRAIT_KAFKA_CA_FILE": str(self.certificates.authority),
        } | {f"{PREFIX}KAFKA_{name.upper()}": value for name, value in others.items()}


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    folder = tmp_path_factory.mktemp("secured")
    certificates = certify(folder / "certificates")
    access = Access("SASL_SSL", {USER: PASSWORD}, certificates.server)
    with start_apache_kafka(folder, access=access) as kafka:
        yield Secured(kafka, certificates)


def settings_of(variables: Mapping[str, str]) -> Settings:
    fields = {name.removeprefix(PREFIX).lower(): value for name, value in variables.items()}
    return Settings.model_validate(fields)


async def passes_through(settings: Settings) -> bytes | None:
    """Create a topic, publish, and read."""
    name, cluster = f"test.{uuid4().hex}", cluster_of(settings)
    topics = (Topic(name=name, partitions=1),)
    await create_topics(cluster, TopicsFile(replication=1, topics=topics))
    async with open_publisher(cluster) as publisher:
        await publisher.publish([Message(name, b"key", b"value")])
    closing = asyncio.Event()
    async with (
        asyncio.timeout(PATIENCE),
        open_stream(
            cluster, bounds_of(settings), group=name, topics=(name,), closing=closing
        ) as stream,
    ):
        async for batch in stream.batches():
            if batch.records:
                return batch.records[0].value
    return None


@pytest.mark.parametrize("mechanism", MECHANISMS)
async def test_a_user_comes_in_by_every_mechanism(secured: Secured, mechanism: str) -> None:
    settings = settings_of(secured.settings(mechanism=mechanism))

    assert await passes_through(settings) == b"value"


async def test_a_password_may_lie_in_a_file(
    secured: Secured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n")
    variables = secured.settings(password_file=str(file))
    del variables["PORTRAIT_KAFKA_PASSWORD"]
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert await passes_through(read_settings()) == b"value"


async def test_the_broker_of_compose_lets_in_who_has_the_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = tmp_path / "secrets"
    run([ROOT / "deploy" / "make-secrets.sh", secrets], check=True)  # noqa: ASYNC221, S603 - our own
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    told = {
        name.removeprefix("KAFKA_").lower().replace("_", "."): str(value)
        .replace("$$", "$")
        .replace("/run/secrets", str(secrets))
        for name, value in compose["kafka"]["environment"].items()
        if "SASL" in name or "CONFIG_PROVIDERS" in name
    }
    users = "plain.sasl.jaas.config"  # of the listener that is called otherwise here
    told[f"listener.name.clients.{users}"] = told[f"listener.name.inside.{users}"]
    for name, value in compose["service"]["environment"].items():
        if name.startswith("PORTRAIT_KAFKA_"):
            monkeypatch.setenv(name, value.replace("/run/secrets", str(secrets)))

    with start_apache_kafka(tmp_path, access=Access("SASL_PLAINTEXT", others=told)) as kafka:
        monkeypatch.setenv("PORTRAIT_KAFKA_BOOTSTRAP", kafka)
        assert await passes_through(read_settings()) == b"value"
        monkeypatch.delenv("PORTRAIT_KAFKA_PASSWORD_FILE")
        monkeypatch.setenv("PORTRAIT_KAFKA_PASSWORD", PASSWORD)
        assert_told(topics({**os.environ}), r"Kafka at \S+ refuses them \(PLAIN")


async def test_tls_alone_will_do(tmp_path: Path) -> None:
    certificates = certify(tmp_path / "certificates")
    with start_apache_kafka(
        tmp_path, access=Access("SSL", certificate=certificates.server)
    ) as kafka:
        settings = Settings.model_validate(
            {
                "kafka_bootstrap": kafka,
                "kafka_security": "SSL",
                "kafka_ca_file": certificates.authority,
            }
        )

        assert await passes_through(settings) == b"value"


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        pytest.param(
            {"password": "guessed"},
            r"PORTRAIT_KAFKA_USERNAME, PORTRAIT_KAFKA_PASSWORD: Kafka at \S+ refuses them \(SCRAM",
            id="password",
        ),
        pytest.param(
            {"password": "guessed", "mechanism": "PLAIN"},
            r"PORTRAIT_KAFKA_USERNAME, PORTRAIT_KAFKA_PASSWORD: Kafka at \S+ refuses them \(PLAIN",
            id="plain password",
        ),
        pytest.param(
            {"ca_file": str(ROOT / "LICENSE")},
            r"PORTRAIT_KAFKA_CA_FILE: no certificate in PEM can be read in \S+LICENSE\.",
            id="authority",
        ),
        pytest.param(
            {"security": "PLAINTEXT"},
            r"Is PORTRAIT_KAFKA_SECURITY=PLAINTEXT what it expects\?",
            id="protocol",
        ),
    ],
)
def test_who_is_not_let_in_is_told_why(
    secured: Secured, wrong: Mapping[str, str], told: str
) -> None:
    assert_told(topics(secured.settings(**wrong)), told)


def test_a_certificate_of_somebody_unknown_is_not_believed(secured: Secured) -> None:
    variables = secured.settings()
    del variables["PORTRAIT_KAFKA_CA_FILE"]

    told = r"PORTRAIT_KAFKA_CA_FILE: the certificate of Kafka at \S+ is not believed \(unable to"
    assert_told(topics(variables), told)


def topics(variables: Mapping[str, str]) -> CompletedProcess[str]:
    """Run `portrait topics`."""
    return run(  # noqa: S603 - our own
        python("portrait", "topics"),
        env=with_path({**variables, "PORTRAIT_LOG_FORMAT": "json"}),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def assert_told(ended: CompletedProcess[str], told: str) -> None:
    assert ended.returncode
    assert re.search(told, ended.stderr), ended.stderr
    assert "Traceback" not in ended.stderr
    assert "guessed" not in ended.stderr
    assert PASSWORD not in ended.stderr


@pytest.mark.e2e
def test_a_whole_portrait_comes_in_to_kafka_and_redis(secured: Secured, tmp_path: Path) -> None:
    with (
        start_secured_redis(tmp_path, secured.certificates) as address,
        portrait_on(
            environment(secured.kafka, as_user(address)) | secured.settings(), tmp_path
        ) as portrait,
    ):
        asyncio.run(until(lambda: answers(portrait.url), "the service answers"))
        item = {"title": "oat milk", "category": "Dairy > Milk", "price": 2}
        for number in range(5):
            put = httpx.put(
                f"{portrait.url}/items/item-{number}", json=item, timeout=ANSWER_SECONDS
            )
            assert put.status_code == httpx.codes.ACCEPTED
        asyncio.run(until(portrait.is_ready, "the service is ready"))
        portrait.post("/events", {"type": "purchase", "user_id": "ann", "item_id": "item-2"})

        assert portrait.profile("ann")["totals"]["purchase"] == 1
        logs = "".join(log.read_text() for log in tmp_path.glob("*.log"))
        assert PASSWORD not in logs


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/livez", timeout=ANSWER_SECONDS).is_success
    except httpx.TransportError:
        return False
