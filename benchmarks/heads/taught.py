"""What somebody's newest events say, as vectors side by side: of texts, and of what was learned.

newest events ─▶ texts, by a frozen BERT, whitened ─▶ painted short and long, mean of all
              ─▶ behaviour encoder, learned before the validation begins ─▶ state

A category has a vector for each, so that how like it somebody is can be asked: of its own words, of
the texts of its items, and of its items where the behaviour encoder sees them.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.heads.shops import Shop
from portrait.arrays import MISSING, Floats, Refs, Rows, positions
from portrait.dataset.interactions import Interactions
from portrait.dataset.sequences import sequences_of
from portrait.inference.paint import vector_weights
from portrait.model.behaviour import Behaviour
from portrait.model.encoder import TextEncoder
from portrait.model.recency import Events
from portrait.model.space import Space, Vectors, fit_space, unit
from portrait.profiles.layout import LONG, SHORT
from portrait.training.loop.train import Course, train
from portrait.training.ranker.behaviour_encoder import BehaviourEncoder, EncoderShape
from portrait.training.ranker.fit_ranker import RankerCourse
from portrait.training.ranker.next_item import NextItem, NextItemLesson

DIM = 128  # of states, as the trainer has it
PART = 500  # users whose vectors are gathered at once: 33 MB


@dataclass(frozen=True, slots=True)
class Taught:
    """Reads rings; items that share a text are one."""

    refs: Refs  # (N,), ascending: item_ref
    rows: Rows  # (N,), row of each item's text
    texts: Vectors  # (T, K)
    placed: Floats  # (T, DIM), where the behaviour encoder sees them
    behaviour: Behaviour

    @property
    def parts(self) -> dict[str, slice]:
        """Where in the states each vector lies."""
        wide = self.texts.shape[1]
        ends = np.cumsum([0, wide, wide, wide, self.placed.shape[1]]).tolist()
        names = ("short", "long", "mean", "behaviour")
        return {name: slice(*ends[place : place + 2]) for place, name in enumerate(names)}

    def __call__(self, ring: NDArray[np.void]) -> Floats:
        """Return the states (A, 3 K + DIM) of rings (A, RING)."""
        parts = [self._states(ring[at : at + PART]) for at in range(0, len(ring), PART)]
        return np.concatenate(parts) if parts else np.zeros((0, self._width), np.float32)

    def likened(
        self, of_items: Rows, words: Vectors, categories: int
    ) -> dict[str, dict[str, Floats]]:
        """Return a vector of each category (C, ...), by what it is made of and by part.

        Args:
            of_items: (N,), the category of each item, in order of `refs`, or MISSING.
            words: (C, K), of the categories' own words.
            categories: Their number C.
        """
        kept = np.unique(np.stack([of_items, self.rows])[:, of_items != MISSING], axis=1)
        member = np.zeros((categories, len(self.texts)), np.float32)
        member[kept[0], kept[1]] = 1
        texts, placed = unit(member @ self.texts), unit(member @ self.placed)
        by_text = dict.fromkeys(("short", "long", "mean"), texts)
        by_word = dict.fromkeys(("short", "long", "mean"), words)
        return {"words": by_word, "items": {**by_text, "behaviour": placed}}

    @property
    def _width(self) -> int:
        return 3 * int(self.texts.shape[1]) + int(self.placed.shape[1])

    def _states(self, ring: NDArray[np.void]) -> Floats:
        place = positions(self.refs, np.ascontiguousarray(ring["ref"]))
        known = place != MISSING
        rows = np.where(known, self.rows[place], MISSING)
        events = Events.of_ring(ring, known)
        weight = vector_weights(events) * known[:, None]
        every = known[:, None].astype(np.float32)
        weight = np.concatenate([weight[:, [SHORT, LONG]], every], axis=1)  # (A, 3, S)
        by_text = unit(weight @ self.texts[rows]).reshape(len(ring), -1)
        learned = self.behaviour.states(self.placed, rows, events)
        return np.concatenate([by_text, learned], axis=1)


def teach(shop: Shop, encoder: TextEncoder, before: int, epochs: int) -> tuple[Taught, Space]:
    """Encode each text once, and learn behaviour from what was before a moment, ms."""
    unique = sorted(set(shop.texts))
    place = {text: row for row, text in enumerate(unique)}
    embeddings = encoder.encode(unique)
    space = fit_space(encoder.name, embeddings)
    texts = space.place(embeddings)
    rows = np.array([place[text] for text in shop.texts])
    behaviour = _behaviour(shop.interactions.before(before), rows, texts, epochs)
    refs = np.arange(1, len(unique) + 1).astype(np.uint64)
    order = np.argsort(shop.interactions.items)
    items = shop.interactions.items[order]
    placed = behaviour.items(refs, texts)
    return Taught(items, rows[order], texts, placed, behaviour), space


def _behaviour(past: Interactions, rows: Rows, texts: Vectors, epochs: int) -> Behaviour:
    """Learn what comes next, of texts instead of items: those of one text are as good as one."""
    refs = np.arange(1, len(texts) + 1).astype(np.uint64)
    past = replace(past, item=rows[past.item], items=refs)
    counts = np.bincount(past.item, minlength=len(texts)).astype(np.float32)
    course = RankerCourse(EncoderShape(DIM), Course(epochs=epochs))
    torch.manual_seed(course.course.seed)
    encoder = BehaviourEncoder(texts, counts, course.shape)
    module = NextItem(encoder, temperature=course.temperature)
    lesson = NextItemLesson(module, sequences_of(past), None, course.examples)
    train(lesson, course.course)
    return encoder.exported(refs)
