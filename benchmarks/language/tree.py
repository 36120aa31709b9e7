"""Where labels are paths of a tree: how often its top is right, and what is said where it is sure.

From the probability on that is right for .95 of the validation texts, the deepest path is said.
"""

import numpy as np

from benchmarks.language.run import Said
from benchmarks.language.sets import TextSet
from portrait.events.category import SEPARATOR
from portrait.model.places import places_of
from portrait.model.task_head import SILENT
from portrait.training.tasks.fit_place import least_for, rightly
from portrait.training.tasks.place import Placed


def tree_figures(texts: TextSet, said: Said) -> dict[str, float]:
    """Return the figures of a tree; none, if the labels are none."""
    labels = texts.task.labels
    if not any(SEPARATOR in label for label in labels):
        return {}
    places = places_of(labels)
    chosen, judged = (
        Placed(part.texts, [labels[code] for code in part.targets.tolist()])
        for part in (texts.task.valid, texts.test)
    )
    least = least_for(places, said.valid, chosen)
    likely = places.likely(said.test)
    paths = places.deepest(likely, least)
    spoken, right = paths != SILENT, rightly(places, paths, judged)
    tops = np.flatnonzero(places.depth == 1)
    top = tops[likely[:, tops].argmax(axis=1)]
    return {
        "top": float(rightly(places, top, judged).mean()),
        "said": float(spoken.mean()),
        "said_precision": float(right[spoken].mean()) if spoken.any() else 0.0,
    }
