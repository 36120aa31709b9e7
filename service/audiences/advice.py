"""Advice: why each of those who are about to leave will, and what to offer them.

member ─▶ profile as it is now ─▶ probability, and the habits that make it, also in words
                └▶ the first items of their list, by the same scorer and rules as `POST /recommend`

One after the other, each in its turn among those who ask for lists, so that nobody waits for it.
Nothing of it counts as a list that somebody saw.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from itertools import islice
from time import time
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, TypeAdapter

from portrait.audiences.best import Member
from portrait.errors import BusyError
from portrait.model.habit_words import in_words
from portrait.model.heads import CHURN_RISK
from portrait.outage import pauses
from service.http.languages import Language
from service.profiles.outlook import hours_silent, outlook
from service.profiles.schemas import Likelihood
from service.recommendations.known import Loaded
from service.recommendations.recommender import Recommender
from service.recommendations.schemas import RecommendationRequest

MOST_OFFERS = 10
TRIES, PAUSES = 8, (0.1, 2.0)  # of a turn; seconds between: after some ten there is no offer


class Offer(BaseModel):
    """An item to offer: what is told of it, of all that a list tells."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    item_id: str
    title: str
    category: str
    price: float | None
    why: str | None


_OFFERS = TypeAdapter(tuple[Offer, ...])


class Advised(NamedTuple):
    """One of those who are about to leave."""

    member: Member
    risk: Likelihood | None  # None: the model in service says nothing of it any more
    why: str | None  # the habits behind it, in words
    offers: tuple[Offer, ...] | None  # None: others asked for too much meanwhile


@dataclass(frozen=True, slots=True)
class Adviser:
    """Advises on people, over one view."""

    recommender: Recommender
    offers: int
    language: Language

    async def advise(self, members: Iterable[Member]) -> AsyncIterator[Advised]:
        """Yield what is to be said of each of whom anything may be."""
        for member in members:
            asked = RecommendationRequest(
                user_id=member.user,
                limit=self.offers or 1,
                explain=True,
                language=self.language,
            )
            loaded = await self.recommender.load(asked)
            if loaded.profile is not None:
                risk = await asyncio.to_thread(self._risk, loaded)
                yield Advised(member, risk, self._why(risk), await self._offers(loaded))

    def _risk(self, loaded: Loaded) -> Likelihood | None:
        profile, source = loaded.profile, self.recommender.view.source
        if profile is None:
            return None
        hours = hours_silent(int(profile.head["received_at"]), time())
        risk = outlook(profile, source, hours)[CHURN_RISK]
        return None if risk is None else Likelihood.model_validate(risk)

    def _why(self, risk: Likelihood | None) -> str | None:
        because = () if risk is None else risk.because
        return in_words(((each.habit, each.share) for each in because), self.language)

    async def _offers(self, loaded: Loaded) -> tuple[Offer, ...] | None:
        if not self.offers:
            return ()
        for pause in islice(pauses(*PAUSES), TRIES):
            try:
                written = await self.recommender.write(loaded)
            except BusyError:
                await asyncio.sleep(pause)
            else:
                return _OFFERS.validate_python(written.told.body["items"])
        return None
