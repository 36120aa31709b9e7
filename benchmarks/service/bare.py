"""A bare FastAPI service: the least that reading a profile's bytes from Redis over HTTP takes."""

import asyncio
import sys

import uvicorn
import uvloop
from fastapi import FastAPI
from fastapi.responses import Response
from pydantic import BaseModel

from portrait.adapters.redis_store import connect_redis


class Asked(BaseModel):
    """Whose bytes are wanted; the rest of the body is not looked at."""

    user_id: str | None = None


async def serve(url: str, port: int) -> None:
    """Serve until a signal."""
    redis = await connect_redis(url)
    app = FastAPI()

    async def read(user_id: str) -> Response:
        record = await redis.get(f"profile:{{{user_id}}}")
        return Response(record or b"", media_type="application/octet-stream")

    async def post(asked: Asked) -> Response:
        return await read(asked.user_id or "nobody")

    app.get("/profile/{user_id}")(read)
    app.post("/recommend")(post)
    config = uvicorn.Config(
        app, port=port, http="httptools", log_config=None, access_log=False, lifespan="off"
    )
    await uvicorn.Server(config).serve()
    await redis.aclose()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(sys.argv[1], int(sys.argv[2])))
