"""Gather: an audience, by two walks over all profiles of a shop.

walk ─▶ leaders, and a sample of all people ─▶ likeness
walk ─▶ scores of everybody else ─▶ filters ─▶ the best so far

Memory is bounded by what is kept (leaders, sample, the best) and by one part of the walk, however
many profiles there are. The first walk ends as soon as it knows enough. Arrays are made in a
thread, some hundred people at a time, so that the loop goes on answering.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from portrait.arrays import Floats
from portrait.audiences.best import Best, Member
from portrait.audiences.likeness import Likeness, likeness_of
from portrait.audiences.people import Reader, read_people
from portrait.audiences.wanted import Wanted
from portrait.errors import PortraitError
from portrait.model.heads import Heads
from portrait.profiles.store import ProfileStore, Stored

FEWEST = 20  # leaders, and members: an audience never singles anybody out
MOST_LEADERS, MOST_SAMPLED = 2_000, 10_000  # whose vectors are kept: 2 KB each at 256 dimensions
TOO_FEW_LEADERS = (
    f"Fewer than {FEWEST} people are named, or bought what is meant, as far as they may be asked "
    "for: an audience never singles anybody out. Name more of them, or say what more people buy."
)
TOO_FEW_OTHERS = (
    f"There are fewer than {FEWEST} others who may be asked for: an audience never singles anybody "
    "out. It takes more people of whom something is known."
)
TOO_FEW_MEMBERS = (
    f"Fewer than {FEWEST} people would be in it: an audience never singles anybody out. Ask for a "
    "lower `least_score`, or filter less."
)
PART = 200  # people whose arrays are made at once: some 10 ms of a thread


class AudienceTooNarrowError(PortraitError):
    """Too few people: an audience never singles anybody out."""


@dataclass(slots=True)
class Gathered:
    """An audience, and how it came to be."""

    members: list[Member]  # the best first
    leaders: int
    people: int  # who could have been asked for
    fitting: int  # who passed the filters, and the least score
    left_out: Counter[str]  # people who may not be asked for, by why


@dataclass(slots=True)
class _Sample:
    """What the first walk keeps."""

    leaders: list[Floats] = field(default_factory=list)
    others: list[Floats] = field(default_factory=list)
    pace: list[Floats] = field(default_factory=list)
    led: set[str] = field(default_factory=set)  # a walk may meet somebody twice
    sampled: int = 0

    @property
    def is_full(self) -> bool:
        return len(self.led) >= MOST_LEADERS and self.sampled >= MOST_SAMPLED

    def take(
        self, users: Sequence[str], stored: Sequence[Stored], wanted: Wanted, reader: Reader
    ) -> None:
        """Take in those of U users who lead, and those who might be led."""
        people, _ = read_people(users, stored, reader)
        likes, are_leaders = people.likes, wanted.leaders.of(people)
        counted = likes.any(axis=1) & people.may_lead
        are_new = np.array([user not in self.led for user in people.users], np.bool_)
        room = MOST_LEADERS - len(self.led)
        leading = np.flatnonzero(counted & are_leaders & are_new)[:room]
        others = np.flatnonzero(counted & ~are_leaders)[: MOST_SAMPLED - self.sampled]
        self.leaders.append(likes[leading])
        self.others.append(likes[others])
        self.pace.append(people.pace[others])
        self.led |= {people.users[row] for row in leading.tolist()}
        self.sampled += len(others)

    def likeness(self) -> Likeness:
        return likeness_of(
            np.concatenate(self.leaders), np.concatenate(self.others), np.concatenate(self.pace)
        )


async def gather(
    wanted: Wanted,
    profiles: ProfileStore,
    reader: Reader,
    heads: Heads | None,
    tell: Callable[[int], Awaitable[None]],
) -> Gathered:
    """Find an audience.

    Args:
        wanted: What is asked for.
        profiles: Of the shop.
        reader: How they are read.
        heads: Of the model in service.
        tell: Is told now and then how many people have been looked at, in either walk.

    Raises:
        AudienceTooNarrowError: Fewer than FEWEST lead, or would be in it.
        StoreUnavailableError: The store is away.
    """
    looked_at, sample = 0, _Sample()
    async for users, stored in _named(wanted, profiles):
        await asyncio.to_thread(sample.take, users, stored, wanted, reader)
    async for users, stored in parts(profiles):
        await asyncio.to_thread(sample.take, users, stored, wanted, reader)
        looked_at += len(users)
        await tell(looked_at)
        are_known = bool(wanted.leaders.users) and sample.sampled >= MOST_SAMPLED
        if are_known or sample.is_full:
            break
    if len(sample.led) < FEWEST:
        raise AudienceTooNarrowError(TOO_FEW_LEADERS)
    if sample.sampled < FEWEST:
        raise AudienceTooNarrowError(TOO_FEW_OTHERS)
    likeness = await asyncio.to_thread(sample.likeness)
    search, looked_again = _Search(wanted, reader, heads, likeness), 0
    async for users, stored in parts(profiles):
        await asyncio.to_thread(search.look, users, stored)
        looked_again += len(users)
        await tell(max(looked_at, looked_again))
    return await asyncio.to_thread(search.found, len(sample.led))


class _Search:
    """The second walk."""

    def __init__(
        self, wanted: Wanted, reader: Reader, heads: Heads | None, likeness: Likeness
    ) -> None:
        self._wanted = wanted
        self._reader = reader
        self._heads = heads
        self._likeness = likeness
        self._best = Best(wanted.size)
        self._people = 0
        self._fitting = 0
        self._left_out: Counter[str] = Counter()

    def look(self, users: Sequence[str], stored: Sequence[Stored]) -> None:
        """Score some people, and keep the best."""
        wanted = self._wanted
        people, left_out = read_people(users, stored, self._reader)
        self._left_out += left_out
        likes = people.likes
        known = likes.any(axis=1)
        others = known & ~wanted.leaders.of(people)
        self._left_out["unsaid"] += int((~known).sum())
        wants = wanted.subject.wanted_by(people)
        self._left_out["unwanted"] += int((others & ~wants).sum())
        self._people += int((others & wants).sum())
        scores = self._likeness.scores(likes, people.pace)
        fits = others & wants & (scores >= wanted.least_score)
        fits &= wanted.filters.pass_(people, self._heads)
        self._fitting += int(fits.sum())
        rows = np.flatnonzero(fits)
        self._best.offer([people.users[row] for row in rows.tolist()], scores[rows])

    def found(self, leaders: int) -> Gathered:
        """Return the audience.

        Raises:
            AudienceTooNarrowError: It has fewer than FEWEST members.
        """
        return gathered_of(self._best, leaders, self._people, self._fitting, self._left_out)


def gathered_of(
    best: Best, leaders: int, people: int, fitting: int, left_out: Counter[str]
) -> Gathered:
    """Return the audience that a walk has found.

    Raises:
        AudienceTooNarrowError: It has fewer than FEWEST members.
    """
    if len(best) < FEWEST:
        raise AudienceTooNarrowError(TOO_FEW_MEMBERS)
    return Gathered(best.ranked(), leaders, people, fitting, +left_out)


async def _named(
    wanted: Wanted, profiles: ProfileStore
) -> AsyncIterator[tuple[Sequence[str], Sequence[Stored]]]:
    """Yield what is stored of the leaders who are named, some at a time."""
    users = sorted(wanted.leaders.users)
    for start in range(0, len(users), PART):
        part = users[start : start + PART]
        yield part, await profiles.load_whole(part)


async def parts(
    profiles: ProfileStore,
) -> AsyncIterator[tuple[Sequence[str], Sequence[Stored]]]:
    """Yield what is stored of everybody, some at a time."""
    async for users in profiles.scan():
        for start in range(0, len(users), PART):
            part = users[start : start + PART]
            yield part, await profiles.load_whole(part)
