"""How many people of each cohort there were, in memory."""

from collections.abc import Sequence

from portrait.audiences.cohorts import Came, Week
from portrait.errors import StoreUnavailableError


class MemoryCohorts:
    """A `CohortStore` in sets: it does not err, and keeps all weeks."""

    def __init__(self) -> None:
        self.people: dict[Week, set[str]] = {}
        self.is_down = False

    async def come(self, came: Came) -> None:
        """Note who was there."""
        if self.is_down:
            raise StoreUnavailableError
        for week, users in came.items():
            self.people.setdefault(week, set()).update(users)

    async def came(self, weeks: Sequence[Week]) -> list[int]:
        """Count those of each week."""
        return [len(self.people.get(week, ())) for week in weeks]
