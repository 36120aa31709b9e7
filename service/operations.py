"""Routes: is it alive, is it ready, how is it doing."""

from functools import lru_cache
from time import monotonic

from fastapi import APIRouter, Request
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST

from portrait.metrics import written
from service.access.problems import SeriesElsewhereError
from service.dependencies import standing_of
from service.http.problems import NotAliveError, NotReadyError, declared
from service.routing import ExactRoute
from service.schemas import Alive, Ready

FRESH = 0.5  # seconds that an answer of /metrics is given again
METRICS = 'portrait_requests_total{method="GET",route="/livez",status="200"} 12.0\n'
SERIES: dict[int | str, dict[str, object]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}, "example": METRICS}}}
}

router = APIRouter(route_class=ExactRoute, tags=["operations"])


@router.get("/livez", responses=declared())
async def livez(request: Request) -> Alive:
    """Say whether the loop moves and the service's own tasks run. If not: restart it."""
    if not standing_of(request).is_running:
        msg = "A task that keeps the service current has ended."
        raise NotAliveError(msg)
    return Alive()


@router.get("/readyz", responses=declared())
async def readyz(request: Request) -> Ready:
    """Ask everything the service stands on, and name what does not answer.

    `notes` say what does not stop it, and somebody should see to.
    """
    if request.scope["state"]["border"].leaving.has_begun:
        msg = "It was told to stop: send requests to another one."
        raise NotReadyError(msg)
    standing = standing_of(request)
    states = await standing.states()
    down = [name for name, is_up in states.items() if not is_up]
    if down:
        msg = f"Down: {', '.join(down)}."
        raise NotReadyError(msg, down=down)
    return Ready(up=tuple(states), notes=standing.notes)


@router.get("/metrics", response_class=Response, responses=SERIES | declared())
async def get_metrics(request: Request) -> Response:
    """Return every series, in Prometheus' text format; a moment old where many ask."""
    if standing_of(request).is_shared:
        msg = "They are read on the health port."
        raise SeriesElsewhereError(msg)
    series = _series(int(monotonic() / FRESH), request.scope["state"].get("shop"))
    return Response(series, media_type=CONTENT_TYPE_LATEST)


@lru_cache(1)
def _series(_moment: int, shop: str | None) -> bytes:
    """Write all series: 10 ms of the loop, so not more often than for every moment."""
    return written(shop)
