"""Voices: who wrote of a subject on one day, and what, for as long as such things may be kept.

All that could tell of a person lies here, and goes as a whole `KEPT_DAYS` after its day: hashes
of authors and examples. Everything else of a subject is sums.

Of many authors the least hashes are kept. Which those are does not depend on what anybody says,
so they are a fair sample: how many there are follows from how far they reach, and a test that
hears them alone is only slower.

Source: Bar-Yossef, Jayram, Kumar, Sivakumar and Trevisan, Counting distinct elements in a data
stream, RANDOM 2002 (the k minimum values).
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from random import Random

from portrait.opinions.mention import Mention
from portrait.times import DAY_MS, HOUR_MS

KEPT_DAYS = 7
MOST_AUTHORS = 256  # of a day and a subject; an estimate from so many is off by 6 %
HASHES = 2**64
PER_SLOT = 2  # examples of a day behind one figure
MOST_SLOTS = 64  # figures of a day that have examples; tones and harm come first


@dataclass(frozen=True, slots=True)
class Example:
    """A text behind a figure."""

    ref: int  # of the mention
    at: int  # ms
    author: int | None
    text: str  # redacted, cut


@dataclass(slots=True)
class Voices:
    """One day of one subject."""

    authors: dict[int, int] = field(default_factory=dict)  # ref: bits of the hours they wrote in
    is_full: bool = False  # whether there were more
    named: int = 0  # texts whose author is named
    heard: dict[str, int] = field(default_factory=dict)  # texts that each slot has had
    examples: dict[str, list[Example]] = field(default_factory=dict)  # by slot

    def hear(self, mention: Mention, slots: Iterable[str]) -> None:
        """Take in a text of this day."""
        if mention.author is not None:
            self.named += 1
            self._meet(mention.author, 1 << (mention.at % DAY_MS // HOUR_MS))
        if mention.text:
            example = Example(mention.ref, mention.at, mention.author, mention.text)
            for slot in slots:
                self._keep(slot, example)

    def knows(self, author: int) -> bool:
        """Say whether an author is among those who are kept."""
        return author in self.authors

    def admits(self, author: int) -> bool:
        """Say whether an author would be kept."""
        return not self.is_full or author < max(self.authors)

    @property
    def named_authors(self) -> set[int]:
        """Everybody who is named here: the heard, and who wrote an example without being heard."""
        kept = (example for examples in self.examples.values() for example in examples)
        return {*self.authors, *(each.author for each in kept if each.author is not None)}

    def without(self, author: int) -> bool:
        """Forget an author, and what they wrote. Says whether there was anything."""
        known = self.authors.pop(author, None) is not None
        for slot, examples in self.examples.items():
            left = [example for example in examples if example.author != author]
            known = known or len(left) < len(examples)
            self.examples[slot] = left
        return known

    def _meet(self, author: int, hour: int) -> None:
        if author in self.authors or self.admits(author):
            self.authors[author] = self.authors.get(author, 0) | hour
        if len(self.authors) > MOST_AUTHORS:
            del self.authors[max(self.authors)]
            self.is_full = True

    def _keep(self, slot: str, example: Example) -> None:
        """Keep the first example of a slot for sure, and of all later ones each as likely."""
        if slot not in self.heard and len(self.heard) >= MOST_SLOTS:
            return
        count = self.heard[slot] = self.heard.get(slot, 0) + 1
        kept = self.examples.setdefault(slot, [])
        if len(kept) < PER_SLOT:
            kept.append(example)
        elif (place := Random(example.ref).randrange(count)) < PER_SLOT:  # noqa: S311 - a sample
            kept[place] = example


def authors_in(days: Collection[Voices], hour: int | None = None) -> int:
    """Return how many different authors there were on some days, or in one hour (of 24) of them."""
    bit = (1 << 24) - 1 if hour is None else 1 << hour
    met = sorted({author for day in days for author, hours in day.authors.items() if hours & bit})
    reach = min((max(day.authors) for day in days if day.is_full), default=None)
    if reach is None or not met:
        return len(met)
    within = sum(author <= reach for author in met)
    return max(len(met), round(within * HASHES / reach))
