"""A log that nobody writes to: the help desk tells Kafka nothing, and needs none."""

from collections.abc import Mapping, Sequence

from portrait.errors import StreamUnavailableError
from portrait.events.stream import Message


class SilentLog:
    """A `Publisher` where there is no Kafka."""

    async def publish(self, messages: Sequence[Message]) -> Mapping[tuple[str, int], int]:
        """Refuse.

        Raises:
            StreamUnavailableError: There is anything to publish.
        """
        if messages:
            msg = "This process has no Kafka."
            raise StreamUnavailableError(msg)
        return {}

    async def check(self) -> None:
        """Say that nothing is wrong."""
