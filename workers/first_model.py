"""The first model: a space fitted on the catalogue, as soon as there is enough of one.

Later models come from the trainer. This one needs no training: the pretrained encoder, whitened.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import structlog

from portrait.catalogue import texts_of
from portrait.encoder import TextEncoder
from portrait.model_index import Card, ModelIndex
from portrait.ref import text_ref
from portrait.space import fit_space
from portrait.store import CatalogueStore, Model, ModelRegistry
from portrait.stream import Batch
from workers.index import decode_items

POLL_SECONDS = 0.2
MOST_TEXTS = 4_000  # that a whitening is fitted on: ten for each of 384 directions

log = structlog.get_logger()


async def await_model(registry: ModelRegistry, closing: asyncio.Event) -> Model | None:
    """Wait until a model is in service; None if told to stop before."""
    log.info("waiting_for_model", reason="the index worker makes it once it sees a catalogue")
    while not closing.is_set():
        model = await registry.champion()
        if model is not None:
            return model
        await asyncio.sleep(POLL_SECONDS)
    return None


async def gather_catalogue(
    batches: AsyncIterator[Batch], *, enough: int, patience: timedelta
) -> list[Batch]:
    """Read batches until they hold `enough` distinct texts, or at least one and then a pause."""
    gathered: list[Batch] = []
    texts: set[str] = set()
    quiet_since = time.monotonic()
    async for batch in batches:
        if batch.records:
            gathered.append(batch)
            texts.update(_texts(batch))
            quiet_since = time.monotonic()
        quiet = time.monotonic() - quiet_since
        if len(texts) >= enough or (texts and quiet > patience.total_seconds()):
            break
    return gathered


async def fit_first_model(
    gathered: list[Batch],
    encoder: TextEncoder,
    registry: ModelRegistry,
    models: ModelIndex,
    store: CatalogueStore,
) -> Model:
    """Fit a space on texts of these batches, store their vectors, and put the model in service."""
    refs = sorted({text_ref(text): text for batch in gathered for text in _texts(batch)}.items())
    texts = [text for _, text in refs[:MOST_TEXTS]]  # by hash: an even sample, always the same
    log.info("space_fitting", texts=len(texts), encoder=encoder.name)
    embeddings = await asyncio.to_thread(encoder.encode, texts)
    space = fit_space(encoder.name, embeddings)
    now = datetime.now(UTC)
    model = Model(f"pretrained-{now:%Y%m%dT%H%M%SZ}-{space.id[:8]}", space)
    sampled = [ref for ref, _ in refs[:MOST_TEXTS]]
    await store.put_vectors(space.id, sampled, space.place(embeddings))
    await models.add(
        Card(version=model.version, created_at=now, encoder=encoder.name, space_id=space.id)
    )
    await registry.promote(model)
    log.info("model_promoted", model_version=model.version, texts=len(texts), by="first_model")
    return model


async def chained(first: list[Batch], rest: AsyncIterator[Batch]) -> AsyncIterator[Batch]:
    """Yield the batches already read, then the others."""
    for batch in first:
        yield batch
    async for batch in rest:
        yield batch


def _texts(batch: Batch) -> set[str]:
    return {text for item in decode_items(batch.records).items for text in texts_of(item)}
