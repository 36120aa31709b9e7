"""How good a reading is: the figure that decides, and all that is told beside it."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import Codes, Flags, Floats
from portrait.evaluation.classification import (
    average_precision,
    binary_figures,
    macro_average_precision,
    multiclass_figures,
    reliability,
)
from portrait.model.task_head import Kind
from portrait.training.tasks.task import Labelled, Targets

BOTH = 2  # labels, of which one holds: then there is an order of probability


def deciding(kind: Kind, targets: Targets, likely: Floats) -> float:
    """Return what decides, from 0 to 1; the higher the better.

    Of two labels the average precision of the second; of more the accuracy; where several may hold
    the mean of their average precisions; in a row the mean closeness to what was said.

    Args:
        kind: Of the task.
        targets: (B,) codes; or (B, C) flags.
        likely: (B, C), probabilities.
    """
    if kind == "many":
        return macro_average_precision(targets.astype(np.bool_), likely)
    if kind == "ordinal":
        return 1 - _distance(targets, likely) / (len(likely[0]) - 1)
    if likely.shape[1] == BOTH:
        holds: Flags = targets == 1
        return average_precision(holds, likely[:, 1])
    right: Flags = likely.argmax(axis=1) == targets
    return float(right.mean())


def figures(kind: Kind, targets: Targets, likely: Floats) -> dict[str, float]:
    """Return every figure of a reading, by name, the one that decides first."""
    return {"deciding": deciding(kind, targets, likely), **_all(kind, targets, likely)}


def by_slice(kind: Kind, texts: Labelled, likely: Floats) -> dict[str, dict[str, dict[str, float]]]:
    """Return the figures of the texts of each language, source and so on: by slice and value."""
    return {
        name: {
            str(value): figures(kind, texts.targets[values == value], likely[values == value])
            for value in np.unique(values)
        }
        for name, values in texts.slices.items()
    }


def confusion(kind: Kind, targets: Targets, likely: Floats) -> NDArray[np.int64]:
    """Count what was said (columns) of what holds (rows), (C, C); of several labels how often both.

    There the diagonal says how often a label was found.
    """
    labels = likely.shape[1]
    if kind == "many":
        return targets.astype(np.int64).T @ (likely >= 1 / BOTH).astype(np.int64)
    said = likely.argmax(axis=1)
    counts: NDArray[np.int64] = np.bincount(targets * labels + said, minlength=labels**2)
    return counts.reshape(labels, labels)


def believed(kind: Kind, targets: Targets, likely: Floats) -> list[dict[str, float]]:
    """Return the reliability diagram: how sure a reading was, and how often it was right."""
    if kind == "many":
        right, sure = targets.astype(np.bool_).ravel(), likely.ravel()
    else:
        right, sure = likely.argmax(axis=1) == targets, likely.max(axis=1)
    return [
        {"examples": each.examples, "said": each.predicted, "came": each.observed}
        for each in reliability(right, sure)
    ]


def rounded(told: Mapping[str, float], places: int = 4) -> dict[str, float]:
    """Return figures as they are printed."""
    return {name: round(value, places) for name, value in told.items()}


def _all(kind: Kind, targets: Targets, likely: Floats) -> dict[str, float]:
    if kind == "many":
        return binary_figures(targets.astype(np.bool_), likely)
    if likely.shape[1] == BOTH:
        return binary_figures(targets == 1, likely[:, 1])
    told = multiclass_figures(targets, likely)
    return told | ({"distance": _distance(targets, likely)} if kind == "ordinal" else {})


def _distance(targets: Codes, likely: Floats) -> float:
    """Return how many steps the expected label is away, on average."""
    expected = likely @ np.arange(likely.shape[1])
    return float(np.abs(expected - targets).mean())
