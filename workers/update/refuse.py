"""Refuse: keep what users do not want to see, and forget it with them."""

from portrait.events.unwanted import Unwanted
from portrait.profiles.record import is_suppressed
from portrait.reading.decode import EventBatch
from workers.update.updater import Updater


async def refuse(batch: EventBatch, updater: Updater) -> None:
    """Join what a batch says with what is kept, once its profiles are stored.

    Whoever is suppressed by then says nothing: what they do is passed over. A lift forgets what was
    said up to it, so whatever is read again later leaves the same.
    """
    if not batch.unwanted:
        return
    said = dict(batch.unwanted)
    speaking = [user for user, unwanted in said.items() if unwanted.said]
    records = await updater.profiles.load(speaking) if speaking else []
    for user, record in zip(speaking, records, strict=True):
        if record is not None and is_suppressed(record):
            said[user] = Unwanted(erased=said[user].erased)
    await updater.profiles.refuse(said)
