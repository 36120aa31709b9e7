"""Serving: what every process that answers over HTTP is put together with.

settings ─▶ who may come in, and for how much ─▶ a port that is free ─▶ uvicorn, until told to stop
"""

import gc
import signal
from dataclasses import replace
from functools import partial
from os import strerror
from socket import AF_INET, AF_INET6, create_server
from ssl import SSLContext
from types import FrameType

from fastapi import FastAPI
from redis.asyncio import Redis

from portrait.adapters.issuer_client import IssuerClient
from portrait.adapters.redis_audiences import RedisAudiences
from portrait.adapters.redis_audit import RedisAudit
from portrait.adapters.redis_behaviour import RedisBehaviour
from portrait.adapters.redis_buckets import RedisBuckets
from portrait.adapters.redis_catalogue import RedisCatalogue
from portrait.adapters.redis_cohorts import RedisCohorts
from portrait.adapters.redis_desk import RedisDesk
from portrait.adapters.redis_edges import RedisEdges
from portrait.adapters.redis_experiments import RedisExperiments
from portrait.adapters.redis_given import RedisGiven
from portrait.adapters.redis_identities import RedisIdentities
from portrait.adapters.redis_keys import RedisKeys
from portrait.adapters.redis_lease import RedisJobs
from portrait.adapters.redis_lists import RedisLists
from portrait.adapters.redis_opinions import RedisOpinions
from portrait.adapters.redis_paths import RedisPaths
from portrait.adapters.redis_popularity import RedisPopularity
from portrait.adapters.redis_progress import RedisOffsets, RedisProgress
from portrait.adapters.redis_registry import RedisRegistry
from portrait.adapters.redis_rights import RedisErasures, RedisExports
from portrait.adapters.redis_rules import RedisRules
from portrait.adapters.redis_segments import RedisSegments
from portrait.adapters.redis_shops import RedisShops
from portrait.adapters.redis_store import RedisProfiles, eviction, ping
from portrait.adapters.redis_words import RedisWords
from portrait.addresses import is_loopback
from portrait.errors import SettingsInvalidError
from portrait.events.consent import DEFAULTS
from portrait.events.stream import Publisher
from portrait.settings import Settings, variable
from service.access.guard import Guard
from service.access.limits import Limits as RateLimits
from service.access.tokens import Tokens
from service.http.border import Border, hosts_of
from service.http.connection import Limits
from service.http.middleware import BodyLimits
from service.http.server import server_of
from service.parts import Impressions, Parts
from service.shops.known import KnownShops
from service.shops.room import ShopRoom

ALL = "*"  # instead of names of shops
YOUNG_OBJECTS = 2_000  # between two collections: of 50,000 in cycles, one stops all for 100 ms


def check_access(settings: Settings) -> None:
    """Refuse to listen to others without access control, or to serve several shops without.

    Raises:
        SettingsInvalidError: It would.
    """
    if settings.access == "off" and settings.shops is not None:
        msg = (
            f"{variable('access')}: several shops are served, and a key says which one is asked, so"
            " it has to be `keys`; `portrait keys create admin --scope keys:admin --shop NAME` "
            "makes the first of each."
        )
        raise SettingsInvalidError(msg)
    if settings.access == "off" and not is_loopback(settings.host):
        where = settings.host or "every address"
        msg = (
            f"{variable('access')}: the service binds to {where}, where others reach it, so it has "
            "to be `keys`; `portrait keys create admin --scope keys:admin` makes the first."
        )
        raise SettingsInvalidError(msg)


