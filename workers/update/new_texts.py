"""New texts: the vectors of searches, and of items that the catalogue lacks; what reviews say.

They hold up nobody for long: what takes longer is read beside the stream (`backlog.py`).
"""

import asyncio
import time
from collections.abc import Sequence
from functools import partial

import numpy as np

from portrait import metrics
from portrait.catalogue.catalogue import texts_of
from portrait.catalogue.texts import SEARCH_TTL
from portrait.events.event import Event
from portrait.events.item import Item
from portrait.reading.decode import EventBatch, item_of
from workers.painter import Painter
from workers.update.backlog import Late, portions
from workers.update.reviews import read_reviews, unread_reviews
from workers.update.updater import Outcome, Updater

TOUCHED_AGAIN_MS = 3_600_000  # an item that only events know is introduced again after an hour
LARGEST_SNAPSHOT = 2_048  # bytes that are remembered of such an item


async def encode_new(part: EventBatch, outcome: Outcome, updater: Updater) -> None:
    """Find or make the vectors of searches, and of items that the catalogue does not know.

    Reviews are read, too, if there is a BERT for it.

    What takes too long goes on beside; while anything does, nobody waits for new texts.
    """
    mirror, backlog = outcome.painter.mirror, updater.backlog
    if any(late.part is part for late in outcome.late):
        return  # begun before Redis failed
    absent = mirror.catalogue.vectors.missing([*part.searches])
    lacking = await mirror.fetch_texts(absent)
    metrics.texts_cached.inc(len(absent) - len(lacking))
    refs, now = np.array([*part.items], np.uint64), round(time.time() * 1_000)
    unknown = mirror.catalogue.touch(refs, now, now - TOUCHED_AGAIN_MS)
    settled = ~np.isin(refs, np.array(unknown, np.uint64))
    known = mirror.catalogue.said(refs[settled])  # of what only events know
    unknown += [ref for ref, said in known.items() if _says_more(part.items[ref], said)]
    reviews = [*(part.reviews.keys() - part.tones)] if outcome.painter.read_tones else []
    if not (lacking or unknown or reviews):
        return
    new = [*lacking, *unknown, *reviews]
    if len(backlog) + len(outcome.late) >= backlog.most:
        metrics.texts_passed_over.inc(len(new))
        return
    read = partial(_read_new, part, lacking, unknown, updater)
    late = Late.begun(part, new, read, outcome.painter)
    wait = 0.0 if len(backlog) or outcome.late else updater.limits.encode_wait.total_seconds()
    await asyncio.wait({late.task}, timeout=wait)
    if late.task.done():
        late.task.result()
    else:
        outcome.late.append(late)


async def _read_new(
    part: EventBatch,
    searches: Sequence[int],
    items: Sequence[int],
    updater: Updater,
    painter: Painter,
) -> None:
    """Make the vectors of searches, and introduce items. Others have their turn in between."""
    offered = updater.limits.offer_unknown
    introduced = await painter.mirror.spelled(
        [_introduced(part.items[ref], offered=offered) for ref in items]
    )
    for portion in portions(part.searches[ref] for ref in searches):
        async with updater.backlog.turn:
            await painter.texts.read(searches=portion, ttl=SEARCH_TTL)
    for portion in portions(dict.fromkeys(text for item in introduced for text in texts_of(item))):
        async with updater.backlog.turn:
            await painter.texts.read(portion, ttl=SEARCH_TTL)
    for portion in portions(dict.fromkeys(unread_reviews(part))):
        async with updater.backlog.turn:
            await read_reviews(part, portion, painter)
    await painter.mirror.fetch_texts(searches)
    if introduced:
        await painter.mirror.introduce(introduced)


def _introduced(event: Event, *, offered: bool) -> Item:
    """Return what is remembered of an item that only events know: no more than was asked for."""
    item = item_of(event)
    if len(item.model_dump_json(exclude_defaults=True).encode()) > LARGEST_SNAPSHOT:
        item = Item(id=item.id, available=False)
    return item.model_copy(update={"withdrawn": not (offered and item.title)})


def _says_more(event: Event, known: int) -> bool:
    """Say whether an event says more of an item than is known, so that it is introduced again."""
    if event.item is None or event.item.said <= known:
        return False
    return _introduced(event, offered=False).said > known
