"""The newest tries: what came of places that were given to a draw, as one process knows it."""

import time

from portrait.experiments.store import ExperimentStore
from portrait.experiments.tries import Tries, together, tries_of
from portrait.times import DAY_MS

DAYS = 28  # as popularity has them: what was tried before may be worth another try
OPEN = 2  # newest days, of which figures still grow


class NewestTries:
    """Follows the store. Lives as long as the process."""

    def __init__(self, store: ExperimentStore) -> None:
        self.known = Tries()
        self._store = store
        self._by_day: dict[int, Tries] = {}

    async def follow(self) -> None:
        """Read the newest days again, and older ones once.

        Raises:
            StoreUnavailableError: It does not answer.
        """
        today = round(time.time() * 1_000) // DAY_MS
        days = range(today - DAYS + 1, today + 1)
        for day in days:
            if day not in self._by_day or day > today - OPEN:
                self._by_day[day] = tries_of(await self._store.figures([day]))
        self._by_day = {day: self._by_day[day] for day in days}
        self.known = together(self._by_day.values())
