"""Sets: questions to a bank in English, reviews of ten kinds of goods in Chinese."""

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from portrait.arrays import Codes, Rows
from portrait.model.encoder import TextEncoder
from portrait.model.space import Vectors

CUT_AT = 300  # characters of a review; the encoder reads 128 tokens
SEED = 0


@dataclass(frozen=True, slots=True)
class Part:
    """Texts, and what they mean."""

    texts: tuple[str, ...]
    codes: Codes
    vectors: Vectors

    def at(self, rows: Rows) -> "Part":
        """Return some of them."""
        texts = tuple(self.texts[row] for row in rows.tolist())
        return Part(texts, self.codes[rows], self.vectors[rows])


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be told apart."""

    name: str
    classes: tuple[str, ...]  # in words
    encoder: str
    class_vectors: Vectors  # of those words
    train: Part
    test: Part


def banking77(folder: Path, encoder: TextEncoder) -> Task:
    """Read 10,003 questions to a bank, 77 intents, and 3,080 to be judged by.

    Source: Casanueva et al., Efficient Intent Detection with Dual Sentence Encoders, 2020; CC BY.
    """
    parts = [pd.read_csv(folder / f"{name}.csv") for name in ("train", "test")]
    names = sorted(set(parts[0]["category"]))
    words = tuple(name.replace("_", " ").lower() for name in names)
    train, test = (_part(part["text"], part["category"], names, encoder) for part in parts)
    return Task("banking77", words, encoder.name, encoder.encode(words), train, test)


def zh_reviews(folder: Path, encoder: TextEncoder, train: int, test: int) -> Task:
    """Read reviews of a Chinese shop, by what they are about: ten categories."""
    with (
        zipfile.ZipFile(folder / "oshop.zip") as archive,
        archive.open(archive.namelist()[0]) as file,
    ):
        reviews = pd.read_csv(file).dropna()
    reviews["text"] = reviews["review"].str.strip().str.slice(0, CUT_AT)
    reviews = reviews[reviews["text"].str.len() > 0].drop_duplicates("text")
    drawn = reviews.sample(train + test, random_state=SEED)
    names = sorted(set(reviews["cat"]))
    parts = [drawn.iloc[:train], drawn.iloc[train:]]
    first, second = (_part(part["text"], part["cat"], names, encoder) for part in parts)
    return Task("zh_reviews", tuple(names), encoder.name, encoder.encode(names), first, second)


def few_of_each(part: Part, each: int, seed: int) -> Part:
    """Draw so many of every class."""
    order = np.random.default_rng(seed).permutation(len(part.codes))
    rows = [order[part.codes[order] == code][:each] for code in np.unique(part.codes)]
    return part.at(np.concatenate(rows))


def _part(
    texts: "pd.Series[str]", said: "pd.Series[str]", names: list[str], encoder: TextEncoder
) -> Part:
    codes = said.map({name: code for code, name in enumerate(names)}).to_numpy(np.int64)
    return Part(tuple(texts), codes, encoder.encode(texts.tolist()))
