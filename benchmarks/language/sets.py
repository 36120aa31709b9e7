"""The sets: real texts with real labels, cut once and for all.

    reviews     Chinese, ten shop categories, liked or not; cut as in `benchmarks/heads/reviews.py`
    unseen      the same without one category, judged on that category alone
    items       titles of tools, and where in the catalogue they are (see items.py)
    groceries   types of products of a supermarket, likewise
    messages    what customers of a bank ask, 77 intents (banking77), as published

Source of the last: Casanueva et al., Efficient Intent Detection with Dual Sentence Encoders, 2020.
"""

import zipfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from benchmarks.heads.reviews import CUT_AT, split_reviews
from benchmarks.language.items import groceries, scientific
from portrait.training.tasks.task import Labelled, Task

SAMPLE = 8_000  # reviews, of which 4,800 are to learn from
UNSEEN = "酒店"  # hotels: the category that is never learned from
DRAWN, MORE = 14_000, 12_000  # other reviews, and how many of them are read without their labels
FEW, FEW_MORE = 2_000, 4_000  # labels, below which so many are enough
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
    unlabelled: Sequence[str] = ()  # texts of the same kind, none of which judges

    def of_size(self, labels: int) -> "TextSet":
        """Return the set with so many labels, and no more than as many to choose by."""
        task = self.task
        train, valid = few(task.train, labels), few(task.valid, labels)
        more = self.unlabelled[: FEW_MORE if labels < FEW else None]
        return replace(self, task=replace(task, train=train, valid=valid), unlabelled=more)


def few(texts: Labelled, count: int) -> Labelled:
    """Return some of the texts, every label in its share; all of them if there are no more."""
    if count >= len(texts):
        return texts
    rows = np.arange(len(texts))
    chosen, _ = train_test_split(rows, train_size=count, random_state=SEED, stratify=texts.targets)
    return texts.where(np.sort(chosen))


def reviews(data: Path) -> TextSet:
    """Read the Chinese reviews."""
    archive = data / "zh_reviews" / "oshop.zip"
    train, valid, test = map(_reviews, split_reviews(archive, SAMPLE))
    task = Task("reviews", "one", ("disliked", "liked"), train, valid)
    more = _others(archive, {*train.texts, *valid.texts, *test.texts})
    return TextSet(task, test, CHINESE, (4_800, 300), more)


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
    return TextSet(task, test, CHINESE, (len(train),))  # no texts of its category without labels


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
    "items": lambda data: _placed(*scientific(data)),
    "groceries": lambda _: _placed(*groceries()),
}


def _others(archive: Path, used: Collection[str]) -> list[str]:
    """Return reviews that are in no part of the split."""
    with zipfile.ZipFile(archive) as folder, folder.open(folder.namelist()[0]) as file:
        texts = pd.read_csv(file).dropna()["review"].str.strip().str.slice(0, CUT_AT)
    others = texts[(texts.str.len() > 0) & ~texts.duplicated() & ~texts.isin([*used])]
    drawn: list[str] = others.sample(DRAWN, random_state=SEED).tolist()
    return drawn[:MORE]


def _placed(task: Task, test: Labelled) -> TextSet:
    return TextSet(task, test, ENGLISH, (len(task.train),))


def _reviews(frame: pd.DataFrame) -> Labelled:
    targets = frame["label"].to_numpy().astype(np.int64)
    return Labelled(frame["text"].tolist(), targets, {"category": frame["cat"].to_numpy(np.str_)})


def _messages(frame: pd.DataFrame, names: Sequence[str]) -> Labelled:
    codes = {name: code for code, name in enumerate(names)}
    targets = frame["category"].map(codes).to_numpy().astype(np.int64)
    return Labelled(frame["text"].tolist(), targets)
