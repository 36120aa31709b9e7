"""The recommender: from a request and what is known, to items and reasons.

load what is known ─▶ try it with experiments ─▶│─▶ rule, list, write ─▶ answer
                                     on the loop │ in a thread        └▶ impression, beside
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from time import time
from uuid import uuid4

from pydantic_core import to_json

from portrait.profiles.profile import Profile
from service.live import Live
from service.parts import Parts
from service.profiles.describe import lag_of
from service.recommendations.answer import Freshness, Told, tell
from service.recommendations.known import Loaded, load, load_also
from service.recommendations.schemas import RecommendationRequest
from service.recommendations.trials import PLAIN, trials_of
from service.recommendations.turns import Turns
from service.view import View


@dataclass(frozen=True, slots=True)
class Written:
    """A list in JSON, and what it is."""

    id: str  # of the recommendation
    body: bytes
    told: Told


@dataclass(frozen=True, slots=True)
class Recommender:
    """Makes lists over one view."""

    parts: Parts  # what they are made from
    live: Live  # what of that is in memory
    turns: Turns  # where they wait
    view: View
    is_counted: bool = True  # whether what comes of them may be, and experiments may change them
    is_reached: bool | None = None  # whether a position was, that they were to hold
    is_explored: bool = True  # whether places may be given to a draw: each list has its own

    async def load(self, asked: RecommendationRequest) -> Loaded:
        """Load what is known of whoever asks."""
        return await load(asked, self.parts, self.live, self.view)

    async def load_also(self, loaded: Loaded, asked: RecommendationRequest) -> Loaded:
        """Load what another request of the same person needs beside."""
        return await load_also(loaded, asked, self.parts, self.live, self.view)

    async def make(self, loaded: Loaded) -> Written:
        """Make a list, and let what it is be published.

        Raises:
            BusyError: Too many ask at once.
        """
        written = await self.write(loaded)
        self.publish(written)
        return written

    async def write(self, loaded: Loaded) -> Written:
        """Write a list. That it is a `Recommendations` is a test's to check.

        Raises:
            BusyError: Too many ask at once.
        """
        asked, id, trials, live = loaded.asked, str(uuid4()), PLAIN, self.live
        if self.is_counted:
            live.asked.append(asked)
            if loaded.is_personal:
                now = datetime.now(UTC)
                trials = trials_of(asked, asked.user_id or id, live.experiments, now)
            if loaded.is_counted and self.is_explored:
                trials = replace(trials, tries=live.tries.known)
        lag_ms = None if loaded.profile is None else _lag(loaded.profile, live)
        fresh = Freshness(lag_ms, self.is_reached)

        def write() -> Written:
            view = self.view.for_declared(asked.declared, self.parts.declared)
            told = tell(loaded, trials, id, view, fresh)
            return Written(id, to_json(told.body), told)

        return await self.turns.take(write)

    def publish(self, written: Written) -> None:
        """Let it be published what a list is, that somebody gets."""
        if self.is_counted and self.parts.impressions != "off":
            is_seen = self.parts.impressions == "answers"
            impression = to_json({**written.told.impression, "is_seen": is_seen})
            self.live.outbox.put(written.id, impression)


def _lag(profile: Profile, live: Live) -> int | None:
    return lag_of(profile.partitions, live.reached, time())
