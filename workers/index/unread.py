"""Unread: how much of the catalogue the champion's encoder cannot read, said where operators look.

a sample of the texts ─▶ which share of each its vocabulary lacks ─▶ gauge; log, note of /readyz

A vocabulary of English has no tokens for Chinese: such texts look alike to it, whatever they say.
"""

import structlog

from portrait import metrics
from portrait.catalogue.store import CatalogueStore
from portrait.catalogue.texts import unreadable
from portrait.events.stream import Notes
from portrait.lifecycle.registry import Roles
from portrait.model.model import Model
from portrait.ref import item_ref
from workers.painter import UNLOADABLE, EncoderOf

SAMPLE = 1_000  # items
MOST = 0.1  # of the texts: more is worth another encoder
NOTE = "unread"

log = structlog.get_logger()


class Unread:
    """Measures whenever another model serves. Lives as long as the index worker."""

    def __init__(self, catalogue: CatalogueStore, encoder: EncoderOf, notes: Notes) -> None:
        self._catalogue = catalogue
        self._encoder = encoder
        self._notes = notes
        self._seen: str | None = None  # the champion that was measured last

    async def look(self, _: Roles, champion: Model) -> None:
        """Measure what a champion's encoder cannot read, unless that was done."""
        if champion.version == self._seen:
            return
        texts = await self._sample()
        if not texts:
            return
        try:
            encoder = await self._encoder(champion)
        except UNLOADABLE:
            return  # it has been said
        self._seen = champion.version
        share = sum(await unreadable(encoder, texts)) / len(texts)
        metrics.texts_unread.set(share)
        self._notes.hold(NOTE, None)
        if share > MOST:
            said = (
                f"Encoder {encoder.name} cannot read {share:.0%} of the catalogue's texts: set "
                "PORTRAIT_ENCODER of the index worker to a multilingual one, such as "
                "intfloat/multilingual-e5-small, and restart it; until then they are told apart "
                "badly, and searches like them are matched by words alone."
            )
            self._notes.hold(NOTE, said)
            log.warning("texts_unread", share=round(share, 3), encoder=encoder.name, reason=said)

    async def _sample(self) -> list[str]:
        """Return the texts of items by hash: an even sample, always the same."""
        ids = sorted(await self._catalogue.all_ids(), key=item_ref)[:SAMPLE]
        items = await self._catalogue.get_items(ids)
        return [item.text for item in items if item is not None and item.text]
