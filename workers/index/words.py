"""The words that matter: what readers ask for of items' texts, the index worker reads beside.

question ─▶ known already? ─▶ the item's text, the other's vector ─▶ the encoder says why ─▶ kept

One at a time, and never before what has to be indexed: an encoder reads for both. What cannot be
answered any more (the text has changed, another model serves) is left: whoever asks again asks of
what is now.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from portrait.catalogue.store import CatalogueStore
from portrait.catalogue.words import WordsDesk, WordShares, WordsQuestion
from portrait.errors import StoreUnavailableError
from portrait.lifecycle.registry import Registry
from portrait.model.model import Model
from portrait.model.space import Space, Vectors
from portrait.ref import text_ref
from workers.painter import UNLOADABLE

AWAY_SECONDS = 2.0  # while Redis is away

log = structlog.get_logger()


class Attributes(Protocol):
    """Says which words of a text matter."""

    def attribute(self, text: str, space: Space, toward: Vectors) -> WordShares:
        """Divide how near a text lies to a vector, (K,), among its words. Blocks."""
        ...


AttributerOf = Callable[[Model], Awaitable[Attributes]]  # raises what loading an encoder does


@dataclass(frozen=True, slots=True)
class Wordings:
    """Everything that it touches. Lives as long as the process."""

    desk: WordsDesk
    catalogue: CatalogueStore
    registry: Registry
    attributer: AttributerOf


async def keep_attributed(wordings: Wordings) -> None:
    """Answer what is laid on the desk. Runs for ever."""
    while True:
        try:
            await attribute_once(wordings)
        except (StoreUnavailableError, *UNLOADABLE) as error:
            log.warning("words_not_read", reason=str(error))
            await asyncio.sleep(AWAY_SECONDS)


async def attribute_once(wordings: Wordings) -> None:
    """Answer the oldest question, if one comes in a while."""
    asked = await wordings.desk.take()
    if asked is None or (await wordings.desk.find([asked]))[0] is not None:
        return
    model = await wordings.registry.champion()
    if model is None or model.space.id != asked.space_id:
        return
    text, toward = await _material(asked, model, wordings.catalogue)
    if text is None or toward is None:
        return
    attributer = await wordings.attributer(model)
    found = await asyncio.to_thread(attributer.attribute, text, model.space, toward)
    await wordings.desk.put(asked, found)
    log.info("words_read", words=len(found.words))


async def _material(
    asked: WordsQuestion, model: Model, catalogue: CatalogueStore
) -> tuple[str | None, Vectors | None]:
    """Find the text that is asked about, and the vector of the other one."""
    (item,) = await catalogue.get_items([asked.item_id])
    if item is None or text_ref(item.text) != asked.text:
        return None, None
    (toward,) = await catalogue.get_vectors(asked.space_id, [asked.toward], model.space.dim)
    return item.text, toward
