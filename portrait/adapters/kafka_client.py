"""What every Kafka client of ours is told about the cluster."""

import ssl
from typing import Any

from portrait.settings import Settings


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
