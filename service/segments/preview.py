"""Preview: how many of some people would be in a segment, and what keeps the others out."""

from collections.abc import Sequence
from functools import partial
from time import monotonic, time

from portrait.profiles.store import Stored
from portrait.segments.expression import Expression
from portrait.segments.forecasts import NO_FORECASTS, Forecasts
from portrait.segments.person import person_of
from service.parts import Parts
from service.recommendations.turns import Turns
from service.segments.schemas import ClauseAnswer, SegmentPreviewAnswer

LONGEST_SECONDS = 1.0
MOST_PEOPLE = 20_000
AT_ONCE = 50  # people of one turn: some 5 ms, so nobody's ranking waits for long
DECIMALS = 4


async def preview(
    said: Expression, forecasts: Forecasts, parts: Parts, turns: Turns
) -> SegmentPreviewAnswer:
    """Look at some people, in the order in which the store has them, which says nothing of them.

    Where a forecast is asked for, whom the model in service has not painted yet is passed over.

    Raises:
        BusyError: Others wait for their turns, too many for one more.
    """
    counts, until = _Counts(said, forecasts), monotonic() + LONGEST_SECONDS
    async for users in parts.profiles.scan():
        for at in range(0, len(users), AT_ONCE):
            if monotonic() > until or counts.people >= MOST_PEOPLE:
                return counts.answer(is_everybody=False)
            some = users[at : at + AT_ONCE]
            stored = await parts.profiles.load_whole(some)
            await turns.take(partial(counts.look, some, stored, parts))
    return counts.answer(is_everybody=True)


class _Counts:
    """How many there are."""

    def __init__(self, said: Expression, forecasts: Forecasts) -> None:
        self._said = said
        self._forecasts = forecasts if said.forecasts else NO_FORECASTS
        self.people = 0
        self._members = 0
        self._holding = [0 for _ in said.clauses]

    def look(self, users: Sequence[str], stored: Sequence[Stored], parts: Parts) -> None:
        """Count some people in."""
        now = round(time() * 1_000)
        foretold = self._forecasts.foretell(users, stored, parts.unsaid, now)
        for user, each in zip(users, stored, strict=True):
            if user not in foretold:
                continue
            person = person_of(user, each, parts.unsaid, now, foretold[user])
            if person is None:
                continue
            holds = [clause.holds_for(person) for clause in self._said.clauses]
            self.people += 1
            self._members += all(holds)
            self._holding = [count + held for count, held in zip(self._holding, holds, strict=True)]

    def answer(self, *, is_everybody: bool) -> SegmentPreviewAnswer:
        """Say how many."""
        return SegmentPreviewAnswer(
            looked_at=self.people,
            is_everybody=is_everybody,
            members=self._members,
            share=self._share(self._members),
            clauses=tuple(
                ClauseAnswer(clause=clause.text, people=count, share=self._share(count))
                for clause, count in zip(self._said.clauses, self._holding, strict=True)
            ),
            unforetold=self._forecasts.lacking(self._said.forecasts),
        )

    def _share(self, count: int) -> float:
        return round(count / max(self.people, 1), DECIMALS)
