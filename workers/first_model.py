"""The first model: a space fitted on the catalogue, once the whole of it has been read.

Later models come from the trainer. This one needs no training: the pretrained encoder, whitened.
So does the first model of another encoder.
"""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime

import structlog

from portrait.catalogue.store import CatalogueStore
from portrait.errors import ModelInvalidError, StoreUnavailableError
from portrait.lifecycle.registry import Card, Registry
from portrait.model.encoder import TextEncoder
from portrait.model.model import Model
from portrait.model.space import fit_space

POLL_SECONDS = 0.2
AWAY_SECONDS = 1.0  # between two tries while Redis is away, or what it has cannot be read
MOST_TEXTS = 4_000  # that a whitening is fitted on: ten for each of 384 directions

log = structlog.get_logger()


async def await_model(registry: Registry, closing: asyncio.Event) -> Model | None:
    """Wait until a model is in service; None if told to stop before."""
    log.info("waiting_for_model", reason="the index worker makes it, or brings it back")
    while not closing.is_set():
        try:
            model = await registry.champion()
        except (StoreUnavailableError, ModelInvalidError) as error:
            log.warning("model_not_read", reason=str(error), retry_seconds=AWAY_SECONDS)
            await asyncio.sleep(AWAY_SECONDS)
            continue
        if model is not None:
            return model
        await asyncio.sleep(POLL_SECONDS)
    return None


async def fit_first_model(
    texts: Mapping[int, str], encoder: TextEncoder, source: str, store: CatalogueStore
) -> tuple[Model, Card]:
    """Fit a space on a catalogue's texts, by ref, and store their vectors. It serves nobody yet."""
    sample = dict(sorted(texts.items())[:MOST_TEXTS])  # by hash: an even one, always the same
    log.info("space_fitting", texts=len(sample), encoder=encoder.name)
    embeddings = await asyncio.to_thread(encoder.encode, list(sample.values()))
    space = fit_space(encoder.name, embeddings)
    now = datetime.now(UTC)
    model = Model(f"pretrained-{now:%Y%m%dT%H%M%SZ}-{space.id[:8]}", space)
    await store.put_vectors(space.id, list(sample), space.place(embeddings))
    card = Card(
        version=model.version,
        created_at=now,
        encoder=encoder.name,
        base_encoder=encoder.name,
        encoder_source=source,
        space_id=space.id,
    )
    return model, card
