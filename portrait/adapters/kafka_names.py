"""Names on Kafka: there a shop's topics and groups begin with its name, and here they never do.

Whatever comes in from Kafka has the name that it has here, and whatever goes out the one there.
"""

from dataclasses import dataclass

from aiokafka import TopicPartition

from portrait.events.history import Place


@dataclass(frozen=True, slots=True)
class Names:
    """How things are called there and here. Without shops it is the same."""

    prefix: str = ""

    def there(self, name: str) -> str:
        """Return what a topic or a group is called on Kafka."""
        return self.prefix + name

    def here(self, name: str) -> str:
        """Return what a topic is called in all but the adapters of Kafka."""
        return name.removeprefix(self.prefix)

    def at(self, place: Place) -> TopicPartition:
        """Return where a place lies on Kafka."""
        return TopicPartition(self.there(place[0]), place[1])

    def place(self, at: TopicPartition) -> Place:
        """Return which place of ours lies there."""
        return self.here(at.topic), at.partition


SAME = Names()
