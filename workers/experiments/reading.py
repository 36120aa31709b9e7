"""What a batch of the log says of lists: those given, what of them was seen, what people did."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from portrait.events.erasure import Moments
from portrait.events.event import Action
from portrait.events.impression import Answer, Sighting
from portrait.events.private import is_private
from portrait.events.stream import Batch, Message, Record
from portrait.events.topics import ERASURES, IMPRESSIONS
from portrait.experiments.joining import MOST_WORTH, Deed, Done
from portrait.experiments.tally import THOUSANDTH
from portrait.reading.dialect import Dialect
from portrait.reading.impressions import heard_impression
from portrait.reading.records import (
    Clock,
    Heard,
    read_plain,
    read_record,
    require_whole,
)
from portrait.ref import event_ref, item_ref, recommendation_ref, user_ref
from workers.following import note_erasure, read_each

DEEDS: Mapping[Action, Deed] = {
    Action.BROWSE: Deed.CLICK,
    Action.CLICK: Deed.CLICK,
    Action.CART: Deed.CART,
    Action.PURCHASE: Deed.PURCHASE,
}


class Unpriced(NamedTuple):
    """A purchase that does not say what was paid."""

    item_id: str
    quantity: int


class Heeded(NamedTuple):
    """One thing that is said, whose it is (None: nobody's), and when it was received, ms."""

    said: Answer | Sighting | Done
    user: str | None
    received: int
    unpriced: Unpriced | None = None


@dataclass(slots=True)
class Said:
    """What a batch says."""

    answers: list[Heeded] = field(default_factory=list)
    sightings: list[Heeded] = field(default_factory=list)
    deeds: list[Heeded] = field(default_factory=list)
    erased: dict[int, Moments] = field(default_factory=dict)  # by user_ref
    dead: list[Message] = field(default_factory=list)  # of impressions: others have their worker

    @property
    def all(self) -> list[Heeded]:
        """Lists before what came of them, deeds in the order of their moments."""
        return [*self.answers, *self.sightings, *sorted(self.deeds, key=_moment)]


def _moment(heeded: Heeded) -> int:
    return heeded.said.at if isinstance(heeded.said, Done) else 0


def read_batch(batch: Batch, clock: Clock, dialect: Dialect) -> Said:
    """Read a batch's records. What cannot be read is a dead letter, or was somebody else's."""
    said = Said()

    def take(record: Record) -> None:
        if record.topic == ERASURES:
            note_erasure(record, clock, dialect, said.erased)
        elif record.topic == IMPRESSIONS:
            _impression(record, clock, said)
        elif not is_private(record.headers):
            said.deeds += [
                each for heard in _heard(record, clock, dialect) for each in _deed(heard)
            ]

    said.dead = read_each(batch, IMPRESSIONS, take)
    return said


def _impression(record: Record, clock: Clock, said: Said) -> None:
    read, received = heard_impression(record, clock)
    if isinstance(read, Answer):
        said.answers.append(Heeded(read, read.user_key, received))
    else:
        said.sightings.append(Heeded(read, None, received))


def _heard(record: Record, clock: Clock, dialect: Dialect) -> Sequence[Heard]:
    plain = read_plain(record, clock, dialect)
    if plain is not None:
        return [plain]
    reading = read_record(record, clock, dialect)
    require_whole(reading)
    return reading.events


def _deed(heard: Heard) -> list[Heeded]:
    """Return what an event says of lists; a click that names none says nothing."""
    event = heard.event
    deed, named = DEEDS.get(event.type), event.recommendation_id
    if deed is None or event.item_id is None or (deed is Deed.CLICK and named is None):
        return []
    done = Done(
        event_ref(event.event_id),
        user_ref(event.user_key),
        item_ref(event.item_id),
        deed,
        heard.at,
        worth_of(event.price, event.quantity or 1),
        0 if named is None else recommendation_ref(named),
    )
    is_unpriced = deed is Deed.PURCHASE and event.price is None
    unpriced = Unpriced(event.item_id, event.quantity or 1) if is_unpriced else None
    return [Heeded(done, event.user_key, heard.received, unpriced)]


def worth_of(price: float | None, quantity: int) -> int:
    """Return what is paid for so many pieces, in thousandths; 0: nobody knows."""
    return min(round((price or 0) * quantity * THOUSANDTH), MOST_WORTH)
