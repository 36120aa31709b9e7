"""Waiting: a read that names a position waits until all up to it is in profiles, for a while.

token of `POST /events` ─▶ position ─▶ in profiles? ─▶ read
                                        └ no: wait, in a seat, no longer than asked for
"""

from fastapi import Request

from portrait.events.position import read_position
from service.dependencies import seats_of, state_of


async def wait_for(request: Request, token: str, wait_ms: int) -> bool:
    """Wait until all up to a position is in profiles; false if it is not by then.

    Raises:
        PositionInvalidError: It is no token of this shop, or of a log that is gone.
        ProblemError: Too many wait.
    """
    parts, live = state_of(request)
    position = read_position(token, parts.shop)
    if await live.folded.wait(position, 0):
        return True
    with seats_of(request).held(request.scope):
        return await live.folded.wait(position, wait_ms / 1_000)
