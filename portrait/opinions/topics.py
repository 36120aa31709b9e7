"""Topics: what texts are about, found in them, named by their words and followed over time.

sample of a week ─▶ vectors ─▶ spherical k-means ─▶ class-based TF-IDF ─▶ words ─▶ known before?

Vectors are the encoder's, where one runs. Where none does, they are latent: TF-IDF of terms in
the sample's own leading directions. Topics are found anew from time to time; one that has the
words of one before has its id.

Sources: Grootendorst, BERTopic: neural topic modeling with a class-based TF-IDF procedure, 2022;
Dhillon and Modha, Concept decompositions for large sparse text data using clustering, Machine
Learning 42, 2001; Deerwester et al., Indexing by latent semantic analysis, JASIS 41(6), 1990.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log1p, sqrt
from typing import Self

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import Floats
from portrait.model.space import Vectors, unit
from portrait.opinions.terms import terms_of

LEAST_TEXTS = 120  # a sample of fewer shows no topics
TEXTS_PER_TOPIC, FEWEST, MOST = 60, 3, 16  # how many topics are looked for
LEAST_OF_TOPIC = 8  # texts: fewer are no topic
MOST_TERMS = 1_500  # of the latent vectors
DIRECTIONS = 48  # of the latent vectors
ITERATIONS = 8  # that find them
RARE, COMMON = 3, 0.2  # texts, and share of texts, that a term is in at least and at most
TURNS = 25  # of k-means
NEAR = 0.25  # cosine to a centre below which a text is of no topic
WORDS = 12  # of a topic, that it is recognised by
SHOWN = 4  # of them, in its name
SAME = 0.3  # cosine of words from which a topic is one from before

Encode = Callable[[Sequence[str]], Vectors]


@dataclass(frozen=True, slots=True)
class Topic:
    """One thing that texts are about."""

    id: str
    weights: dict[str, float]  # of its WORDS, the heaviest first
    texts: int  # of the sample

    @property
    def name(self) -> str:
        """Its heaviest words, but for pairs that lie across two others: 务态 of 服务态度."""
        ends = {term[-1] for term in self.weights if not term.isascii()}
        begins = {term[0] for term in self.weights if not term.isascii()}
        whole = [term for term in self.weights if not (term[0] in ends and term[-1] in begins)]
        return " ".join((whole or [*self.weights])[:SHOWN])


@dataclass(frozen=True, slots=True)
class Latent:
    """Vectors of texts where no encoder runs."""

    terms: dict[str, int]  # V terms, and their rows
    weights: Floats  # (V,): how rare each is
    directions: Floats  # (V, D)

    @classmethod
    def fit(cls, texts: Sequence[str]) -> Self:
        """Find terms and leading directions of N texts."""
        counts = Counter(term for text in texts for term in set(terms_of(text)))
        most = COMMON * len(texts)
        chosen = [term for term, n in counts.most_common() if RARE <= n <= most][:MOST_TERMS]
        weights = np.array([log1p(len(texts) / counts[term]) for term in chosen], np.float32)
        bare = cls({term: row for row, term in enumerate(chosen)}, weights, np.zeros((0, 0), "f4"))
        return cls(bare.terms, weights, _leading(bare._count(texts)))

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """Place N texts. Returns (N, D), unit rows; zero where no term is known."""
        placed: Vectors = unit(self._count(texts) @ self.directions)
        return placed

    def _count(self, texts: Sequence[str]) -> Floats:
        """Return TF-IDF, (N, V), unit rows."""
        matrix = np.zeros((len(texts), len(self.terms)), np.float32)
        for row, text in enumerate(texts):
            for term in terms_of(text):
                column = self.terms.get(term)
                if column is not None:
                    matrix[row, column] += 1
        counted: Floats = unit(np.log1p(matrix) * self.weights)
        return counted


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of a sample. Immutable."""

    topics: tuple[Topic, ...]  # K
    centres: Vectors  # (K, D), unit rows
    latent: Latent | None  # None: vectors are an encoder's

    @classmethod
    def none(cls) -> Self:
        """Return no topics."""
        return cls((), np.zeros((0, 0), np.float32), None)

    @classmethod
    def find(
        cls,
        texts: Sequence[str],
        encode: Encode | None,
        before: "Topics",
        new_id: Callable[[], str],
    ) -> Self:
        """Find the topics of N texts. Takes a second for a thousand.

        Args:
            texts: A sample of what was written of late.
            encode: Returns (N, D), unit rows; None: there is no encoder.
            before: Those that were found the last time.
            new_id: Names a topic that was not there.
        """
        latent = Latent.fit(texts) if encode is None else None
        place = encode or latent
        if place is None or (latent is not None and not latent.terms):
            return cls.none()
        vectors = place(texts)
        of_text, centres = _cluster(vectors, min(MOST, max(FEWEST, len(texts) // TEXTS_PER_TOPIC)))
        counts = Counter(of_text.tolist())
        kept = [
            number for number, n in sorted(counts.items()) if number >= 0 and n >= LEAST_OF_TOPIC
        ]
        words = _words(texts, of_text, kept)
        ids = _followed(words, before, new_id)
        found = [
            Topic(id, some, counts[number])
            for id, some, number in zip(ids, words, kept, strict=True)
        ]
        return cls(tuple(found), centres[kept], latent)

    def of(self, texts: Sequence[str], encode: Encode | None) -> list[str | None]:
        """Return the topic's id of each of N texts, or None."""
        place = encode or self.latent
        if not self.topics or not texts or place is None or (encode and self.latent):
            return [None] * len(texts)
        vectors = place(texts)
        if vectors.shape[1] != self.centres.shape[1]:  # of another encoder
            return [None] * len(texts)
        near = vectors @ self.centres.T  # (N, K)
        best = near.argmax(1)
        return [
            self.topics[place].id if near[row, place] >= NEAR else None
            for row, place in enumerate(best.tolist())
        ]


def _leading(matrix: Floats) -> Floats:
    """Return the leading directions (V, D) of a matrix (N, V), by subspace iteration.

    Source: Halko, Martinsson and Tropp, Finding structure with randomness, SIAM Review 53(2), 2011.
    """
    size = matrix.shape[1]
    basis = np.random.default_rng(0).standard_normal((size, min(DIRECTIONS, size)), np.float32)
    for _ in range(ITERATIONS):
        basis, _ = np.linalg.qr(matrix.T @ (matrix @ basis))
    leading: Floats = basis.astype(np.float32)
    return leading


def _cluster(vectors: Vectors, count: int) -> tuple[NDArray[np.int64], Vectors]:
    """Divide N texts by direction. Returns (N,), -1 for texts that say nothing, and (K, D)."""
    random = np.random.default_rng(0)
    centres = _far_apart(vectors, count, random)
    for _ in range(TURNS):
        of_text = (vectors @ centres.T).argmax(1)
        sums = np.zeros_like(centres)
        np.add.at(sums, of_text, vectors)
        moved = unit(sums)
        if np.allclose(moved, centres, atol=1e-4):
            break
        centres = moved
    near = (vectors @ centres.T).max(1)
    return np.where(near >= NEAR, of_text, -1), centres


def _far_apart(vectors: Vectors, count: int, random: np.random.Generator) -> Vectors:
    """Choose first centres, each the likelier the farther it lies from those before: k-means++.

    Source: Arthur and Vassilvitskii, k-means++: the advantages of careful seeding, SODA 2007.
    """
    chosen = [int(random.integers(len(vectors)))]
    for _ in range(count - 1):
        far = np.clip(1 - (vectors @ vectors[chosen].T).max(1), 0, None).astype(np.float64)
        total = far.sum()
        if not total:
            break
        chosen.append(int(random.choice(len(vectors), p=far / total)))
    first: Vectors = vectors[chosen].copy()
    return first


def _words(
    texts: Sequence[str], of_text: NDArray[np.int64], kept: Sequence[int]
) -> list[dict[str, float]]:
    """Return the WORDS of each topic that weigh most: `tf * log(1 + A / f)`, of Grootendorst."""
    counts: dict[int, Counter[str]] = {number: Counter() for number in kept}
    for text, number in zip(texts, of_text.tolist(), strict=True):
        if number in counts:
            counts[number].update(set(terms_of(text)))
    every = sum(counts.values(), Counter[str]())
    average = every.total() / max(1, len(counts))
    return [
        _heaviest(
            {t: n * log1p(average / every[t]) for t, n in counts[number].items() if n >= RARE}
        )
        for number in kept
    ]


def _heaviest(weights: dict[str, float]) -> dict[str, float]:
    ordered = sorted(weights.items(), key=lambda one: (-one[1], one[0]))[:WORDS]
    return {term: round(weight, 3) for term, weight in ordered}


def _followed(
    words: Sequence[dict[str, float]], before: Topics, new_id: Callable[[], str]
) -> list[str]:
    """Return the id of each topic: of the one before whose words are most like its own, if any."""
    pairs = sorted(
        (
            (-_likeness(some, old.weights), row, old.id)
            for row, some in enumerate(words)
            for old in before.topics
        )
    )
    ids: dict[int, str] = {}
    for likeness, row, id in pairs:
        if -likeness >= SAME and row not in ids and id not in ids.values():
            ids[row] = id
    return [ids.get(row) or new_id() for row in range(len(words))]


def _likeness(one: dict[str, float], other: dict[str, float]) -> float:
    """Return the cosine of two sets of weighed words."""
    shared = sum(weight * other.get(term, 0.0) for term, weight in one.items())
    lengths = sqrt(sum(w * w for w in one.values()) * sum(w * w for w in other.values()))
    return shared / lengths if lengths else 0.0
