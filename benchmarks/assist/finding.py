"""Finding: the help text of a question's class, by words, by meaning, and by both."""

import numpy as np

from benchmarks.assist.sets import Task, few_of_each
from portrait.arrays import Codes
from portrait.helpdesk.search import Passages
from portrait.model.encoder import TextEncoder
from portrait.model.space import Vectors

SHOWN = (0, 5)  # questions of each class that its help text repeats
DEPTH = 5


def find_passages(task: Task, encoder: TextEncoder) -> dict[str, dict[str, float]]:
    """Ask with every question of the test for the one text of its class."""
    figures = {}
    for shown in SHOWN:
        texts = _texts(task, shown)
        vectors = encoder.encode(texts)
        passages = Passages(texts, vectors)
        for way in ("both", "words"):
            found = [
                [one.row for one in passages.find(text, vector if way == "both" else None, DEPTH)]
                for text, vector in zip(task.test.texts, task.test.vectors, strict=True)
            ]
            figures[f"title and {shown} questions, {way}"] = _recall(found, task.test.codes)
        figures[f"title and {shown} questions, meaning"] = _by_meaning(task, vectors)
    return figures


def _texts(task: Task, shown: int) -> list[str]:
    part = few_of_each(task.train, shown, seed=0)
    said: dict[int, list[str]] = {code: [] for code in range(len(task.classes))}
    for text, code in zip(part.texts, part.codes.tolist(), strict=True):
        said[code].append(text)
    return [". ".join([f"{name}.", *said[code]]) for code, name in enumerate(task.classes)]


def _by_meaning(task: Task, vectors: Vectors) -> dict[str, float]:
    order = np.argsort(-(task.test.vectors @ vectors.T), axis=1)[:, :DEPTH]
    return _recall(order.tolist(), task.test.codes)


def _recall(found: list[list[int]], codes: Codes) -> dict[str, float]:
    pairs = [*zip(found, codes.tolist(), strict=True)]
    return {
        "recall_at_1": float(np.mean([rows[:1] == [code] for rows, code in pairs])),
        "recall_at_5": float(np.mean([code in rows for rows, code in pairs])),
    }
