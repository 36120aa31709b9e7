"""A shop whose reviewers are made up, in virtual time, so that what turned when is known."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

import numpy as np

from portrait.opinions.aspects import Tone
from portrait.opinions.book import Book
from portrait.opinions.harm import Harm
from portrait.opinions.ledger import Ledger
from portrait.opinions.mention import REVIEWS, Mention
from portrait.opinions.subject import Subject, subjects_of
from portrait.ref import event_ref, user_ref
from portrait.times import DAY_MS

BEGIN = 20_700 * DAY_MS
PER_BRAND, PER_SHELF = 4, 8  # items
AUTHORS = 20_000  # of them each writes rarely


@dataclass(frozen=True, slots=True)
class Habits:
    """How texts are written where nothing turns."""

    daily: float = 4.0  # texts of an item, on average; items differ
    swing: float = 0.0  # of the log odds from day to day, of each item alone
    season: float = 0.0  # of the log odds over a year
    weekend: float = 1.0  # times as many texts on Saturdays and Sundays
    harmful: float = 0.002


@dataclass(frozen=True, slots=True)
class Item:
    """What is written about, how often, and how many of the texts are negative."""

    name: str
    subjects: tuple[Subject, ...]
    daily: float
    negative: float


@dataclass(frozen=True, slots=True)
class Planted:
    """What happens to the first item on a day."""

    day: int
    negative: float | None = None  # share of its texts from then on
    harmful: float | None = None
    burst: int = 0  # negative texts on that one day, beside the usual
    authors: int = 0  # who write the burst


NOTHING = Planted(10**9)


def items_of(random: Random, count: int, habits: Habits) -> list[Item]:
    """Return items of several brands and shelves."""
    made = []
    for number in range(count):
        subjects = subjects_of(
            source=REVIEWS,
            item=f"item-{number}",
            subject=None,
            brand=f"brand-{number // PER_BRAND}",
            category=f"Shop > Shelf {number // PER_SHELF}",
        )
        daily = habits.daily * random.lognormvariate(0, 0.4)
        share = min(0.5, max(0.03, random.betavariate(2.5, 14)))
        made.append(Item(f"item-{number}", subjects, daily, share))
    return made


class World:
    """A shop from day to day, and its book."""

    def __init__(self, seed: int, items: int, habits: Habits, planted: Planted = NOTHING) -> None:
        self._random = Random(seed)  # noqa: S311 - drawn from a seed
        self._counts = np.random.default_rng(seed)
        self._habits = habits
        self._planted = planted
        self.items = items_of(self._random, items, habits)
        self.ledgers = {
            subject.ref: Ledger(subject) for item in self.items for subject in item.subjects
        }
        self.book = Book(self.ledgers)
        self.texts = 0

    @property
    def first(self) -> Item:
        """The item that something happens to."""
        return self.items[0]

    def fix_first(self, negative: float, daily: float) -> None:
        """Say how the first item is usually liked, and how much is written of it."""
        self.items[0] = replace(self.first, negative=negative, daily=daily)

    def live(self, day: int) -> None:
        """Let a day pass."""
        said = [text for item in self.items for text in self._day(item, day)]
        said.sort(key=lambda mention: mention.at)
        self.texts += len(said)
        self.book.take(said, [None] * len(said))

    def _day(self, item: Item, day: int) -> Iterator[Mention]:
        habits, planted = self._habits, self._planted
        is_hit = item is self.first and day >= planted.day
        share = item.negative
        if is_hit and planted.negative is not None:
            share = planted.negative
        odds = np.log(share / (1 - share)) + habits.season * np.sin(2 * np.pi * day / 365)
        odds += self._random.gauss(0, habits.swing) if habits.swing else 0.0
        share = float(1 / (1 + np.exp(-odds)))
        harmful = habits.harmful
        if is_hit and planted.harmful is not None:
            harmful = planted.harmful
        busy = habits.weekend if day % 7 in {5, 6} else 1.0
        for number in range(int(self._counts.poisson(item.daily * busy))):
            author = f"user-{self._random.randrange(AUTHORS)}"
            tone = Tone.NEGATIVE if self._random.random() < share else Tone.POSITIVE
            is_harmful = self._random.random() < harmful
            yield self._text(item, f"{item.name}-{day}-{number}", day, author, tone, is_harmful)
        if is_hit and day == planted.day:
            for number in range(planted.burst):
                author = f"burst-{number % planted.authors}"
                yield self._text(item, f"burst-{number}", day, author, Tone.NEGATIVE)

    def _text(  # noqa: PLR0913, PLR0917 - all that a text is
        self,
        item: Item,
        name: str,
        day: int,
        author: str,
        tone: Tone,
        is_harmful: bool = False,  # noqa: FBT001, FBT002
    ) -> Mention:
        at = BEGIN + day * DAY_MS + self._random.randrange(DAY_MS)
        harm = Harm.ABUSE if is_harmful else None
        subjects = item.subjects
        return Mention(event_ref(name), at, user_ref(author), subjects, tone, harm, (), "")
