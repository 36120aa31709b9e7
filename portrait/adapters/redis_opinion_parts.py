"""The parts of opinions on Redis: their keys, and how each is read and written."""

from collections.abc import Callable, Mapping, Sequence
from time import time
from typing import Any, NamedTuple, TypeVar

from redis.asyncio.client import Pipeline

from portrait.adapters.redis_damage import Damage
from portrait.opinions.ledger import Ledger
from portrait.opinions.mention import Mention
from portrait.opinions.subject import Subject
from portrait.opinions.voices import KEPT_DAYS, Example
from portrait.opinions.windows import Window, windows_of
from portrait.opinions.written import COUNTS, EXAMPLE, VOICES, read_head, write_counts, write_head
from portrait.times import DAY_MS

HEAD = "head"
DAY_SECONDS = DAY_MS // 1_000

T = TypeVar("T")


class PartReader:
    """Reads what lies on Redis. What none of our programs wrote so is as good as none, and said."""

    def __init__(self) -> None:
        self._damage = Damage("opinion")

    def ledger(
        self,
        subject: Subject,
        fields: Mapping[str, bytes | None],
        days: Sequence[int],
        voices: Sequence[bytes | None],
    ) -> Ledger:
        """Read a ledger of its parts; what cannot be read of it is not there."""
        ledger = self.read(subject_key(subject.ref), read_head, fields.get(HEAD)) or Ledger(subject)
        for name, value in fields.items():
            counts = None if name == HEAD else self.read(name, COUNTS.validate_json, value)
            window = None if counts is None else self.read(name, Window.named, name)
            if counts is not None and window is not None:
                ledger.counts[window] = counts
        for day, value in zip(days, voices, strict=False):
            said = self.read(voices_key(subject.ref, day), VOICES.validate_json, value)
            if said is not None:
                ledger.voices[day] = said
        return ledger

    def examples(self, key: str, values: Sequence[bytes]) -> list[Example]:
        """Read a list of texts."""
        read = [self.read(key, EXAMPLE.validate_json, value) for value in values]
        return [example for example in read if example is not None]

    def read(self, place: str, read: Callable[[Any], T], value: object) -> T | None:
        """Read a value; None if there is none, or none of our programs wrote it so."""
        if value is None:
            return None
        try:
            return read(value)
        except ValueError:
            self._damage.say([place])
            return None


class Asked(NamedTuple):
    """What is asked for of one subject."""

    subject: Subject
    fields: list[str]  # of its hash
    days: list[int]  # of its voices


def asked_of(mentions: Sequence[Mention]) -> dict[int, Asked]:
    """Say what some mentions need of each subject: their windows, and voices of the week before."""
    moments: dict[Subject, list[int]] = {}
    for mention in mentions:
        for subject in mention.subjects:
            moments.setdefault(subject, []).append(mention.at)
    found: dict[int, Asked] = {}
    for subject, ats in moments.items():
        windows = sorted({str(window) for at in ats for window in windows_of(at)})
        days = sorted({at // DAY_MS - back for at in ats for back in range(KEPT_DAYS)})
        known = found.get(subject.ref, Asked(subject, [HEAD], []))
        fields = [*dict.fromkeys([*known.fields, *windows])]
        found[subject.ref] = Asked(known.subject, fields, sorted({*known.days, *days}))
    return found


def write_ledger(pipe: Pipeline, ref: int, ledger: Ledger) -> None:
    """Write what has changed of a ledger."""
    if not ledger.touched:
        return
    written: dict[str, bytes] = {HEAD: write_head(ledger)}
    written |= {
        str(w): write_counts(ledger.counts[w]) for w in ledger.touched if w in ledger.counts
    }
    gone = [str(w) for w in ledger.touched if w not in ledger.counts]
    pipe.hset(subject_key(ref), mapping=written)  # type: ignore[arg-type] # bytes are as good as texts
    if gone:
        pipe.hdel(subject_key(ref), *gone)
    name = f"{ref:016x}"
    pipe.zadd("opinions:subjects", {name: ledger.newest})
    pipe.zadd(f"opinions:of:{ledger.subject.kind}", {name: ledger.newest})
    for day in ledger.touched_days:
        pipe.set(voices_key(ref, day), VOICES.dump_json(ledger.voices[day]), exat=goes(day))
        for author in ledger.voices[day].named_authors:
            write_author(pipe, author, f"{name}:{day}")


def write_author(pipe: Pipeline, author: int | None, place: str) -> None:
    """Note where an author is named, for as long as they are."""
    if author is not None:
        pipe.sadd(author_key(author), place)
        pipe.expire(author_key(author), (KEPT_DAYS + 1) * DAY_SECONDS)


def last_days() -> list[int]:
    """Return the days whose voices may still be there."""
    today = int(time()) // DAY_SECONDS
    return [today + 1 - back for back in range(KEPT_DAYS + 2)]


def goes(day: int) -> int:
    """Return when what is kept of a day goes, seconds since 1970; of the past, now."""
    return (day + 1 + KEPT_DAYS) * DAY_SECONDS


def subject_key(ref: int) -> str:
    """Name the hash of a subject."""
    return f"opinion:{ref:016x}"


def author_key(author: int) -> str:
    """Name the set of places where an author is named."""
    return f"opinion:author:{author:016x}"


def examples_key(alert_id: str) -> str:
    """Name the list of an alert's examples."""
    return f"opinions:examples:{alert_id}"


def voices_key(ref: int, day: int) -> str:
    """Name what is kept of people of a day of a subject."""
    return f"opinion:{ref:016x}:voices:{day}"
