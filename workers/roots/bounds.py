"""How much of Kafka is read at once, as the settings of a worker say."""

from portrait.adapters.kafka_stream import Bounds
from portrait.settings import Settings


def bounds_of(settings: Settings) -> Bounds:
    """Return how much is read at once, and how long is waited."""
    return Bounds(
        settings.batch_wait, settings.batch_events, settings.batch_bytes, settings.outage_limit
    )
