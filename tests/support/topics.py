"""Topics whose records keep the moments that tests give them, and stay, however old they are."""

from portrait.events.topics import Topic, TopicsFile

TIMELESS: dict[str, str | int] = {
    "message.timestamp.type": "CreateTime",
    "message.timestamp.after.max.ms": 2**63 - 1,  # of the future, too
    "retention.ms": -1,
}


def timeless(file: TopicsFile) -> TopicsFile:
    """Return topics that keep what producers say of time."""
    return file.model_copy(update={"topics": tuple(map(_timeless, file.topics))})


def timeless_topic(name: str, partitions: int = 2) -> TopicsFile:
    """Return a topic of a test's own."""
    return TopicsFile(
        replication=1, topics=(Topic(name=name, partitions=partitions, config=TIMELESS),)
    )


def _timeless(topic: Topic) -> Topic:
    return topic.model_copy(update={"config": topic.config | TIMELESS})
