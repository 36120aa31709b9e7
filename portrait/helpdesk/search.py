"""Search: which passages answer a message, by its words and by its meaning.

message ─▶ words, pairs of Chinese signs ─▶ BM25, as shares of the best ─┐
       └─▶ vector ─▶ cosines, the mean as 0 and the best as 1 ───────────┴▶ weighed ─▶ the best
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple
from unicodedata import normalize

import numpy as np

from portrait.arrays import Floats, Rows
from portrait.model.space import Vectors

SATURATION, LENGTH_WEIGHT = 1.2, 0.75  # k1 and b of BM25, as they are usually chosen
# What words count beside the meaning: with two encoders it is better than either of them alone.
# Ranks joined by their reciprocals are worse than meaning alone: docs/decisions/0044.
WORDS_WEIGHT = 0.2
SMALLEST = 1e-6  # difference that says anything
LEAST_COSINE = 0.2  # below it two texts have nothing to do with each other

_SIGNS = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_RUN = re.compile(f"[{_SIGNS}]+|[^\\W{_SIGNS}_]+")
CJK = re.compile(f"[{_SIGNS}]")  # Chinese, Japanese, Korean


class Found(NamedTuple):
    """A text that was found."""

    row: int
    score: float  # 0 to 1: the best by its words and by its meaning


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

        Source: Bruch, Gai and Ingber, An Analysis of Fusion Functions for Hybrid Retrieval, ACM
        Transactions on Information Systems, 2023: a convex combination of scaled scores.
        """
        words = self._words.scores(query)
        scores: Floats = _shares(words)
        found = words > 0
        if vector is not None and len(self._vectors):
            cosines = self._vectors @ vector
            both = _above_mean(cosines) + np.float32(WORDS_WEIGHT) * scores
            scores = (both / (1 + WORDS_WEIGHT)).astype(np.float32)
            found |= cosines > LEAST_COSINE
        rows = np.flatnonzero(found & (scores > 0))
        best = rows[np.argsort(-scores[rows], kind="stable")[:most]]
        return [Found(row, float(scores[row])) for row in best.tolist()]


def terms_of(text: str) -> Iterator[str]:
    """Yield what a text is found by: words, and of Chinese each pair of neighbouring signs."""
    for run in _RUN.findall(normalize("NFKC", text).casefold()):
        if CJK.match(run) and len(run) > 1:
            yield from map("".join, pairwise(run))
        else:
            yield run


def _shares(scores: Floats) -> Floats:
    """Return scores as shares of the best, (N,)."""
    return scores / max(float(scores.max(initial=0)), SMALLEST)


def _above_mean(cosines: Floats) -> Floats:
    """Scale cosines, (N,): 1 is the best, 0 the mean; of some encoders all are high."""
    best, mean = float(cosines.max()), float(cosines.mean())
    if best - mean < SMALLEST:
        return np.ones_like(cosines)
    scaled: Floats = np.maximum((cosines - mean) / (best - mean), 0)
    return scaled
