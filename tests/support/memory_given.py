"""What lists gave lately, in memory."""

from collections.abc import Collection
from datetime import timedelta

from portrait.experiments.given import Given, person_name


class MemoryGiven:
    """A `GivenStore` in a dict. Nothing of it expires."""

    def __init__(self) -> None:
        self.kept: dict[str, Given] = {}

    async def given(self, whose: str) -> Given:
        """Return it."""
        return self.kept.get(whose, Given())

    async def put(self, whose: str, given: Given, lasting: timedelta) -> bool:
        """Keep it, unless somebody has written since."""
        assert lasting > timedelta(0)
        is_newest = (await self.given(whose)).revision == given.revision - 1
        if is_newest:
            self.kept[whose] = given
        return is_newest

    async def forget(self, people: Collection[int]) -> int:
        """Forget people."""
        return sum(self.kept.pop(person_name(person), None) is not None for person in people)
