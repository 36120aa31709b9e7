"""Where the encoders of a worker come from, as its settings say."""

from functools import partial

from portrait.settings import Settings
from portrait.text.text_encoder import BertEncoder, load_encoder, name_of
from workers.encoders import Encoders, Sources
from workers.roots.wires import Wires


def encoders_of(settings: Settings, wires: Wires) -> Encoders:
    """Say where encoders are to be found; they are loaded as they are needed."""
    sources = Sources(settings.encoder, partial(_encoder, settings), name_of)
    return Encoders(sources, wires.registry, settings.model_cache)


def _encoder(settings: Settings, source: str) -> BertEncoder:
    return load_encoder(
        source,
        backend=settings.encoder_backend,
        most_tokens=settings.encoder_tokens,
        threads=settings.encoder_threads,
    )
