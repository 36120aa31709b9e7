"""The recommender: from a request and what is known, to items and reasons.

load what is known ─▶ try it with experiments ─▶│─▶ rule, list, write ─▶ answer
                                     on the loop │ in a thread        └▶ impression, beside
"""

from datetime import UTC, datetime
from functools import partial
from time import time
from uuid import uuid4

from pydantic_core import to_json

from portrait.profiles.profile import Profile
from service.live import Live
from service.parts import Parts
from service.profiles.describe import stale_seconds
from service.recommendations.answer import write
from service.recommendations.known import load
from service.recommendations.schemas import RecommendationRequest
from service.recommendations.trials import PLAIN, trials_of
from service.recommendations.turns import Turns


async def recommend(
    asked: RecommendationRequest, parts: Parts, live: Live, turns: Turns, *, is_counted: bool = True
) -> bytes:
    """Answer a request, in JSON. That it is a `Recommendations` is a test's to check.

    Args:
        asked: The request.
        parts: What it is answered from.
        live: What of that is in memory.
        turns: Where it waits.
        is_counted: Whether what comes of the list may be counted, and experiments may change it.

    Raises:
        BusyError: Too many ask at once.
    """
    view, id, trials = live.require(), str(uuid4()), PLAIN
    loaded = await load(asked, parts, live, view)
    if is_counted:
        live.asked.append(asked)
        if loaded.is_personal:
            trials = trials_of(asked, asked.user_id or id, live.experiments, datetime.now(UTC))
    stale = None if loaded.profile is None else _stale(loaded.profile, live)
    body, impression = await turns.take(partial(write, loaded, trials, id, view, stale))
    if is_counted and parts.impressions != "off":
        impression["is_seen"] = parts.impressions == "answers"
        live.outbox.put(id, to_json(impression))
    return body


def _stale(profile: Profile, live: Live) -> float | None:
    return stale_seconds(profile.partitions, live.reached, time())
