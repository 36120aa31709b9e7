"""What a batch of the log says to the opinion worker: mentions, and who is to be forgotten."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from portrait.catalogue.store import CatalogueStore
from portrait.events.erasure import Moments
from portrait.events.event import Action, Event
from portrait.events.item import Item
from portrait.events.post import Post
from portrait.events.private import is_private
from portrait.events.stream import Batch, Message, Record
from portrait.events.tone import LONGEST_READ
from portrait.events.topics import ERASURES, OPINIONS
from portrait.opinions.aspects import ReviewReader
from portrait.opinions.mention import Mention, mention_of_post, mention_of_review
from portrait.reading.decode import item_of
from portrait.reading.dialect import Dialect
from portrait.reading.posts import read_post
from portrait.reading.records import (
    Clock,
    Heard,
    read_plain,
    read_record,
    require_whole,
)
from workers.following import note_erasure, read_each


class Received(NamedTuple):
    """A mention, when the log took it in, ms, and the whole text."""

    mention: Mention
    received: int
    text: str = ""


@dataclass(slots=True)
class Said:
    """What a batch says."""

    reviews: list[Heard] = field(default_factory=list)
    posts: list[tuple[Post, int]] = field(default_factory=list)  # and when it was received, ms
    erased: dict[int, Moments] = field(default_factory=dict)  # by user_ref
    dead: list[Message] = field(default_factory=list)  # of posts: others have their own worker


def read_batch(batch: Batch, clock: Clock, dialect: Dialect) -> Said:
    """Read a batch's records. What cannot be read is a dead letter, or was somebody else's."""
    said = Said()

    def take(record: Record) -> None:
        if record.topic == ERASURES:
            note_erasure(record, clock, dialect, said.erased)
        elif record.topic == OPINIONS:
            said.posts.append((read_post(record, clock), clock.received(record)))
        elif not is_private(record.headers):
            _review(record, clock, dialect, said.reviews)

    said.dead = read_each(batch, OPINIONS, take)
    return said


def _review(record: Record, clock: Clock, dialect: Dialect, reviews: list[Heard]) -> None:
    plain = read_plain(record, clock, dialect)
    if plain is not None:
        heard = [plain]
    else:
        reading = read_record(record, clock, dialect)
        require_whole(reading)
        heard = [*reading.events]
    reviews += [each for each in heard if each.event.type is Action.REVIEW]


async def mentions_of(
    reviews: Sequence[Heard], posts: Sequence[tuple[Post, int]], catalogue: CatalogueStore
) -> list[Received]:
    """Return what is said of which subjects, the oldest first; items are those of the catalogue."""
    named = {heard.event.item_id for heard in reviews} | {post.item_id for post, _ in posts}
    ids = sorted(id for id in named if id)
    items = dict(zip(ids, await catalogue.get_items(ids), strict=True))
    found: list[Received] = []
    for heard in reviews:
        mention = mention_of_review(heard.event, heard.at, _item(heard.event, items))
        if mention is not None:
            found.append(Received(mention, heard.received, heard.event.text or ""))
    for post, received in posts:
        mention = mention_of_post(post, items.get(post.item_id or ""))
        found.append(Received(mention, received, post.text))
    return sorted(found, key=lambda each: each.mention.at)


def _item(event: Event, items: Mapping[str, Item | None]) -> Item | None:
    """Return an event's item, as the catalogue knows it, or else the event."""
    known = items.get(event.item_id or "")
    return item_of(event) if known is None and event.item is not None else known


def heard(received: Sequence[Received], read: ReviewReader) -> list[Received]:
    """Let a BERT read the texts and their clauses. Blocks; call it from a thread."""
    texts = list(dict.fromkeys(each.text[:LONGEST_READ] for each in received if each.text))
    if not texts:
        return [*received]
    said = dict(zip(texts, zip(read(texts), read.aspects(texts), strict=True), strict=True))
    return [
        each._replace(mention=each.mention.heard(*said[each.text[:LONGEST_READ]]))
        if each.text
        else each
        for each in received
    ]


def parts_of(received: Sequence[Received], most: int) -> list[Sequence[Received]]:
    """Cut what was received into parts that are stored in one step each."""
    return [received[at : at + most] for at in range(0, len(received), most)]
