"""The sets: real texts with real labels, cut once and for all.

    reviews     Chinese, ten shop categories, liked or not; cut as in `benchmarks/heads/reviews.py`
    unseen      the same without one category, judged on that category alone
    messages    what customers of a bank ask, 77 intents (banking77), as published

Source of the last: Casanueva et al., Efficient Intent Detection with Dual Sentence Encoders, 2020.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from benchmarks.heads.reviews import split_reviews
from portrait.training.tasks.task import Labelled, Task

SAMPLE = 8_000  # reviews, of which 4,800 are to learn from
UNSEEN = "酒店"  # hotels: the category that is never learned from
VALID_SHARE = 1 / 7  # of the messages
SEED = 0
CHINESE, ENGLISH = "zh", "en"


@dataclass(frozen=True, slots=True)
class TextSet:
    """A task, and the texts that it is judged on once."""

    task: Task
    test: Labelled
    language: str
    sizes: Sequence[int]  # how many labels to try, unless somebody says other numbers

    def of_size(self, labels: int) -> "TextSet":
        """Return the set with so many labels, and no more than as many to choose by."""
        task = self.task
        train, valid = few(task.train, labels), few(task.valid, labels)
        return replace(self, task=replace(task, train=train, valid=valid))


def few(texts: Labelled, count: int) -> Labelled:
    """Return some of the texts, every label in its share; all of them if there are no more."""
    if count >= len(texts):
        return texts
    rows = np.arange(len(texts))
    chosen, _ = train_test_split(rows, train_size=count, random_state=SEED, stratify=texts.targets)
    return texts.where(np.sort(chosen))


def reviews(data: Path) -> TextSet:
    """Read the Chinese reviews."""
    train, valid, test = map(_reviews, split_reviews(data / "zh_reviews" / "oshop.zip", SAMPLE))
    task = Task("reviews", "one", ("disliked", "liked"), train, valid)
    return TextSet(task, test, CHINESE, (4_800, 300))


def unseen(data: Path) -> TextSet:
    """Read the Chinese reviews, one category of which is only judged on."""
    whole = reviews(data)
    train, valid, test = (
        part.where(np.flatnonzero((part.slices["category"] == UNSEEN) == is_judged))
        for part, is_judged in (
            (whole.task.train, False),
            (whole.task.valid, False),
            (whole.test, True),
        )
    )
    task = replace(whole.task, name="unseen", train=train, valid=valid)
    return TextSet(task, test, CHINESE, (len(train),))


def messages(data: Path) -> TextSet:
    """Read the messages; a seventh of those to learn from is to choose by."""
    learned, test = (pd.read_csv(data / "banking77" / f"{part}.csv") for part in ("train", "test"))
    names = tuple(sorted(learned["category"].unique()))
    train, valid = train_test_split(
        learned, test_size=VALID_SHARE, random_state=SEED, stratify=learned["category"]
    )
    task = Task("messages", "one", names, _messages(train, names), _messages(valid, names))
    return TextSet(task, _messages(test, names), ENGLISH, (len(train), 10 * len(names)))


SETS: Mapping[str, Callable[[Path], TextSet]] = {
    "reviews": reviews,
    "messages": messages,
    "unseen": unseen,
}


def _reviews(frame: pd.DataFrame) -> Labelled:
    targets = frame["label"].to_numpy().astype(np.int64)
    return Labelled(frame["text"].tolist(), targets, {"category": frame["cat"].to_numpy(np.str_)})


def _messages(frame: pd.DataFrame, names: Sequence[str]) -> Labelled:
    codes = {name: code for code, name in enumerate(names)}
    targets = frame["category"].map(codes).to_numpy().astype(np.int64)
    return Labelled(frame["text"].tolist(), targets)
