"""Text vectors of a catalogue: read once by the bundled encoder, kept by what was read."""

from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np
from tqdm import tqdm

from portrait.model.encoder import TextEncoder
from portrait.model.space import Vectors, fit_space
from portrait.text.text_encoder import load_encoder

ENCODER = "bundled"
TEXTS_AT_ONCE = 512


def text_vectors(texts: Sequence[str], cache: Path, threads: int) -> Vectors:
    """Return the whitened vectors of texts in the space of their own catalogue, (N, K)."""
    return fit_space(ENCODER, embeddings := _embeddings(texts, cache, threads)).place(embeddings)


def read_all(encoder: TextEncoder, texts: Sequence[str]) -> Vectors:
    """Encode texts with a progress bar, (N, D)."""
    starts = tqdm(range(0, len(texts), TEXTS_AT_ONCE), "reading texts", leave=False)
    return np.concatenate([encoder.encode(texts[at : at + TEXTS_AT_ONCE]) for at in starts])


def _embeddings(texts: Sequence[str], cache: Path, threads: int) -> Vectors:
    digest = blake2b(digest_size=8)
    for text in (ENCODER, *texts):
        digest.update(text.encode() + b"\0")
    path = cache / f"texts-{digest.hexdigest()}.npy"
    if path.exists():
        kept: Vectors = np.load(path)
        return kept
    embeddings = read_all(load_encoder(ENCODER, threads=threads), texts)
    cache.mkdir(parents=True, exist_ok=True)
    np.save(path, embeddings)
    return embeddings
