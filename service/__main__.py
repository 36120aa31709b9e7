"""Composition root of the service: settings ─▶ adapters ─▶ app ─▶ uvicorn."""

import asyncio
import gc
import signal
from contextlib import AsyncExitStack
from functools import partial
from types import FrameType

import uvicorn
import uvloop
from threadpoolctl import threadpool_limits

from portrait.adapters import redis_store
from portrait.adapters.kafka_publisher import open_publisher
from portrait.adapters.redis_lease import RedisJobs
from portrait.adapters.redis_models import RedisModels
from portrait.logs import configure_logs
from portrait.settings import Settings
from service.app import create_app
from service.live import Parts

GRACE_SECONDS = 10  # for requests in flight at the end
YOUNG_OBJECTS = 50_000  # between two collections: a request's objects die without cycles


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; then answer what is in flight, and leave."""
    async with AsyncExitStack() as stack:
        redis = await redis_store.connect_redis(str(settings.redis_url))
        stack.push_async_callback(redis.aclose)
        parts = Parts(
            profiles=redis_store.RedisProfiles(redis, settings.profile_ttl),
            catalogue=redis_store.RedisCatalogue(redis),
            popularity=redis_store.RedisPopularity(redis),
            progress=redis_store.RedisProgress(redis),
            registry=redis_store.RedisRegistry(redis),
            models=RedisModels(redis),
            jobs=RedisJobs(redis),
            publisher=await stack.enter_async_context(open_publisher(settings)),
            ping_store=partial(redis_store.ping, redis),
        )
        app = create_app(parts, max_body_bytes=settings.max_body_bytes)
        config = uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            http="httptools",
            lifespan="on",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _ignore)  # uvicorn raises it again when it has stopped
        await uvicorn.Server(config).serve()


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Let what is open be closed."""


def main() -> None:
    """Run the service."""
    settings = Settings()
    configure_logs(settings.log_format)
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)
    with threadpool_limits(1), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(settings))


if __name__ == "__main__":
    main()
