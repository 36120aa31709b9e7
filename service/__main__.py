"""Composition root of the service: settings ─▶ adapters ─▶ app ─▶ uvicorn."""

import asyncio
import gc
import signal
import sys
from contextlib import AsyncExitStack
from functools import partial
from types import FrameType

import uvicorn
import uvloop
from threadpoolctl import threadpool_limits

from portrait.adapters.kafka_publisher import open_publisher
from portrait.adapters.redis_catalogue import RedisCatalogue
from portrait.adapters.redis_lease import RedisJobs
from portrait.adapters.redis_models import RedisModels
from portrait.adapters.redis_progress import RedisPopularity, RedisProgress
from portrait.adapters.redis_registry import RedisRegistry
from portrait.adapters.redis_store import RedisProfiles, connect_redis, ping
from portrait.logs import configure_logs
from portrait.settings import Settings
from service.app import create_app
from service.live import Parts

GRACE_SECONDS = 10  # for requests in flight at the end
LOCK_SECONDS = 0.000_5  # that a ranking may keep the loop from Python's lock; of itself it is 0.005
YOUNG_OBJECTS = 50_000  # between two collections: a request's objects die without cycles


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; then answer what is in flight, and leave."""
    async with AsyncExitStack() as stack:
        redis = await connect_redis(str(settings.redis_url))
        stack.push_async_callback(redis.aclose)
        parts = Parts(
            profiles=RedisProfiles(redis, settings.profile_ttl),
            catalogue=RedisCatalogue(redis),
            popularity=RedisPopularity(redis),
            progress=RedisProgress(redis),
            registry=RedisRegistry(redis),
            models=RedisModels(redis),
            jobs=RedisJobs(redis),
            publisher=await stack.enter_async_context(open_publisher(settings)),
            ping_store=partial(ping, redis),
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
    sys.setswitchinterval(LOCK_SECONDS)
    with threadpool_limits(1), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(settings))


if __name__ == "__main__":
    main()
