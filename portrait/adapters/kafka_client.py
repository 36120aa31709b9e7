"""What every Kafka client of ours is told about the cluster, and why it does not answer."""

import logging
import ssl
from typing import Any

from aiokafka.errors import (
    AuthenticationFailedError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from portrait.adapters.reach import addresses_of, why_unreachable
from portrait.settings import Settings, variable

AUTHENTICATION = (
    AuthenticationFailedError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)


# Its client says so, too, in other words; whoever connects says what to do.
logging.getLogger("aiokafka").addFilter(lambda record: "Unable connect" not in record.getMessage())


def client_options(settings: Settings) -> dict[str, Any]:
    """Return aiokafka's connection arguments."""
    options: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap,
        "client_id": "portrait",
        "security_protocol": settings.kafka_security,
    }
    if settings.kafka_security.endswith("SSL"):
        options["ssl_context"] = ssl.create_default_context()
    if settings.kafka_username and settings.kafka_password:
        options |= {
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": settings.kafka_username,
            "sasl_plain_password": settings.kafka_password.get_secret_value(),
        }
    return options


async def why_away(settings: Settings, error: KafkaError) -> str:
    """Say why Kafka does not answer, and what to do."""
    at = settings.kafka_bootstrap
    if isinstance(error, AUTHENTICATION):
        names = f"{variable('kafka_username')}, {variable('kafka_password')}"
        return f"{names}: Kafka at {at} refuses them (SCRAM-SHA-512)."
    reason = await why_unreachable(variable("kafka_bootstrap"), "Kafka", addresses_of(at))
    return reason or (
        f"{variable('kafka_bootstrap')}: {at} takes connections, but does not answer as Kafka does "
        f"({type(error).__name__}). Is {variable('kafka_security')}={settings.kafka_security} what "
        "it expects?"
    )
