"""Composition root of `portrait assist`: it serves, or learns once."""

import asyncio
import json
from argparse import Namespace
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial

from assist.app import create_assist_app
from assist.command import TRAIN
from assist.learn import former_of, learn
from assist.live_desk import LiveDesk, Places
from assist.material import read_labels
from assist.silent import SilentLog
from portrait.adapters.redis_keys import RedisKeys
from portrait.adapters.redis_labels import RedisLabels
from portrait.adapters.redis_store import connect_redis
from portrait.adapters.rephraser_client import RephraserClient
from portrait.errors import EncoderInvalidError, SettingsInvalidError
from portrait.health import serve_health
from portrait.helpdesk.read_desk import read_desk
from portrait.model.encoder import CANNOT_LOAD, TextEncoder
from portrait.settings import Settings, variable
from portrait.text.text_encoder import load_encoder
from portrait.tls import context_of
from service.roots.serving import (
    body_limits_of,
    border_of,
    check_access,
    check_port,
    guard_of,
    in_shop,
    known_of,
    parts_of,
    serve,
)


async def run(settings: Settings, options: Namespace) -> None:
    """Serve, or learn."""
    await (_train if options.task == TRAIN else _serve)(settings, options)


async def _serve(settings: Settings, _options: Namespace) -> None:
    """Serve until SIGTERM or SIGINT; then answer what is in flight, and leave."""
    if settings.shops is not None:
        msg = f"{variable('shops')}: a help desk is of one shop; name it as {variable('shop')}."
        raise SettingsInvalidError(msg)
    check_access(settings)
    tls = context_of(settings)
    read_desk(settings.help_desk)  # a mistake in it is told before BERT is loaded
    check_port(settings.host, settings.assist_port, "assist_port")
    async with AsyncExitStack() as stack:
        redis = await connect_redis(str(settings.redis_url), settings.shop)
        stack.push_async_callback(redis.aclose)
        everybodys = await connect_redis(str(settings.redis_url))
        stack.push_async_callback(everybodys.aclose)
        encoder = await asyncio.to_thread(_encoder, settings, settings.encoder)
        desk = LiveDesk(
            Places(settings.help_desk, settings.assist_models),
            encoder,
            partial(_encoder, settings),
            RedisLabels(redis),
            await stack.enter_async_context(_rephraser(settings)),
        )
        await desk.open()
        keys = RedisKeys(everybodys, settings.shop)
        known = known_of(settings, everybodys)
        parts = in_shop(parts_of(settings, redis, SilentLog(), keys), settings.shop, known)
        border, guard = border_of(settings), guard_of(settings, everybodys, known)
        app = create_assist_app(
            parts, desk, body_limits=body_limits_of(settings), border=border, guard=guard
        )
        checks = {"redis": parts.ping_store}
        async with serve_health(
            settings.health_host, settings.health_port, checks, tls=tls, shop=settings.shop
        ):
            await serve(settings, app, border, settings.assist_port, tls)


async def _train(settings: Settings, options: Namespace) -> None:
    """Learn from examples and labels, once."""
    desk = read_desk(settings.help_desk)
    redis = await connect_redis(str(settings.redis_url), settings.shop)
    try:
        labels = await read_labels(RedisLabels(redis))
    finally:
        await redis.aclose()
    encoder = _encoder(settings, settings.encoder)
    former = former_of(settings.assist_models, encoder, partial(_encoder, settings))
    lesson = await asyncio.to_thread(
        learn,
        desk,
        labels,
        encoder,
        former,
        settings.assist_models,
        datetime.now(UTC),
        options.least,
    )
    told: dict[str, object] = {"promoted": False, "reason": "too few new labels"}
    if lesson is not None:
        told = {
            "promoted": lesson.is_promoted,
            "version": lesson.card.version,
            "exam": lesson.exam,
            "accuracy": round(lesson.accuracy, 4),
            "before": round(lesson.before, 4),
            "labels": lesson.card.labels,
        }
    print(json.dumps(told))  # noqa: T201 - what was asked for


def _encoder(settings: Settings, source: str) -> TextEncoder:
    """Load an encoder.

    Raises:
        EncoderInvalidError: It cannot be loaded; the message says what to do.
    """
    try:
        return load_encoder(
            source,
            backend=settings.encoder_backend,
            most_tokens=settings.encoder_tokens,
            threads=settings.encoder_threads,
        )
    except CANNOT_LOAD as error:
        msg = (
            f"{variable('encoder')}: {source} cannot be loaded ({type(error).__name__}): give the "
            "folder of a Hugging Face BERT, the name of one on the hub, or `bundled`."
        )
        raise EncoderInvalidError(msg) from error


@asynccontextmanager
async def _rephraser(settings: Settings) -> AsyncIterator[RephraserClient | None]:
    if settings.rephrase_url is None:
        yield None
        return
    client = RephraserClient(
        str(settings.rephrase_url),
        settings.rephrase_model,
        settings.rephrase_key,
        settings.rephrase_wait,
    )
    try:
        yield client
    finally:
        await client.close()
