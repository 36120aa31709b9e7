"""Where Kafka is, as the settings of a worker say."""

from portrait.adapters.kafka_client import Cluster, trusting
from portrait.settings import Settings, secret_of


def cluster_of(settings: Settings) -> Cluster:
    """Return where Kafka is, and who we are there."""
    return Cluster(
        settings.kafka_bootstrap,
        settings.kafka_security,
        settings.kafka_mechanism,
        settings.kafka_username,
        secret_of("kafka_password_file", settings.kafka_password_file, settings.kafka_password),
        trusting(settings.kafka_security, settings.kafka_ca_file),
    )
