"""Composition root of the opinion worker. Without an encoder or a reader it needs no torch."""

import asyncio
import time
from argparse import Namespace
from functools import partial

import structlog

from portrait.adapters.kafka_client import cluster_of
from portrait.adapters.kafka_stream import open_stream
from portrait.adapters.redis_opinions import RedisOpinions
from portrait.adapters.redis_progress import RedisOffsets
from portrait.adapters.redis_store import RedisProfiles
from portrait.adapters.webhook import Webhook
from portrait.errors import ModelInvalidError, StoreUnavailableError
from portrait.events.consent import DEFAULTS
from portrait.events.event import Action
from portrait.events.progress import OPINIONS_GROUP
from portrait.events.resume import Resume
from portrait.events.topics import ERASURES, OPINIONS, event_topic
from portrait.lifecycle.lease import stopped
from portrait.lifecycle.manifest import ArtifactInvalidError
from portrait.lifecycle.registry import ModelNotFoundError, has_reader
from portrait.opinions.aspects import ReviewReader
from portrait.opinions.topics import Encode
from portrait.reading.dialect import Dialect
from portrait.settings import Settings
from workers.following import Following
from workers.opinions.telling import Send, by_topic, into_nothing, keep_telling
from workers.opinions.worker import Opinions, watch_opinions
from workers.roots.bounds import bounds_of
from workers.roots.registry import spoken
from workers.roots.wires import Wires, connected

TOPICS = (event_topic(Action.REVIEW), OPINIONS, ERASURES)

LOOK_SECONDS = 5.0  # between two looks at which model serves

log = structlog.get_logger()


async def run(settings: Settings, _options: Namespace) -> None:
    """Count, watch and tell what is written until told to stop."""
    webhook = _webhook(settings)
    async with (
        spoken(settings) as dialect,
        connected(settings) as wires,
        asyncio.TaskGroup() as tasks,
    ):
        del wires.checks["model"]  # it needs none
        opinions = await _opinions(settings, wires, dialect)
        log.info("worker_started", worker="opinions")
        async with open_stream(
            cluster_of(settings),
            bounds_of(settings),
            group=OPINIONS_GROUP,
            topics=TOPICS,
            closing=wires.closing,
            resume=opinions.following.resume,
            notes=wires.notes,
        ) as stream:
            tell = partial(keep_telling, store=opinions.store, closing=wires.closing)
            ways = {"topic": by_topic(wires.publisher), "webhook": webhook}
            beside = [
                tasks.create_task(tell(way, send=send, news=opinions.news[way]))
                for way, send in ways.items()
            ]
            await watch_opinions(stream, opinions)
            for task in beside:
                await stopped(task)
    log.info("worker_stopped", worker="opinions")


async def _opinions(settings: Settings, wires: Wires, dialect: Dialect) -> Opinions:
    store = RedisOpinions(wires.redis)
    return Opinions(
        store=store,
        profiles=RedisProfiles(wires.redis, settings.profile_ttl),
        catalogue=wires.catalogue,
        following=Following(
            publisher=wires.publisher,
            resume=Resume(RedisOffsets(wires.redis), OPINIONS_GROUP),
            outage=settings.outage_limit,
            future_tolerance=settings.future_tolerance,
            dialect=dialect,
        ),
        unsaid=DEFAULTS[settings.consent],
        encode=await _encode(settings),
        reader=_Promoted(settings, wires).read_tones,
    )


class _Promoted:
    """The reader of reviews that the model in service has, if it has one."""

    def __init__(self, settings: Settings, wires: Wires) -> None:
        self._settings, self._wires = settings, wires
        self._known: tuple[str | None, ReviewReader | None] = None, None  # of which version
        self._again_at = 0.0

    async def read_tones(self) -> ReviewReader | None:
        """Return it; what cannot be looked up or loaded now leaves the former in charge."""
        if time.monotonic() < self._again_at:
            return self._known[1]
        self._again_at = time.monotonic() + LOOK_SECONDS
        try:
            version = (await self._wires.registry.roles()).champion
            if version != self._known[0]:
                self._known = version, await self._of(version)
        except (ArtifactInvalidError, ModelInvalidError, StoreUnavailableError) as error:
            log.warning("reader_missing", reason=str(error), retry_seconds=LOOK_SECONDS)
        return self._known[1]

    async def _of(self, version: str | None) -> ReviewReader | None:
        try:
            if version is None or not has_reader((await self._wires.registry.entry(version)).card):
                return None
        except ModelNotFoundError:
            return None
        # Who reads by words alone loads no torch.
        from workers.roots.encoders import encoders_of  # noqa: PLC0415

        return await encoders_of(self._settings, self._wires).reader_of(version)


async def _encode(settings: Settings) -> Encode | None:
    """Load the encoder, if topics are to be found in its vectors."""
    if not settings.opinion_encoder:
        return None
    # Who finds topics in words loads no torch.
    from portrait.text.text_encoder import load_encoder  # noqa: PLC0415

    encoder = await asyncio.to_thread(
        load_encoder,
        settings.encoder,
        backend=settings.encoder_backend,
        most_tokens=settings.encoder_tokens,
        threads=settings.encoder_threads,
    )
    return encoder.encode


def _webhook(settings: Settings) -> Send:
    if settings.opinion_webhook is None:
        return into_nothing
    secret = settings.opinion_webhook_secret
    return Webhook(
        settings.opinion_webhook.get_secret_value(),
        secret.get_secret_value() if secret else "",
        may_be_private=settings.opinion_webhook_private,
    ).send
