"""Places: where an item lies in the tree of categories, said as deep as it is sure enough.

probabilities of paths (B, C) ─▶ of every path that they lie in (B, P) ─▶ the deepest sure one

A catalogue's tree is known from its paths alone: `Grocery > Tea` lies in `Grocery`.

Source: Deng et al., Hedging Your Bets: Optimizing Accuracy-Specificity Trade-offs in Large Scale
Visual Recognition, CVPR 2012, section 3.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from portrait.arrays import Flags, Floats, Rows
from portrait.events.category import paths_to
from portrait.model.task_head import SILENT


@dataclass(frozen=True, slots=True)
class Places:
    """The paths of a tree, and which of them lie in which."""

    paths: tuple[str, ...]  # P: the labels', and all that they lie in
    depth: Rows  # (P,), from 1
    holds: Flags  # (C, P): whether a label lies in a path

    def likely(self, labels: Floats) -> Floats:
        """Add up the probabilities of labels, (B, C), to those of paths, (B, P)."""
        likely: Floats = np.minimum(labels @ self.holds.astype(np.float32), np.float32(1))
        return likely

    def deepest(self, likely: Floats, least: float) -> Rows:
        """Return the deepest path that is so likely, (B,); of equally deep ones the likeliest.

        SILENT where there is none.
        """
        if least > 1:
            return np.full(len(likely), SILENT)
        rank = np.where(likely >= least, self.depth + likely / 2, 0)
        deepest: Rows = np.where(rank.max(axis=1) > 0, rank.argmax(axis=1), SILENT)
        return deepest


def places_of(labels: Sequence[str]) -> Places:
    """Return the tree that some paths span."""
    ways = [paths_to(label) for label in labels]
    depths = {path: depth for way in ways for depth, path in enumerate(way, start=1)}
    paths = tuple(sorted(depths))
    column = {path: place for place, path in enumerate(paths)}
    holds = np.zeros((len(labels), len(paths)), np.bool_)
    for row, way in enumerate(ways):
        holds[row, [column[path] for path in way]] = True
    return Places(paths, np.array([depths[path] for path in paths], np.int64), holds)
