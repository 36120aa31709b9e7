"""The bench: the texts of a training in the spaces of champion and challenger.

texts ─▶ vectors of each space, from the store or by its encoder ─▶ kept in the version's folder
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from portrait.dataset.stock import Stock, place_searches, place_texts
from portrait.evaluation.exam import Exam
from portrait.evaluation.trial import HeadFigures
from portrait.files import replacing
from portrait.lifecycle.learner import Grounds, NothingToLearnError, Progress
from portrait.model.encoder import TextEncoder
from portrait.model.learned import Learned
from portrait.model.model import Model
from portrait.model.space import Space, Vectors, fit_space
from portrait.ref import text_ref
from portrait.training.examiner import Examined, Misreading
from portrait.training.examiner import misread as read_misread
from portrait.training.material import Material
from portrait.training.text.retext import own_encoder

FITTED_TEXTS = 4_000  # that a whitening is fitted on: ten for each of 384 directions


@dataclass(frozen=True, slots=True)
class Context:
    """What one training has on the table."""

    folder: Path  # of the version, by whose name
    champion: Model | None
    ground: Model | None  # in whose space it learns, unless the encoder is its own
    material: Material
    space: Space  # the challenger's
    texts: Vectors  # (N + Q, K), of items and of searches, in that space
    their_texts: Vectors  # (N + Q, K), in the champion's
    encoder: TextEncoder  # of that space
    their_encoder: TextEncoder | None

    @property
    def taught(self) -> Learned | None:
        """What the champion has learned, in this space."""
        champion = self.champion
        return champion.learned if champion and champion.space.id == self.space.id else None

    def ours(self, learned: Learned | None, heads: Mapping[str, HeadFigures]) -> Examined:
        """Return the challenger as it is examined."""
        name, traits = self.folder.name, self.material.traits
        return Examined(name, self.space, learned, self.texts, heads, traits)


class Reader:
    """Places the texts of a training in the spaces of both models. It keeps what it placed."""

    def __init__(
        self,
        stock: Stock,
        encoder: TextEncoder | None,
        grounds: Grounds | None,
        threads: int,
    ) -> None:
        self._stock = stock
        self._encoder = encoder
        self._grounds = grounds
        self._threads = threads
        self._last_misread: tuple[str, str, Misreading] | None = None  # version, encoder

    def bench(
        self,
        folder: Path,
        champion: Model | None,
        material: Material,
        progress: Progress,
        basis: Model | None = None,
    ) -> Context:
        """Place the texts of items and searches in both models' spaces.

        Args:
            folder: Of the version.
            champion: Who serves.
            material: What is learned from.
            progress: Who is told.
            basis: In whose space to learn, if not in the champion's.
        """
        theirs = None if champion is None else self._reader(champion)
        ground = basis or champion
        there = theirs if ground is champion or ground is None else self._reader(ground)
        own = own_encoder(folder, self._threads)
        ours = own or there or self._encoder
        if ours is None:
            msg = "The encoder of what this training stands on cannot be loaded: see the log."
            raise NothingToLearnError(msg)
        if ground is not None and ours is there:
            space = ground.space
        else:
            space = _fitted(folder, ours, material)
        texts = self._vectors(folder, space, ours, material, progress)
        their_texts = texts
        if champion is not None and champion.space.id != space.id:
            their_texts = self._vectors(folder, champion.space, theirs, material, progress)
        return Context(folder, champion, ground, material, space, texts, their_texts, ours, theirs)

    def misread(self, bench: Context, exam: Exam, encoder: TextEncoder | None) -> Misreading | None:
        """Read texts with typing errors: once with each encoder."""
        if encoder is None:
            return None
        key = bench.folder.name, encoder.name
        if self._last_misread is None or self._last_misread[:2] != key:
            self._last_misread = *key, read_misread(exam, bench.material.texts, encoder)
        return self._last_misread[2]

    def _reader(self, model: Model) -> TextEncoder | None:
        """Return the encoder of a model, if it is to be had."""
        if self._encoder is not None and model.space.encoder == self._encoder.name:
            return self._encoder
        return None if self._grounds is None else self._grounds.encoder_of(model)

    def _vectors(
        self,
        folder: Path,
        space: Space,
        encoder: TextEncoder | None,
        material: Material,
        progress: Progress,
    ) -> Vectors:
        """Place the texts of items and searches, or read where they were placed."""
        path = folder / f"texts-{space.id}.npz"
        if not path.exists():
            items = place_texts(material.texts, space, self._stock, encoder, progress)
            searches = place_searches(material.queries, space, self._stock, encoder)
            with replacing(path) as file:
                np.savez(file, allow_pickle=False, texts=np.r_[items, searches])
        with np.load(path) as arrays:
            vectors: Vectors = arrays["texts"]
            return vectors


def _fitted(folder: Path, encoder: TextEncoder, material: Material) -> Space:
    """Fit a space of an encoder on the catalogue, or read the one that was fitted."""
    path = folder / "space.npz"
    if not path.exists():
        distinct = sorted({text for text in material.texts if text}, key=text_ref)
        space = fit_space(encoder.name, encoder.encode(distinct[:FITTED_TEXTS]))
        with replacing(path) as file:
            np.savez(file, allow_pickle=False, mean=space.mean, axes=space.axes)
    with np.load(path) as arrays:
        return Space(encoder.name, arrays["mean"], arrays["axes"])
