"""A learner of nonsense, for rehearsals: its challengers have to be refused."""

from dataclasses import replace

import numpy as np

from portrait.dataset.interactions import NO_ITEM
from portrait.training.context import Context
from portrait.training.learner import ArchiveLearner
from portrait.training.material import Material


class ShuffledLearner(ArchiveLearner):
    """Learns from events with each item in another's place; it is examined as every other."""

    def lessons(self, context: Context) -> Material:
        """Return the same with each item in another's place."""
        return shuffled(context.material)


def shuffled(material: Material, seed: int = 0) -> Material:
    """Return the same with each item in another's place: not even what is popular is true."""
    other = np.random.default_rng(seed).permutation(len(material.events.items))
    item = np.append(other, NO_ITEM)[material.events.item]  # NO_ITEM reads the last
    return replace(material, events=replace(material.events, item=item))
