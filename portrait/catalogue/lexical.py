"""The lexicon: which item texts share words with a query, for text that BERT has not read.

Reading never runs BERT, so a query without a cached vector is placed among the item texts that
share its words, the rare ones most.
"""

import re
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from math import log1p

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import MISSING
from portrait.events.item import Item
from portrait.model.space import Vectors, unit
from portrait.privacy.redact import without_marks
from portrait.wording import worded

BEST_TEXTS = 20  # whose vectors stand for the query: 10 and fewer leave more to chance
MOST_ROWS = 200_000  # of all words of one request: some 10 ms
WORD_ROWS = 2_000  # as which a word counts beside its rows: looking it up costs as much
FIRST_ROWS = 1_024

# A run of letters and digits is a word. Chinese, Japanese and Korean have no spaces: there each
# character is one, and each two that stand together, which are rarer and so say more.
CJK = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_RUN = re.compile(f"([{CJK}]+)|[^\\W{CJK}]+")


class Lexicon:
    """An inverted index of the texts of a catalogue. Grows; one task adds, any thread reads."""

    def __init__(self) -> None:
        self._rows: defaultdict[str, array[int]] = defaultdict(lambda: array("q"))
        self._words = np.zeros(FIRST_ROWS, np.int64)  # by text row: how many; 0 = not here
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def learn(self, items: Sequence[Item], texts: NDArray[np.int64]) -> None:
        """Add the texts that are not here yet.

        Args:
            items: N items.
            texts: (N,): the row of each item's text, or MISSING.
        """
        if len(texts) and texts.max() >= len(self._words):
            more = np.zeros(2 * int(texts.max()) + 1 - len(self._words), np.int64)
            self._words = np.r_[self._words, more]
        new = np.flatnonzero((texts != MISSING) & (self._words[texts] == 0))
        for place, row in zip(new.tolist(), texts[new].tolist(), strict=True):
            if not self._words[row]:
                self._add(row, items[place].text)

    def vector(self, query: str, matrix: Vectors) -> Vectors | None:
        """Return the vector of a query, as a `Reading` of it alone does."""
        return Reading(self).vector(query, matrix)

    def match(self, query: str) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the best texts of a query, as a `Reading` of it alone does."""
        return Reading(self).match(query)

    def postings(self, words: Iterable[str]) -> list["array[int]"]:
        """Return the rows of the texts that hold each of these words, the rarest word first."""
        known = ((len(self._rows[word]), word) for word in words if word in self._rows)
        return [self._rows[word] for _, word in sorted(known)]

    def weigh(
        self, rows: NDArray[np.int64], idf: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Add up the idf of each text's words, (R,) each. Returns texts, ascending, and scores."""
        words = self._words  # taken after the rows, which it is therefore long enough for
        summed = np.bincount(rows, idf, len(words))
        texts = np.flatnonzero(summed)
        return texts, (summed[texts] / np.sqrt(words[texts])).astype(np.float32)

    def _add(self, row: int, text: str) -> None:
        """Add one text; in this order, so that a reader meanwhile never sees it by half."""
        words = set(words_of(text))
        self._words[row] = max(len(words), 1)
        self._count += 1
        for word in words:
            self._rows[word].append(row)


class Reading:
    """What one request reads of a lexicon: so much, however many texts and words it asks for.

    Of each text the rarest words are read first: they say most, and cost least. Whatever is left
    over when the bound is reached is not read.
    """

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon
        self.left = MOST_ROWS

    def vector(self, query: str, matrix: Vectors) -> Vectors | None:
        """Return the mean vector (K,) of the texts that match best, or None if none matches."""
        rows, scores = self.match(query)
        here = rows < len(matrix)  # one just learned may lie beyond the matrix of an older view
        rows, scores = rows[here], scores[here]
        if not len(rows):
            return None
        mean: Vectors = unit(scores @ matrix[rows])
        return mean

    def match(self, query: str) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the rows of the best texts, best first, and their scores.

        A score is the idf of the shared words over the root of the text's length, so that a short
        text that is all about the query beats a long one that mentions it.

        Source: Robertson, Understanding inverse document frequency, J. Documentation 2004.
        """
        words = set(words_of(query)) if self.left > 0 else ()
        found = [*self._read(self._lexicon.postings(words))]
        if not found:
            return np.zeros(0, np.int64), np.zeros(0, np.float32)
        idf = [idf for _, idf in found]
        texts, scores = self._lexicon.weigh(
            np.concatenate([rows for rows, _ in found]),
            np.repeat(idf, [len(rows) for rows, _ in found]),
        )
        best = np.argsort(-scores, kind="stable")[:BEST_TEXTS]
        return texts[best], scores[best]

    def _read(self, postings: Iterable["array[int]"]) -> Iterator[tuple[NDArray[np.int64], float]]:
        """Read the rows of words, and each word's idf, as far as there is anything left."""
        for posting in postings:
            if self.left <= 0:
                return
            idf = log1p(len(self._lexicon) / len(posting))
            rows = np.frombuffer(posting[: self.left].tobytes(), np.int64)
            self.left -= len(rows) + WORD_ROWS
            yield rows, idf


def words_of(text: str) -> list[str]:
    """Split a text into words, in lower case."""
    words: list[str] = []
    for run in _RUN.finditer(worded(without_marks(text)).casefold()):
        if run[1]:
            words += [*run[1], *map("".join, pairwise(run[1]))]
        else:
            words.append(run[0])
    return words