def parts_of(
    settings: Settings,
    redis: Redis,
    publisher: Publisher,
    keys: RedisKeys,
    impressions: Impressions = "off",
) -> Parts:
    """Put together what is read from Redis.

    Args:
        settings: Of the process.
        redis: Connected to where everything but keys lies.
        publisher: Of the topics.
        keys: Those that may be listed and made.
        impressions: What of lists counts as seen.
    """
    return Parts(
        profiles=RedisProfiles(redis, settings.profile_ttl),
        identities=RedisIdentities(redis, settings.profile_ttl),
        catalogue=RedisCatalogue(redis),
        popularity=RedisPopularity(redis),
        progress=RedisProgress(redis),
        offsets=RedisOffsets(redis),
        registry=RedisRegistry(redis),
        rules=RedisRules(redis),
        edges=RedisEdges(redis),
        keys=keys,
        audit=RedisAudit(redis),
        jobs=RedisJobs(redis),
        desk=RedisDesk(redis),
        words=RedisWords(redis),
        opinions=RedisOpinions(redis),
        experiments=RedisExperiments(redis),
        shown=RedisLists(redis),
        given=RedisGiven(redis),
        audiences=RedisAudiences(redis),
        segments=RedisSegments(redis),
        behaviour=RedisBehaviour(redis),
        cohorts=RedisCohorts(redis),
        paths=RedisPaths(redis),
        publisher=publisher,
        erasures=RedisErasures(redis),
        exports=RedisExports(redis),
        ping_store=partial(ping, redis),
        warn_of_store=partial(eviction, redis),
        declared=settings.declared,
        unsaid=DEFAULTS[settings.consent],
        impressions=impressions,
    )


def in_shop(parts: Parts, shop: str | None, known: KnownShops) -> Parts:
    """Return the same parts, as those of a shop that may have so much; of none, as they are."""
    if shop is None:
        return parts
    room = ShopRoom(known, shop, parts.profiles, parts.catalogue)
    return replace(parts, shop=shop, room=room)


def border_of(settings: Settings) -> Border:
    """Say who may come in."""
    return Border(
        hosts=hosts_of(settings.host)
        if settings.allowed_hosts is None
        else frozenset(settings.allowed_hosts),
        origins=frozenset(settings.allowed_origins),
    )


def guard_of(settings: Settings, redis: Redis, known: KnownShops) -> Guard | None:
    """Say who of those may do what; None: everybody everything."""
    if settings.access == "off":
        return None
    keys = {settings.shop: RedisKeys(redis, settings.shop)}
    return Guard(keys, tokens_of(settings), limits_of(settings, redis, known))


def limits_of(settings: Settings, redis: Redis, known: KnownShops) -> RateLimits:
    """Say how much a caller may ask for, and a shop."""
    return RateLimits(RedisBuckets(redis), settings.key_rate, known.quotas_of)


def known_of(settings: Settings, redis: Redis) -> KnownShops:
    """Say which shops are served: the one that is named, or those, or all."""
    named = {settings.shop} if settings.shops is None else {*settings.shops}
    return KnownShops(RedisShops(redis), None if ALL in named else named)


def tokens_of(settings: Settings) -> Tokens | None:
    """Say which tokens count beside keys; None: none."""
    if settings.oidc_issuer is None or settings.oidc_audience is None:
        return None
    keys_url = None if settings.oidc_keys_url is None else str(settings.oidc_keys_url)
    return Tokens(
        settings.oidc_issuer,
        settings.oidc_audience,
        IssuerClient(settings.oidc_issuer, keys_url).keys,
        settings.oidc_shop_claim,
        settings.shop,
    )


def body_limits_of(settings: Settings) -> BodyLimits:
    """Say how large and slow a body may be."""
    return BodyLimits(
        most_bytes=settings.max_body_bytes,
        longest_pause=settings.body_pause,
        longest=settings.body_time,
    )


def check_port(host: str, port: int, setting: str) -> None:
    """Refuse a port that somebody has.

    Raises:
        SettingsInvalidError: It is taken, or not ours to take.
    """
    family = AF_INET6 if ":" in host else AF_INET
    try:
        create_server((host.strip("[]"), port), family=family).close()
    except OSError as error:
        cause = strerror(error.errno or 0).lower()
        msg = f"{variable(setting)}: {host}:{port} cannot be had ({cause})."
        raise SettingsInvalidError(msg) from None


async def serve(
    settings: Settings, app: FastAPI, border: Border, port: int, tls: SSLContext | None
) -> None:
    """Answer until SIGTERM or SIGINT; then answer what is in flight, and leave."""
    gc.set_threshold(YOUNG_OBJECTS)
    server = server_of(
        app,
        host=settings.host,
        port=port,
        limits=Limits(
            connections=settings.max_connections,
            header_time=settings.header_time,
            write_time=settings.write_time,
        ),
        keep_alive=settings.keep_alive,
        leaving=border.leaving,
        drain=settings.drain,
        tls=tls,
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _ignore)  # uvicorn raises it again when it has stopped
    await server.serve()


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Let what is open be closed."""
