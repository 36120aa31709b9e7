"""Search: which passages answer a message, by its words and by its meaning, fused by their ranks.

message ─▶ words, pairs of Chinese signs ─▶ BM25 ─────┐
       └─▶ vector ─▶ products with the passages' ─────┴▶ reciprocal ranks ─▶ the best
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import Floats, Rows
from portrait.model.space import Vectors

SATURATION, LENGTH_WEIGHT = 1.2, 0.75  # k1 and b of BM25, as they are usually chosen
RANK_OFFSET = 60  # of the fusion: so the first place is not all
DEEPEST = 50  # place up to which a ranking has a say
LEAST_COSINE = 0.2  # below it two texts have nothing to do with each other

_SIGNS = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_RUN = re.compile(f"[{_SIGNS}]+|[^\\W{_SIGNS}_]+")
CJK = re.compile(f"[{_SIGNS}]")  # Chinese, Japanese, Korean


class Found(NamedTuple):
    """A text that was found."""

    row: int
    score: float  # the sum of reciprocal ranks, 1 = first in every ranking
    by_words: int | None  # its place in each ranking, from 1; None: it is in none
    by_meaning: int | None


class WordIndex:
    """Texts by their words. Immutable."""

    def __init__(self, texts: Sequence[str]) -> None:
        counts = [Counter(terms_of(text)) for text in texts]
        lengths = np.array([count.total() for count in counts], np.float64)
        usual = max(lengths.mean(), 1) if len(texts) else 1
        weight = SATURATION * (1 - LENGTH_WEIGHT + LENGTH_WEIGHT * lengths / usual)
        rows: defaultdict[str, list[int]] = defaultdict(list)
        times: defaultdict[str, list[int]] = defaultdict(list)
        for row, count in enumerate(counts):
            for term, number in count.items():
                rows[term].append(row)
                times[term].append(number)
        self._texts = len(texts)
        self._postings: dict[str, tuple[Rows, Floats]] = {}
        for term, places in rows.items():
            held, often = np.array(places), np.array(times[term])
            rarity = np.log1p((len(texts) - len(held) + 0.5) / (len(held) + 0.5))
            gained = rarity * often * (SATURATION + 1) / (often + weight[held])
            self._postings[term] = held, gained.astype(np.float32)

    def scores(self, query: str) -> Floats:
        """Return BM25 of each text, (N,); 0 where no word is shared.

        Source: Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond,
        Foundations and Trends in Information Retrieval, 2009.
        """
        summed = np.zeros(self._texts, np.float32)
        for term in set(terms_of(query)):
            if term in self._postings:
                rows, gained = self._postings[term]
                summed[rows] += gained
        return summed


class Passages:
    """Texts that can be searched by both. Immutable."""

    def __init__(self, texts: Sequence[str], vectors: Vectors) -> None:
        """Index texts.

        Args:
            texts: N.
            vectors: (N, D), unit rows.
        """
        self._words = WordIndex(texts)
        self._vectors = vectors

    def find(self, query: str, vector: Vectors | None, most: int) -> list[Found]:
        """Return the best texts of a query, best first.

        Args:
            query: Its words.
            vector: (D,), unit; None: it has none, and is found by its words alone.
            most: How many to return.

        Source: Cormack, Clarke and Büttcher, Reciprocal Rank Fusion Outperforms Condorcet and
        Individual Rank Learning Methods, SIGIR 2009.
        """
        if not len(self._vectors):
            return []
        by_words = _ranked(self._words.scores(query), 0.0)
        nothing = np.zeros(0, np.int64)
        by_meaning = nothing if vector is None else _ranked(self._vectors @ vector, LEAST_COSINE)
        return fused(by_words, by_meaning)[:most]


def fused(by_words: Rows, by_meaning: Rows) -> list[Found]:
    """Join two rankings of rows, best first each, into one."""
    places = [
        {row: place for place, row in enumerate(each.tolist(), 1)}
        for each in (by_words, by_meaning)
    ]
    best = 2 / (RANK_OFFSET + 1)
    found = [
        Found(
            row,
            sum(1 / (RANK_OFFSET + at[row]) for at in places if row in at) / best,
            *(at.get(row) for at in places),
        )
        for row in places[0] | places[1]
    ]
    return sorted(found, key=lambda one: (-one.score, one.row))


def terms_of(text: str) -> Iterator[str]:
    """Yield what a text is found by: words, and of Chinese each pair of neighbouring signs."""
    for run in _RUN.findall(normalize("NFKC", text).casefold()):
        if CJK.match(run) and len(run) > 1:
            yield from map("".join, pairwise(run))
        else:
            yield run


def _ranked(scores: NDArray[np.float32], least: float) -> Rows:
    """Return the rows that score more than `least`, best first, as far as they have a say."""
    rows = np.flatnonzero(scores > least)
    order = np.argsort(-scores[rows], kind="stable")[:DEEPEST]
    ranked: Rows = rows[order]
    return ranked
