"""Composition root of `replay-dead`."""

from argparse import Namespace

from portrait.adapters.kafka_client import cluster_of
from portrait.adapters.kafka_publisher import PatientPublisher, open_publisher
from portrait.adapters.kafka_stream import open_stream
from portrait.events.topics import DEAD
from portrait.settings import Settings
from workers.letters.replay_dead import replay_dead
from workers.roots.bounds import bounds_of
from workers.roots.groups import REPLAY_DEAD_GROUP
from workers.roots.stop import told_to_stop


async def run(settings: Settings, _options: Namespace) -> None:
    """Send dead letters back."""
    closing = told_to_stop()
    async with (
        open_publisher(cluster_of(settings)) as publisher,
        open_stream(
            cluster_of(settings),
            bounds_of(settings),
            group=REPLAY_DEAD_GROUP,
            topics=(DEAD,),
            closing=closing,
        ) as stream,
    ):
        await replay_dead(stream, PatientPublisher(publisher, settings.outage_limit, closing))
