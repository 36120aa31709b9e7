"""What reviewers of a Chinese shop write: real reviews where they are at hand, else made-up ones.

Some are held out: nobody has said them when it is asked how well they are read.
"""

import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from sandbox.planted.words import LeafWords, Words

HELD_OUT = 240  # reviews, half of them blame
SHORTEST, LONGEST = 6, 120  # characters of a real review that is taken
MOST = 400  # real ones of a leaf and a tone: of some there are thousands
COLUMNS = ["cat", "label", "review"]
MADE_UP = 40  # of a leaf and a tone
LEAVES = {  # by category of the real reviews: what they can be about
    "手机": ("手机",),
    "平板": ("平板电脑",),
    "计算机": ("笔记本电脑",),
    "热水器": ("热水器",),
    "衣服": ("T恤", "连衣裙", "外套"),
    "水果": ("水果",),
    "洗发水": ("洗发水",),
    "书籍": ("小说", "历史"),
}


class Review(NamedTuple):
    """A text about goods of a leaf."""

    leaf: str  # its name
    is_blame: bool
    text: str


@dataclass(frozen=True, slots=True)
class Reviews:
    """Texts that are said in the log, and those that nobody has said."""

    said: Mapping[tuple[str, bool], Iterator[str]]  # by leaf and whether it is blame; endless
    leaves: frozenset[str]  # of which there are the best reviews at hand: real ones, or all
    held_out: Sequence[Review]

    def next(self, leaf: str, *, is_blame: bool) -> str:
        """Return what somebody says of goods of a leaf: nothing again before all is said."""
        return next(self.said[leaf, is_blame])


def open_reviews(words: Words, archive: Path | None, draw: np.random.Generator) -> Reviews:
    """Collect reviews of every leaf, in both tones.

    Args:
        words: Of the shop.
        archive: A zip file of reviews, each with its category (`cat`) and whether it is praise
            (`label`): online_shopping_10_cats of ChineseNlpCorpus. None: all are made up.
        draw: Chooses.
    """
    said = {
        (leaf.name, is_blame): [
            _made_up(draw, leaf, _half(words, is_blame=is_blame)) for _ in range(MADE_UP)
        ]
        for leaf in words.leaves
        for is_blame in (False, True)
    }
    if archive is None:
        leaves = frozenset(leaf for leaf, _ in said)
        return Reviews(_in_turn(said), leaves, _unsaid(words, draw))
    real, held_out = _real(archive, draw)
    leaves = frozenset(leaf for leaf, _ in real)
    return Reviews(_in_turn({**said, **real}), leaves, held_out)


def _in_turn(
    said: Mapping[tuple[str, bool], Sequence[str]],
) -> dict[tuple[str, bool], Iterator[str]]:
    return {of: cycle(texts) for of, texts in said.items()}


def _half(words: Words, *, is_blame: bool, unsaid: bool = False) -> Sequence[str]:
    """Return the half of the sentences of a tone that the log may have, or the other one."""
    sentences = words.blame if is_blame else words.praise
    middle = len(sentences) // 2
    return sentences[middle:] if unsaid else sentences[:middle]


def _made_up(draw: np.random.Generator, leaf: LeafWords, sentences: Sequence[str]) -> str:
    """Say one or two sentences about a thing."""
    chosen = draw.choice(sentences, 1 + int(draw.integers(2)), replace=False).tolist()
    return f"{draw.choice(leaf.nouns)}收到了，{'。'.join(chosen)}"


def _unsaid(words: Words, draw: np.random.Generator) -> list[Review]:
    """Make up reviews of sentences that are not in the log."""
    drawn = [words.leaves[place] for place in draw.integers(len(words.leaves), size=HELD_OUT)]
    return [
        Review(leaf.name, is_blame, _made_up(draw, leaf, sentences))
        for number, leaf in enumerate(drawn)
        for is_blame in [number % 2 == 0]
        for sentences in [_half(words, is_blame=is_blame, unsaid=True)]
    ]


def _real(
    archive: Path, draw: np.random.Generator
) -> tuple[dict[tuple[str, bool], list[str]], list[Review]]:
    """Read real reviews, each text once. Returns those to be said by leaf and tone, and others."""
    reviews = _read(archive)
    reviews["text"] = reviews["review"].str.strip()
    length = reviews["text"].str.len()
    reviews = reviews[length.between(SHORTEST, LONGEST) & reviews["cat"].isin(LEAVES)]
    reviews = reviews.drop_duplicates("text").sample(frac=1, random_state=draw)
    said: dict[tuple[str, bool], list[str]] = defaultdict(list)
    held_out: list[Review] = []
    unsaid = HELD_OUT // (2 * len(LEAVES))  # of a category and a tone
    for (category, label), group in reviews.groupby(["cat", "label"]):
        leaves, texts = LEAVES[category], group["text"].tolist()
        is_blame = label == 0
        held_out += [Review(leaves[0], is_blame, text) for text in texts[:unsaid]]
        for number, leaf in enumerate(leaves):
            said[leaf, is_blame] = texts[unsaid + number :: len(leaves)][:MOST]
    return dict(said), held_out


def _read(archive: Path) -> pd.DataFrame:
    """Read the one file of an archive.

    Raises:
        SystemExit: It is not what it should be.
    """
    try:
        with zipfile.ZipFile(archive) as folder, folder.open(folder.namelist()[0]) as file:
            return pd.read_csv(file, usecols=COLUMNS).dropna()
    except (OSError, zipfile.BadZipFile, IndexError, ValueError) as error:
        failure = f"{archive} is no zip file of a CSV file with the columns {', '.join(COLUMNS)}."
        raise SystemExit(failure) from error
