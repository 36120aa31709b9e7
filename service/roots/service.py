"""Composition root of the service: settings ─▶ adapters ─▶ app ─▶ uvicorn."""

import signal
import sys
from argparse import Namespace
from contextlib import AsyncExitStack
from functools import partial
from os import strerror
from socket import AF_INET, AF_INET6, create_server
from types import FrameType

from portrait.access.buckets import Buckets
from portrait.access.store import KeyStore
from portrait.adapters.issuer_client import IssuerClient
from portrait.adapters.kafka_client import cluster_of
from portrait.adapters.kafka_publisher import open_publisher
from portrait.adapters.redis_audit import RedisAudit
from portrait.adapters.redis_buckets import RedisBuckets
from portrait.adapters.redis_catalogue import RedisCatalogue
from portrait.adapters.redis_desk import RedisDesk
from portrait.adapters.redis_identities import RedisIdentities
from portrait.adapters.redis_keys import RedisKeys
from portrait.adapters.redis_lease import RedisJobs
from portrait.adapters.redis_progress import RedisPopularity, RedisProgress
from portrait.adapters.redis_registry import RedisRegistry
from portrait.adapters.redis_store import RedisProfiles, connect_redis, eviction, ping
from portrait.addresses import is_loopback
from portrait.errors import SettingsInvalidError
from portrait.health import serve_health
from portrait.reading.dialect import dialect_of
from portrait.settings import Settings, variable
from portrait.tls import context_of
from service.access.guard import Guard
from service.access.limits import Limits as RateLimits
from service.access.tokens import Tokens
from service.app import create_app
from service.http.border import Border, hosts_of
from service.http.connection import Limits
from service.http.middleware import BodyLimits
from service.http.server import server_of
from service.live import Parts

LOCK_SECONDS = 0.000_5  # that a ranking may keep the loop from Python's lock; of itself it is 0.005


async def run(settings: Settings, _options: Namespace) -> None:
    """Serve until SIGTERM or SIGINT; then answer what is in flight, and leave."""
    _check_access(settings)
    tls = context_of(settings)
    sys.setswitchinterval(LOCK_SECONDS)
    async with AsyncExitStack() as stack:
        redis = await connect_redis(str(settings.redis_url))
        stack.push_async_callback(redis.aclose)
        parts = Parts(
            profiles=RedisProfiles(redis, settings.profile_ttl),
            identities=RedisIdentities(redis, settings.profile_ttl),
            catalogue=RedisCatalogue(redis),
            popularity=RedisPopularity(redis),
            progress=RedisProgress(redis),
            registry=RedisRegistry(redis),
            keys=RedisKeys(redis),
            audit=RedisAudit(redis),
            jobs=RedisJobs(redis),
            desk=RedisDesk(redis),
            publisher=await stack.enter_async_context(open_publisher(cluster_of(settings))),
            ping_store=partial(ping, redis),
            warn_of_store=partial(eviction, redis),
        )
        border = Border(
            hosts=hosts_of(settings.host)
            if settings.allowed_hosts is None
            else frozenset(settings.allowed_hosts),
            origins=frozenset(settings.allowed_origins),
            future_tolerance=settings.future_tolerance,
            dialect=dialect_of(settings),
        )
        _check_port(settings)
        guard = _guard_of(settings, parts.keys, RedisBuckets(redis))
        app = create_app(parts, body_limits=_body_limits(settings), border=border, guard=guard)
        checks = {"redis": parts.ping_store, "kafka": parts.publisher.check}
        server = server_of(
            app,
            host=settings.host,
            port=settings.port,
            limits=_limits(settings),
            keep_alive=settings.keep_alive,
            leaving=border.leaving,
            drain=settings.drain,
            tls=tls,
        )
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _ignore)  # uvicorn raises it again when it has stopped
        health = serve_health(settings.health_host, settings.health_port, checks, tls=tls)
        async with health:
            await server.serve()


def _check_access(settings: Settings) -> None:
    """Refuse to listen to others without access control.

    Raises:
        SettingsInvalidError: It would.
    """
    if settings.access == "off" and not is_loopback(settings.host):
        where = settings.host or "every address"
        msg = (
            f"{variable('access')}: the service binds to {where}, where others reach it, so it has "
            "to be `keys`; `portrait keys create admin --scope keys:admin` makes the first."
        )
        raise SettingsInvalidError(msg)


def _check_port(settings: Settings) -> None:
    """Refuse a port that somebody has.

    Raises:
        SettingsInvalidError: It is taken, or not ours to take.
    """
    family = AF_INET6 if ":" in settings.host else AF_INET
    try:
        create_server((settings.host.strip("[]"), settings.port), family=family).close()
    except OSError as error:
        cause = strerror(error.errno or 0).lower()
        msg = f"{variable('port')}: {settings.host}:{settings.port} cannot be had ({cause})."
        raise SettingsInvalidError(msg) from None


def _guard_of(settings: Settings, keys: KeyStore, buckets: Buckets) -> Guard | None:
    if settings.access == "off":
        return None
    limits = RateLimits(buckets, settings.key_rate)
    if settings.oidc_issuer is None or settings.oidc_audience is None:
        return Guard(keys, limits=limits)
    keys_url = None if settings.oidc_keys_url is None else str(settings.oidc_keys_url)
    issuer = IssuerClient(settings.oidc_issuer, keys_url)
    tokens = Tokens(settings.oidc_issuer, settings.oidc_audience, issuer.keys)
    return Guard(keys, tokens, limits)


def _limits(settings: Settings) -> Limits:
    return Limits(
        connections=settings.max_connections,
        header_time=settings.header_time,
        write_time=settings.write_time,
    )


def _body_limits(settings: Settings) -> BodyLimits:
    return BodyLimits(
        most_bytes=settings.max_body_bytes,
        longest_pause=settings.body_pause,
        longest=settings.body_time,
    )


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Let what is open be closed."""
