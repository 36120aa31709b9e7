"""Routes: is it alive, is it ready, how is it doing."""

import asyncio
from collections.abc import Awaitable
from functools import lru_cache
from time import monotonic

from fastapi import APIRouter, Request
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from portrait.errors import PortraitError
from service.dependencies import LiveDep, PartsDep
from service.http.problems import NotAliveError, NotReadyError, declared
from service.routing import ExactRoute
from service.schemas import Alive, Ready

FRESH = 0.5  # seconds that an answer of /metrics is given again
PATIENCE = 2.0  # seconds that a dependency may take to answer a probe
METRICS = 'portrait_requests_total{method="GET",route="/livez",status="200"} 12.0\n'
SERIES: dict[int | str, dict[str, object]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}, "example": METRICS}}}
}

router = APIRouter(route_class=ExactRoute, tags=["operations"])


@router.get("/livez", responses=declared())
async def livez(live: LiveDep) -> Alive:
    """Say whether the loop moves and the service's own tasks run. If not: restart it."""
    if not live.is_running:
        msg = "A task that keeps the service current has ended."
        raise NotAliveError(msg)
    return Alive()


@router.get("/readyz", responses=declared())
async def readyz(request: Request, parts: PartsDep, live: LiveDep) -> Ready:
    """Ask everything the service stands on, and name what does not answer.

    `notes` say what does not stop it, and somebody should see to.
    """
    if request.scope["state"]["border"].leaving.has_begun:
        msg = "It was told to stop: send requests to another one."
        raise NotReadyError(msg)
    redis, kafka = await asyncio.gather(
        _answers(parts.ping_store()), _answers(parts.publisher.check())
    )
    states = {"redis": redis, "kafka": kafka, "model": live.view is not None}
    down = [name for name, is_up in states.items() if not is_up]
    if down:
        msg = f"Down: {', '.join(down)}."
        raise NotReadyError(msg, down=down)
    return Ready(up=tuple(states), notes=live.notes)


@router.get("/metrics", response_class=Response, responses=SERIES | declared())
async def get_metrics() -> Response:
    """Return every series, in Prometheus' text format; a moment old where many ask."""
    return Response(_series(int(monotonic() / FRESH)), media_type=CONTENT_TYPE_LATEST)


@lru_cache(1)
def _series(_moment: int) -> bytes:
    """Write all series: 10 ms of the loop, so not more often than for every moment."""
    return generate_latest()


async def _answers(check: Awaitable[None]) -> bool:
    try:
        async with asyncio.timeout(PATIENCE):
            await check
    except (PortraitError, TimeoutError):
        return False
    return True
