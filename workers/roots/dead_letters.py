"""Composition root of `dead-letters`."""

from argparse import Namespace
from uuid import uuid4

from portrait.adapters.kafka_client import cluster_of
from portrait.adapters.kafka_stream import open_stream
from portrait.events.topics import DEAD
from portrait.settings import Settings
from workers.letters.dead_letters import look, told
from workers.roots.bounds import bounds_of
from workers.roots.stop import told_to_stop


async def run(settings: Settings, options: Namespace) -> None:
    """Read all letters, in a group that nobody else is in, and print what they say."""
    group = f"portrait-dead-letters-{uuid4().hex[:8]}"  # it commits nothing
    closing = told_to_stop()
    async with open_stream(
        cluster_of(settings), bounds_of(settings), group=group, topics=(DEAD,), closing=closing
    ) as stream:
        looked = await look(stream, options)
    for line in told(looked, options):
        print(line)  # noqa: T201 - what was asked for
