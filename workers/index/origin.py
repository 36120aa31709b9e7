"""Origin: where a champion comes from when Redis has none.

ledger ─▶ artifacts ─▶ Redis                   the shop had a model, and Redis was emptied
no ledger ─▶ the whole catalogue ─▶ a fit      a new shop: `first_model.py`

Nobody is put in service before the store holds all that the items topic does: profiles painted
with half a catalogue would stay so. And no space is ever fitted because a store was lost.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

import structlog

from portrait import metrics
from portrait.catalogue.catalogue import texts_of
from portrait.catalogue.store import CatalogueStore
from portrait.errors import ModelInvalidError, StoreRestartedError
from portrait.events.resume import Resume
from portrait.events.stream import Batch
from portrait.lifecycle.ledger import (
    LEDGER,
    Ledger,
    fetch_model,
    publish_model,
    read_ledger,
    write_ledger,
)
from portrait.lifecycle.manifest import ArtifactInvalidError
from portrait.lifecycle.registry import Card, ModelNotFoundError, Registry, Roles, plain_card
from portrait.model.encoder import TextEncoder
from portrait.model.model import Model
from portrait.ref import text_ref
from workers.first_model import fit_first_model

WRITE_AGAIN_SECONDS = 60.0  # between two tries to write the ledger
ITEMS_AT_ONCE = 500

log = structlog.get_logger()


class Completeness:
    """Whether the store holds all that the items topic does, in the life that it has now."""

    def __init__(self, resume: Resume, partitions: Callable[[], Collection[int]]) -> None:
        self._resume = resume
        self._partitions = partitions
        self._is_read = False

    def note(self, batch: Batch) -> None:
        """Take note of a batch that is stored: an empty one may say that there is no more."""
        owned = self._partitions()
        if not batch.records and owned and batch.reached.keys() >= set(owned):
            self._is_read = True

    def lost(self) -> None:
        """Everything is read again."""
        self._is_read = False

    async def holds(self) -> bool:
        """Ask the store whether it is still the one that everything was read into."""
        if not self._is_read:
            return False
        try:
            await self._resume.mark({})
        except StoreRestartedError:
            return False
        return self._is_read


@dataclass(frozen=True, slots=True)
class Shop:
    """Where its models are kept, and when its first one may be fitted."""

    models_url: str
    cache: Path
    enough: int  # distinct texts that suffice at once
    patience: timedelta  # quiet time after which fewer do
    encoder_source: str  # where the encoder of its spaces lies


@dataclass(frozen=True, slots=True)
class Stores:
    """What Redis has of models and items."""

    registry: Registry
    catalogue: CatalogueStore


class Origin:
    """Keeps the ledger, and goes by it. Lives as long as the index worker."""

    def __init__(
        self,
        shop: Shop,
        stores: Stores,
        encoder: TextEncoder,
        complete: Completeness,
    ) -> None:
        self._shop = shop
        self._registry = stores.registry
        self._catalogue = stores.catalogue
        self._encoder = encoder
        self._complete = complete
        self._fitted: tuple[Model, Card] | None = None
        self._written: tuple[Roles, str | None] | None = None
        self._taken_up: str | None = None  # encoder that was taken up last
        self._is_known = False  # whether the ledger was asked for that
        self._write_at = 0.0
        self._quiet: tuple[str, float] = ("", 0.0)  # end of the catalogue's log, and since when

    async def find(self) -> list[Model]:
        """Return who is to serve, then who did before.

        Arrays and cards of who served are in Redis again; a first model is not there before it is
        put in service. Nobody, if it is a new shop whose catalogue has not been read yet.

        Raises:
            ModelInvalidError: Who served is known, and cannot be brought back; says what to do.
        """
        self._written = None
        ledger = await self._ledger()
        if ledger is not None:
            return await self._returned(ledger)
        return await self._first()

    async def put_in_service(self, models: Sequence[Model], lost: str | None) -> bool:
        """Name who serves from now on. False, and no change, if another does already.

        Args:
            models: What `find` returned: who is to serve, then who did before, if anybody.
            lost: Who is named as champion, and whose arrays are gone, if anybody is.
        """
        champion, former = models[0], models[1].version if len(models) > 1 else None
        if self._fitted is not None and champion is self._fitted[0]:
            return await self._registry.begin(*self._fitted, lost)
        return await self._registry.restore(champion.version, former, lost)

    async def is_complete(self) -> bool:
        """Return whether the store holds the whole catalogue."""
        return await self._complete.holds()

    async def taken_up(self) -> str | None:
        """Return the encoder that was taken up last, whether its model serves or was rolled back.

        The ledger remembers it. None: not known.
        """
        if not self._is_known:
            try:
                ledger = await self._ledger()
            except ModelInvalidError:
                ledger = None  # it is about to be written anew
            self._taken_up = None if ledger is None else ledger.encoder
            self._is_known = True
        return self._taken_up

    async def take_up(self, encoder: str, roles: Roles) -> None:
        """Write down that an encoder has been taken up."""
        self._taken_up, self._is_known = encoder, True
        await self.keep(roles)

    async def keep(self, roles: Roles) -> None:
        """Write down who serves, and publish whoever of them is in Redis alone."""
        now = roles._replace(wanted=None), await self.taken_up()
        if now == self._written or monotonic() < self._write_at or roles.champion is None:
            return
        try:
            champion = await self._published(roles.champion)
            former = None if roles.former is None else await self._published(roles.former)
            ledger = Ledger(champion=champion, former=former, encoder=self._taken_up)
            await asyncio.to_thread(write_ledger, self._shop.models_url, ledger)
        except (ArtifactInvalidError, ModelInvalidError) as error:
            self._write_at = monotonic() + WRITE_AGAIN_SECONDS
            metrics.ledger_failures.inc()
            log.warning(
                "ledger_not_written", reason=f"{error}: until it is, an emptied Redis is lost"
            )
        else:
            self._written = now
            log.info("ledger_written", champion=roles.champion, former=roles.former)

    async def _ledger(self) -> Ledger | None:
        try:
            return await asyncio.to_thread(read_ledger, self._shop.models_url)
        except ArtifactInvalidError as error:
            msg = f"Nobody knows who served: {error}. {self._advice}"
            raise ModelInvalidError(msg) from error

    async def _returned(self, ledger: Ledger) -> list[Model]:
        try:
            champion = await self._stored(ledger.champion)
        except (ArtifactInvalidError, ModelInvalidError) as error:
            msg = f"Redis has lost {ledger.champion.version}, and {error}. {self._advice}"
            raise ModelInvalidError(msg) from error
        if ledger.former is None:
            return [champion]
        try:
            return [champion, await self._stored(ledger.former)]
        except (ArtifactInvalidError, ModelInvalidError) as error:
            log.warning("former_not_returned", reason=str(error))
            return [champion]

    @property
    def _advice(self) -> str:
        url = self._shop.models_url
        return f"Bring {url} back from its backup, or delete its {LEDGER} to begin as a new shop."

    async def _stored(self, card: Card) -> Model:
        """Return a model that Redis has, or has again."""
        try:
            there = await self._registry.model(card.version)
        except ModelInvalidError:
            there = None  # the artifact may be better than what Redis has of it
        if there is not None:
            return there
        url, cache = self._shop.models_url, self._shop.cache
        model, found = await asyncio.to_thread(fetch_model, url, card, cache)
        await self._registry.add(found)
        await self._registry.store(model)
        return model

    async def _first(self) -> list[Model]:
        """Fit the first model, once the whole catalogue is there and large enough, or quiet."""
        if not await self._complete.holds():
            return []
        if self._fitted is None:
            texts = await self.texts()
            if not await self._suffice(len(texts)) or not await self._complete.holds():
                return []
            self._fitted = await self._fit(texts)
        return [self._fitted[0]]

    async def fit(self) -> Model | None:
        """Fit a model of the settings' encoder beside the one that serves; None without texts."""
        texts = await self.texts()
        if not texts:
            return None
        model, card = await self._fit(texts)
        await self._registry.store(model)
        await self._registry.add(card)
        return model

    async def _fit(self, texts: Mapping[int, str]) -> tuple[Model, Card]:
        source = self._shop.encoder_source
        return await fit_first_model(texts, self._encoder, source, self._catalogue)

    async def texts(self) -> dict[int, str]:
        """Return every text of the catalogue by its ref."""
        ids = await self._catalogue.all_ids()
        texts: dict[int, str] = {}
        for start in range(0, len(ids), ITEMS_AT_ONCE):
            items = await self._catalogue.get_items(ids[start : start + ITEMS_AT_ONCE])
            known = (item for item in items if item is not None and not item.withdrawn)
            texts |= {text_ref(text): text for item in known for text in texts_of(item)}
        return texts

    async def _suffice(self, count: int) -> bool:
        if count >= self._shop.enough:
            return True
        end, (known, since) = await self._catalogue.cursor(), self._quiet
        if end != known:
            self._quiet = end, monotonic()
            return False
        return count > 0 and monotonic() - since > self._shop.patience.total_seconds()

    async def _published(self, version: str) -> Card:
        """Return a model's card, after its artifact has been published if it had none."""
        model = await self._registry.model(version)
        if model is None:
            msg = f"{version}: its arrays are gone"
            raise ModelInvalidError(msg)
        try:
            card = (await self._registry.entry(version)).card
        except ModelNotFoundError:
            card = plain_card(model, datetime.now(UTC))
        if card.artifact is None:
            card = await asyncio.to_thread(publish_model, self._shop.models_url, model, card)
            await self._registry.add(card)
        return card
