"""Where Kafka is, as the settings of a worker say."""

from portrait.adapters.kafka_client import Cluster
from portrait.settings import Settings


def cluster_of(settings: Settings) -> Cluster:
    """Return where Kafka is, and who we are there."""
    return Cluster(
        settings.kafka_bootstrap,
        settings.kafka_security,
        settings.kafka_username,
        settings.kafka_password,
    )
