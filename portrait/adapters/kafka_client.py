"""What every Kafka client of ours is told about the cluster, and why it does not answer."""

import asyncio
import logging
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiokafka.conn import create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from pydantic import SecretStr

from portrait.adapters.kafka_names import SAME, Names
from portrait.adapters.reach import ANSWER_SECONDS, addresses_of, why_unreachable
from portrait.errors import SettingsInvalidError
from portrait.settings import Settings, variable
from portrait.shops.name import prefix_of

# Its client says so, too, in other words; whoever connects says what to do.
logging.getLogger("aiokafka").addFilter(lambda record: "Unable connect" not in record.getMessage())


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where Kafka is, and who we are there."""

    bootstrap: str  # host:port, separated by commas
    security: str = "PLAINTEXT"
    mechanism: str = "SCRAM-SHA-512"
    username: str | None = None
    password: SecretStr | None = None
    tls: ssl.SSLContext | None = None
    names: Names = SAME  # of topics and groups

    def options(self) -> dict[str, Any]:
        """Return aiokafka's connection arguments."""
        return {"bootstrap_servers": self.bootstrap, **self.access()}

    def access(self) -> dict[str, Any]:
        """Return those of one connection."""
        options: dict[str, Any] = {
            "client_id": "portrait",
            "security_protocol": self.security,
            "ssl_context": self.tls,
        }
        if self.security.startswith("SASL") and self.username and self.password:
            options |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password.get_secret_value(),
            }
        return options


def cluster_of(settings: Settings) -> Cluster:
    """Return where Kafka is, and who we are there, as the settings say.

    Raises:
        SettingsInvalidError: A file that they name cannot be read.
    """
    return Cluster(
        settings.kafka_bootstrap,
        settings.kafka_security,
        settings.kafka_mechanism,
        settings.kafka_username,
        settings.kafka_password,
        trusting(settings.kafka_security, settings.kafka_ca_file),
        Names(prefix_of(settings.shop)),
    )


def trusting(security: str, ca_file: Path | None) -> ssl.SSLContext | None:
    """Return whose certificates are believed: of whoever signs by a file, else of the system's.

    Raises:
        SettingsInvalidError: The file holds no certificate.
    """
    if not security.endswith("SSL"):
        return None
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # of which an SSLError is one
        msg = f"{variable('kafka_ca_file')}: no certificate in PEM can be read in {ca_file}."
        raise SettingsInvalidError(msg) from error


async def why_away(cluster: Cluster, error: KafkaError) -> str:
    """Say why Kafka does not answer, and what to do."""
    at = cluster.bootstrap
    reason = await why_unreachable(variable("kafka_bootstrap"), "Kafka", addresses_of(at))
    return (
        reason
        or await _why_refused(cluster)
        or f"{variable('kafka_bootstrap')}: {at} takes connections, but does not answer as Kafka "
        f"does ({type(error).__name__}). Is {variable('kafka_security')}={cluster.security} what "
        "it expects?"
    )


async def _why_refused(cluster: Cluster) -> str | None:
    """Come in as any client of ours does, and say what is held against us; None if nothing is."""
    at = addresses_of(cluster.bootstrap)[0]
    host, _, port = at.rpartition(":")
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            connection = await create_conn(host.strip("[]"), int(port), **cluster.access())
    except UnsupportedSaslMechanismError:
        return f"{variable('kafka_mechanism')}: Kafka at {at} does not take {cluster.mechanism}."
    except (AuthenticationFailedError, SaslAuthenticationFailed):
        names = f"{variable('kafka_username')}, {variable('kafka_password')}"
        return f"{names}: Kafka at {at} refuses them ({cluster.mechanism})."
    except ssl.SSLCertVerificationError as error:
        return (
            f"{variable('kafka_ca_file')}: the certificate of Kafka at {at} is not believed "
            f"({error.verify_message})."
        )
    except (KafkaError, OSError, TimeoutError, ValueError):
        return None
    connection.close()
    return None
