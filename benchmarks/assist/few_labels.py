"""Few labels: how many it takes to be nearly as good as with all, chosen or drawn."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.assist.sets import Part, Task
from portrait.arrays import Rows
from portrait.helpdesk.choosing import next_to_label, uncertainty
from portrait.helpdesk.intents import IntentHead, head_of_words
from portrait.model.space import Vectors
from portrait.training.heads.fit_intents import LIKELIER, fit_weights

STRENGTH = 30.0
NEARLY = 0.95  # of the accuracy with all labels

Choose = Callable[[Part, Rows, IntentHead, int, int], Rows]


@dataclass(frozen=True, slots=True)
class Curve:
    """Accuracy by how many labels there are."""

    labels: tuple[int, ...]
    accuracy: tuple[float, ...]

    def needed(self, accuracy: float) -> int | None:
        """Return with how many labels it is reached; None: it is not."""
        reached = (
            labels
            for labels, each in zip(self.labels, self.accuracy, strict=True)
            if each >= accuracy
        )
        return next(reached, None)


def actively(pool: Part, left: Rows, head: IntentHead, count: int, _seed: int) -> Rows:
    """Choose as `GET /labels/next` does."""
    vectors = pool.vectors[left]
    return left[next_to_label(vectors, uncertainty(head(vectors)), count)]


def at_random(_pool: Part, left: Rows, _head: IntentHead, count: int, seed: int) -> Rows:
    """Draw."""
    return np.random.default_rng((seed, len(left))).permutation(left)[:count]


def curve(task: Task, choose: Choose, batch: int, most: int, seed: int = 0) -> Curve:
    """Label in batches, learn after each, and be judged."""
    pool, test = task.train, task.test
    left = np.arange(len(pool.codes))
    head = of_words(task, task.class_vectors)
    taken: list[Rows] = []
    labels, accuracy = [0], [right(head, test)]
    while labels[-1] < most:
        rows = choose(pool, left, head, min(batch, most - labels[-1]), seed)
        taken.append(rows)
        left = np.setdiff1d(left, rows)
        head = learned(task, pool.at(np.concatenate(taken)))
        labels.append(labels[-1] + len(rows))
        accuracy.append(right(head, test))
    return Curve(tuple(labels), tuple(accuracy))


def learned(task: Task, part: Part) -> IntentHead:
    """Fit a head of one strength, on labels and on the classes' own words."""
    vectors = np.concatenate([part.vectors, task.class_vectors])
    codes = np.concatenate([part.codes, np.arange(len(task.classes))])
    weights, bias = fit_weights(vectors, codes, STRENGTH, len(task.classes))
    return IntentHead(task.encoder, task.classes, weights, bias, 1.0, LIKELIER)


def of_words(task: Task, vectors: Vectors) -> IntentHead:
    """Make the head of who has no labels."""
    return head_of_words(task.encoder, task.classes, vectors, np.arange(len(task.classes)))


def right(head: IntentHead, part: Part) -> float:
    """Return the accuracy."""
    return float((head(part.vectors).argmax(axis=1) == part.codes).mean())
