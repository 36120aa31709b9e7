"""The index: which of very many items are worth scoring.

what is asked for ─▶ the best codes of warm items, and of cold ones ─▶ the best of both, as rows

An item's vector is all that a score is a product with: where the model has placed it, its text, and
codes of its category, of the widest one that this lies in, and of its price level. What is found is
scored by the same scorer as ever, so the index decides what is looked at, and no score.

A category's code is drawn: codes of two categories are nearly at right angles, so the product with
a sum of codes, each as much as its category counts, is what one of them counts, nearly.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from portrait.arrays import MISSING, Codes, Flags, Floats, Rows, largest
from portrait.catalogue.traits import LEVELS, NO_LEVEL
from portrait.inference.aim import Aim, Aims
from portrait.inference.quantised import Quantised
from portrait.inference.shelf import Shelf

CODE = 32  # numbers of a category's code
LEAST_CODED = 1_000  # of fewer warm items, or cold ones, all are looked at


@dataclass(frozen=True, slots=True)
class Index:
    """Codes of N items, as they were when it was built."""

    warm: Quantised | Rows  # rows, where there are few
    cold: Quantised | Rows
    interests: Floats  # (C, CODE)
    tops: Floats  # (widest categories, CODE)
    top_of: Codes  # (C,)
    text: Codes  # (N,), rows of the shelf's vectors
    place: Codes  # (N,)
    category: Codes  # (N,)

    def __len__(self) -> int:
        return len(self.text)

    @property
    def size(self) -> int:
        """What it takes in memory, in bytes."""
        codes = (each for each in (self.warm, self.cold) if isinstance(each, Quantised))
        arrays = self.interests, self.tops, self.text, self.place, self.category
        return sum(each.size for each in codes) + sum(each.nbytes for each in arrays)

    def fresh(self, shelf: Shelf) -> Rows:
        """Return the rows of a shelf that are new, or not what they were: those to look at."""
        known = len(self)
        changed = self.text != shelf.text[:known]
        changed |= self.place != shelf.place[:known]
        changed |= self.category != shelf.interest[:known]
        changed &= shelf.told[:known]
        fresh: Rows = np.r_[np.flatnonzero(changed), np.arange(known, len(shelf))]
        return fresh

    def nearest(self, aims: Aims, allowed: Flags, most: int) -> Rows:
        """Return the rows that promise most, of those that are allowed, (N,); in any order."""
        found, promise = list[Rows](), list[Floats]()
        few = list[Rows]()
        for codes, aim in ((self.warm, aims.warm), (self.cold, aims.cold)):
            if isinstance(codes, Quantised):
                rows, products = codes.nearest(self._question(aim), allowed[: len(self)], most)
                found.append(rows)
                promise.append(products)
            else:
                few.append(codes[allowed[codes]])
        best = largest(np.concatenate(promise), most) if promise else np.zeros(0, np.int64)
        every: Rows = np.concatenate([np.concatenate([*found, best[:0]])[best], *few])
        return every

    def _question(self, aim: Aim) -> Floats:
        """Return what codes are asked with, (W,)."""
        known = len(self.top_of)
        kin = aim.kin[:known]
        counts = np.bincount(self.top_of, minlength=len(self.tops))
        wide = np.bincount(self.top_of, kin, len(self.tops)) / np.maximum(counts, 1)
        own = kin - wide[self.top_of]  # what is left: less of it goes astray
        parts = aim.behaviour, aim.text, own @ self.interests, wide @ self.tops, aim.price
        question: Floats = _even(np.concatenate(parts)[None].astype(np.float32))[0]
        return question


def build(shelf: Shelf) -> Index:
    """Encode a shelf's items: some 30 us each, of one core.

    Raises:
        IndexNotBuiltError: It could not be.
    """
    top_of = shelf.traits.top_of
    draw = np.random.default_rng(0)
    interests, tops = _codes(draw, len(top_of)), _codes(draw, int(top_of.max(initial=-1)) + 1)

    def vectors_of(rows: Rows) -> Floats:
        category, level = shelf.interest[rows], shelf.traits.level[rows]
        top = np.r_[top_of, MISSING][category]
        priced = np.eye(LEVELS, dtype=np.float32)[np.minimum(level, LEVELS - 1)]
        priced[level == NO_LEVEL] = 0
        parts = (
            _at(shelf.placed, shelf.place[rows]),
            _at(shelf.matrix, shelf.text[rows]),
            _at(interests, category),
            _at(tops, top),
            priced,
        )
        return _even(np.concatenate(parts, axis=1))

    width = vectors_of(np.zeros(0, np.int64)).shape[1]
    is_cold = shelf.neighbour == MISSING
    return Index(
        _encode(np.flatnonzero(shelf.told & ~is_cold), width, vectors_of),
        _encode(np.flatnonzero(shelf.told & is_cold), width, vectors_of),
        interests,
        tops,
        top_of,
        shelf.text,
        shelf.place,
        shelf.interest,
    )


def _encode(rows: Rows, width: int, vectors_of: Callable[[Rows], Floats]) -> Quantised | Rows:
    return rows if len(rows) < LEAST_CODED else Quantised(rows, width, vectors_of)


def _codes(draw: np.random.Generator, count: int) -> Floats:
    """Draw codes of length 1, (count, CODE), of numbers that pairs hold without loss."""
    signs = draw.choice([-1, 1], (count, CODE)).astype(np.float32)
    codes: Floats = signs / np.float32(CODE**0.5)
    return codes


def _at(vectors: Floats, rows: Rows) -> Floats:
    """Return vectors by row, (n, D); zeros where a row is MISSING."""
    found = np.zeros((len(rows), vectors.shape[1]), np.float32)
    here = rows != MISSING
    found[here] = vectors[rows[here]]
    return found


def _even(vectors: Floats) -> Floats:
    """Return vectors of an even width: two numbers have a code."""
    is_odd = vectors.shape[1] % 2
    return np.pad(vectors, ((0, 0), (0, 1))) if is_odd else vectors
