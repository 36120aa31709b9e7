"""What every Kafka client of ours is told about the cluster, and why it does not answer."""

import logging
import ssl
from dataclasses import dataclass
from typing import Any

from aiokafka.errors import (
    AuthenticationFailedError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from pydantic import SecretStr

from portrait.adapters.reach import addresses_of, why_unreachable
from portrait.settings import variable

AUTHENTICATION = (
    AuthenticationFailedError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)


# Its client says so, too, in other words; whoever connects says what to do.
logging.getLogger("aiokafka").addFilter(lambda record: "Unable connect" not in record.getMessage())


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where Kafka is, and who we are there."""

    bootstrap: str  # host:port, separated by commas
    security: str = "PLAINTEXT"
    username: str | None = None
    password: SecretStr | None = None

    def options(self) -> dict[str, Any]:
        """Return aiokafka's connection arguments."""
        options: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap,
            "client_id": "portrait",
            "security_protocol": self.security,
        }
        if self.security.endswith("SSL"):
            options["ssl_context"] = ssl.create_default_context()
        if self.username and self.password:
            options |= {
                "sasl_mechanism": "SCRAM-SHA-512",
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password.get_secret_value(),
            }
        return options


async def why_away(cluster: Cluster, error: KafkaError) -> str:
    """Say why Kafka does not answer, and what to do."""
    at = cluster.bootstrap
    if isinstance(error, AUTHENTICATION):
        names = f"{variable('kafka_username')}, {variable('kafka_password')}"
        return f"{names}: Kafka at {at} refuses them (SCRAM-SHA-512)."
    reason = await why_unreachable(variable("kafka_bootstrap"), "Kafka", addresses_of(at))
    return reason or (
        f"{variable('kafka_bootstrap')}: {at} takes connections, but does not answer as Kafka does "
        f"({type(error).__name__}). Is {variable('kafka_security')}={cluster.security} what "
        "it expects?"
    )
