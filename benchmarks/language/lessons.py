"""What a recipe learns from besides labels: their names, or what an ensemble says of more texts.

    named       the names of the labels are texts of theirs
    distilled   the seeds of another recipe, together, say how likely each label is: half of what
                holds of a labelled text, all of what does of one without a label

Source of the second: Hinton et al., Distilling the Knowledge in a Neural Network, 2015; with texts
without labels: Xie et al., Self-training with Noisy Student, CVPR 2020.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.language.recipes import Recipe
from benchmarks.language.sets import TextSet
from portrait.arrays import Floats
from portrait.events.category import SEPARATOR
from portrait.training.tasks.task import Labelled, Task


def lesson_of(texts: TextSet, recipe: Recipe, teachers: Sequence[Path]) -> Task:
    """Return what a recipe learns from.

    Args:
        texts: The set.
        recipe: How to learn.
        teachers: Files that `save_teaching` has written; only if the recipe has teachers.
    """
    if recipe.named:
        return _named(texts.task)
    if recipe.teachers:
        return _distilled(texts, teachers)
    return texts.task


def save_teaching(path: Path, labelled: Floats, unlabelled: Floats) -> None:
    """Write what a teacher says of the texts to learn from, (N, C), and of others, (M, C)."""
    np.savez(path, labelled=labelled, unlabelled=unlabelled)


def _named(task: Task) -> Task:
    names = [label.replace("_", " ").lower().replace(SEPARATOR, ", ") for label in task.labels]
    codes = np.concatenate([task.train.targets, np.arange(len(names))])
    return replace(task, train=Labelled([*task.train.texts, *names], codes))


def _distilled(texts: TextSet, teachers: Sequence[Path]) -> Task:
    task, said = texts.task, [np.load(path) for path in teachers]
    labelled, others = (
        np.mean([each[name] for each in said], axis=0) for name in ("labelled", "unlabelled")
    )
    holds = np.eye(len(task.labels), dtype=np.float32)[task.train.targets]
    targets = np.concatenate([(holds + labelled) / 2, others]).astype(np.float32)
    return replace(task, train=Labelled([*task.train.texts, *texts.unlabelled], targets))
