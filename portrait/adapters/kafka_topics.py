"""Topics on Kafka: created from `deploy/topics.yml` if they are missing, never changed."""

import structlog
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from portrait.adapters.kafka_client import Cluster, why_away
from portrait.adapters.kafka_names import Names
from portrait.errors import StreamUnavailableError
from portrait.events.topics import Topic, TopicsFile

log = structlog.get_logger()


async def create_topics(cluster: Cluster, file: TopicsFile) -> list[str]:
    """Create the topics that are missing. Returns their names on Kafka."""
    names = cluster.names
    admin = AIOKafkaAdminClient(**cluster.options())
    try:
        await admin.start()
        there = set(await admin.list_topics())
        topics = [_named(topic, names) for topic in file.topics]
        missing = [topic for topic in topics if topic.name not in there]
        if missing:
            answer = await admin.create_topics([_new(topic, file.replication) for topic in missing])
            for _, code, *_ in answer.topic_errors:
                if code and for_code(code) is not TopicAlreadyExistsError:
                    raise for_code(code)
    except KafkaError as error:
        raise StreamUnavailableError(await why_away(cluster, error)) from error
    finally:
        await admin.close()
    return [topic.name for topic in missing]


def _named(topic: Topic, names: Names) -> Topic:
    return topic.model_copy(update={"name": names.there(topic.name)})


def _new(topic: Topic, replication: int) -> NewTopic:
    return NewTopic(
        topic.name,
        num_partitions=topic.partitions,
        replication_factor=replication,
        topic_configs={name: str(value) for name, value in topic.config.items()},
    )
