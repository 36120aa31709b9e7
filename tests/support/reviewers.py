"""Texts by people who are made up, in virtual time: what they say turns when a test says so."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from math import exp
from random import Random

from portrait.opinions.alert import Alert
from portrait.opinions.aspects import Tone
from portrait.opinions.book import Book
from portrait.opinions.ledger import Ledger
from portrait.opinions.mention import Mention
from portrait.opinions.subject import Subject, subjects_of
from portrait.ref import event_ref, user_ref
from portrait.times import DAY_MS

BEGIN = 1_790_000_000_000 // DAY_MS * DAY_MS


@dataclass(frozen=True)
class Product:
    """What texts are about, how many come a day, and how many of them are negative."""

    item: str
    brand: str
    category: str
    daily: float
    negative: float

    @property
    def subjects(self) -> tuple[Subject, ...]:
        return subjects_of(
            source="reviews",
            item=self.item,
            subject=None,
            brand=self.brand,
            category=self.category,
        )


def drawn(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - the same in every run


def shop(random: Random, items: int, daily: float = 3.0) -> list[Product]:
    """Return products of some brands and categories, each liked in its own way."""
    return [
        Product(
            f"item-{number}",
            f"brand-{number % max(2, items // 6)}",
            f"Shop > Shelf {number % max(2, items // 10)}",
            daily * random.lognormvariate(0, 0.5),
            min(0.6, max(0.02, random.betavariate(2, 10))),
        )
        for number in range(items)
    ]


def mention(product: Product, at: int, name: str, author: str, tone: Tone) -> Mention:
    text = f"text {name}"
    return Mention(event_ref(name), at, user_ref(author), product.subjects, tone, None, (), text)


def day_of(random: Random, product: Product, day: int, negative: float) -> Iterator[Mention]:
    """Yield the texts of one day, each by somebody else."""
    swing = random.gauss(0, 0.02)
    share = min(0.98, max(0.0, negative + swing))
    for number in range(_poisson(random, product.daily)):
        at = BEGIN + day * DAY_MS + random.randrange(DAY_MS)
        tone = Tone.NEGATIVE if random.random() < share else Tone.POSITIVE
        name = f"{product.item}-{day}-{number}"
        yield mention(product, at, name, f"user-{random.randrange(100_000)}", tone)


class Everybody:
    """Everything that is said of a shop, taken in day by day, as batches are."""

    def __init__(self) -> None:
        self.ledgers: dict[int, Ledger] = {}
        self.book = Book(self.ledgers)

    def read(self, mentions: list[Mention]) -> None:
        mentions.sort(key=lambda each: each.at)
        for each in mentions:
            for subject in each.subjects:
                self.ledgers.setdefault(subject.ref, Ledger(subject))
        self.book.take(mentions, [None] * len(mentions))


def _poisson(random: Random, mean: float) -> int:
    """Draw by Knuth's method; means are small."""
    bound, product, count = exp(-mean), random.random(), 0
    while product > bound:
        product *= random.random()
        count += 1
    return count


TEA = Product("tea", "Leaf", "Grocery > Tea", 1, 0)
SOAP = Product("soap", "Foam", "Bath", 1, 0)
NOW = round(time.time() * 1_000) // DAY_MS * DAY_MS  # the voices of long ago are gone


def said(number: int, product: Product = TEA, author: str = "ann") -> Mention:
    return mention(product, NOW + number, f"n{number}", author, Tone.NEGATIVE)


def made_alert() -> Alert:
    share = {"count": 1, "of": 2, "share": 0.5, "low": 0.1, "high": 0.9}
    fields = {"alert_id": "a1", "kind": "worse", "subject_kind": "item", "subject": "tea"}
    moments = dict.fromkeys(("at", "since"), "2026-11-27T00:00:00Z")
    rest = {"before": share, "after": share, "evidence": 8.0, "authors": 3}
    return Alert.model_validate({**fields, **moments, **rest})
