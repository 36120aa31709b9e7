"""Topics: what Portrait reads from Kafka, and what it writes there."""

from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field

from portrait.events.event import Action

EVENTS = "events."  # prefix of the event topics, one for each action
ITEMS = "items"  # catalogue upserts, compacted; a tombstone withdraws an item
ERASURES = "erasures"  # keyed by user: forget what was received up to this message
IDENTITIES = "identities"  # keyed by anonymous id: who was said to be whom, outside of events
CONSENTS = "consents"  # keyed by user, compacted: what they let be done with what they do
UNWANTED = "unwanted"  # keyed by user: what they do not want to see
DEAD = "events.dead"  # what could not be read, with its place and the reason
OPINIONS = "opinions"  # posts and news about what the shop sells
OPINION_ALERTS = "alerts.opinion"  # turns of opinion, surges of harmful texts
IMPRESSIONS = "impressions"  # which items were recommended, and which of them were seen
SEGMENTS = "segments"  # keyed by user: who entered which segment, or left it
NOTICES = "profiles.updated"  # one small notice per stored profile


def event_topic(action: Action) -> str:
    """Return the topic of one action's events."""
    return f"{EVENTS}{action}"


EVENT_TOPICS = tuple(event_topic(action) for action in Action)  # in the order of Action

# What profiles are made of, and the archive.
READ_BY_USER = (*EVENT_TOPICS, ERASURES, IDENTITIES, CONSENTS)
ARCHIVED = (*READ_BY_USER, IMPRESSIONS)  # of impressions what was given to a draw
FOLDED = (*READ_BY_USER, UNWANTED)  # what update workers read: nobody learns from what is unwanted

# All that there are.
ALL = (*FOLDED, ITEMS, DEAD, OPINIONS, OPINION_ALERTS, NOTICES, IMPRESSIONS, SEGMENTS)

_ACTIONS = dict(zip(EVENT_TOPICS, Action, strict=True))


def action_of(topic: str) -> Action | None:
    """Return the action whose events lie on this topic, or None if it is no event topic."""
    return _ACTIONS.get(topic)


class Topic(BaseModel):
    """One topic as it is to be created."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    partitions: int = Field(ge=1)
    config: dict[str, str | int] = {}


class TopicsFile(BaseModel):
    """The whole of `deploy/topics.yml`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    replication: int = Field(ge=1)
    topics: tuple[Topic, ...]


def read_topics(path: Path) -> TopicsFile:
    """Read `deploy/topics.yml`.

    Raises:
        ValidationError: The file does not say what a topic is.
    """
    return TopicsFile.model_validate(yaml.safe_load(path.read_text()))
