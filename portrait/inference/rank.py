"""Rank: the items that suit a user best, of those that may be offered.

vector ─▶ score every text ─▶ filter ─▶ best few hundred ─▶ diversify ─▶ items, best first

A list has two numbers for each item. `scores` are the model's: how well an item suits, whatever
stands above it. `shown` is what the list is in the order of, on one scale for every model: the
weighted mean of how well an item suits and of how unlike it is to what stands above it.

Many items share a text, so texts are scored and items are taken from them. Of variants of one thing
a list has the best.
"""

from collections.abc import Callable

import numpy as np

from portrait.arrays import MISSING, Codes, Floats, largest, marked, products
from portrait.inference.aim import Aims
from portrait.inference.arrange import Choose, arrange
from portrait.inference.candidates import ranked
from portrait.inference.diversify import diversify
from portrait.inference.eligible import eligible
from portrait.inference.ranking import Ranking, RankingRequest
from portrait.inference.shelf import Shelf
from portrait.model.space import Vectors
from portrait.profiles.layout import LONG, SHORT

Mix = tuple[float, float]  # what the long and the short term count of a score; together 1
USUAL: Mix = 0.3, 0.7  # what somebody likes, and what they are after now
SEARCHED: Mix = 0.2, 0.8  # the same where their session says it in words: docs/experiments.md
Scored = tuple[Codes, Floats, int]  # rows (n,), what each scores, and `Ranking.matched`
CANDIDATES = 300  # texts that are looked at for diversity


def blend(vectors: Vectors, mix: Mix = USUAL) -> Vectors:
    """Weigh the long-term and the short-term vector, (2, K), into the one that is asked with."""
    asked: Vectors = mix[LONG] * vectors[LONG] + mix[SHORT] * vectors[SHORT]
    return asked.astype(np.float32)


def rank(  # noqa: PLR0913, PLR0917 - what a list is made of
    shelf: Shelf,
    vector: Vectors,
    request: RankingRequest,
    popularity: Floats,
    beside: Callable[[Codes], Floats] | None = None,
    aims: Callable[[], Aims] | None = None,
) -> Ranking:
    """Rank eligible items by how near they are to a vector. Blocks for milliseconds.

    Args:
        shelf: N items.
        vector: (K,), from `blend`; in the shelf's space.
        request: How many, which, how different from each other.
        popularity: (N,); decides between items of one text that score alike.
        beside: What else counts: rows (n,) -> what is added to their scores (n,).
        aims: All of that, for an index; None: everything is scored.
    """
    mask, matched = eligible(shelf, request)

    def of(rows: Codes) -> Ranking:
        best, relevance = _best(shelf, rows, vector, request, popularity, beside)
        return _listed(shelf, best, relevance, request, matched)

    return ranked(shelf, mask & shelf.told, request, aims, of)


def _best(  # noqa: PLR0913, PLR0917 - as `rank`
    shelf: Shelf,
    rows: Codes,
    vector: Vectors,
    request: RankingRequest,
    popularity: Floats,
    beside: Callable[[Codes], Floats] | None,
) -> tuple[Codes, Floats]:
    """Return the rows of the best texts of some items, the best first, and what they score."""
    text = shelf.text[rows]
    texts = np.unique(text) if len(rows) < len(shelf) // 8 else marked(text, len(shelf.matrix))
    scores = text_scores(shelf.matrix, texts, vector)  # (t,)
    more = np.zeros(len(rows), np.float32) if beside is None else beside(rows)  # (n,)
    if shelf.variants.are_any:
        of_text = np.zeros(len(shelf.matrix), np.float32)
        of_text[texts] = scores
        are_best = shelf.variants.are_best(rows, of_text[text] + more)
        rows, text, more = rows[are_best], text[are_best], more[are_best]
        texts = marked(text, len(shelf.matrix))
        scores = of_text[texts]
    best = largest(
        scores, max(CANDIDATES, 3 * request.limit), float(np.ptp(more)) if len(more) else 0
    )
    slot_of = np.full(len(shelf.matrix), MISSING)
    slot_of[texts[best]] = np.arange(len(best))
    slot = slot_of[text]
    held = np.flatnonzero(slot != MISSING)
    rows, slot = rows[held], slot[held]  # the items of the best texts
    relevance = scores[best][slot] + more[held]
    order = np.lexsort((rows, -popularity[rows], slot, -relevance))
    return rows[order], relevance[order]


def rank_by(
    shelf: Shelf,
    vector: Vectors,
    request: RankingRequest,
    scorer: Callable[[Codes, Floats], Floats],
    aims: Callable[[], Aims] | None = None,
) -> Ranking:
    """Rank eligible items by scores of their own, beyond those of their texts.

    Args:
        shelf: N items.
        vector: (K,), in the space of texts.
        request: How many, which, how different from each other.
        scorer: Rows (n,) and the scores of their texts (n,) -> scores (n,).
        aims: What the scorer goes by, for an index; None: everything is scored.
    """
    rows, scores, matched = score_by(shelf, vector, request, scorer, aims)
    return rank_scored(shelf, rows, scores, request, matched)


def score_by(
    shelf: Shelf,
    vector: Vectors,
    request: RankingRequest,
    scorer: Callable[[Codes, Floats], Floats],
    aims: Callable[[], Aims] | None = None,
) -> Scored:
    """Score eligible items, of very many those that are worth it; see `rank_by`."""
    mask, matched = eligible(shelf, request)

    def of(rows: Codes) -> Scored:
        return rows, scorer(rows, text_scores(shelf.matrix, shelf.text[rows], vector)), matched

    return ranked(shelf, mask & shelf.told, request, aims, of)


def rank_scored(
    shelf: Shelf, rows: Codes, scores: Floats, request: RankingRequest, matched: int
) -> Ranking:
    """Rank eligible items, (n,), that have been scored, (n,).

    Args:
        shelf: N items.
        rows: Which are eligible.
        scores: What each is worth.
        request: How many, which, how different from each other.
        matched: As `Ranking` has it.
    """
    if request.only_suiting:
        suits = scores > 0 if request.plan is None else (scores > 0) | request.plan.puts(rows)
        rows, scores = rows[suits], scores[suits]
    if request.plan is not None and request.plan.arranges:
        return arrange(shelf, rows, scores, request, matched, _choosing(shelf, request))
    if shelf.variants.are_any:
        are_best = shelf.variants.are_best(rows, scores)
        rows, scores = rows[are_best], scores[are_best]
    best = largest(scores, max(CANDIDATES, 3 * request.limit))
    return _listed(shelf, rows[best], scores[best], request, matched)


def _choosing(shelf: Shelf, request: RankingRequest) -> Choose:
    """Return what takes a list from candidates, as different from each other as is asked for."""

    def choose(rows: Codes, worth: Floats, most: int) -> tuple[Codes, Floats]:
        return diversify(shelf, rows, worth, most, request.diversity)

    return choose


def _listed(
    shelf: Shelf, rows: Codes, relevance: Floats, request: RankingRequest, matched: int
) -> Ranking:
    """Take the list from its candidates: (c,) rows, the most relevant first."""
    chosen, shown = diversify(shelf, rows, relevance, request.limit, request.diversity)
    return Ranking(rows[chosen], relevance[chosen], shown, matched)


def text_scores(matrix: Vectors, texts: Codes, vector: Vectors) -> Floats:
    """Return the score of each text, (t,). Few are gathered first, many are picked out after.

    Text by text: at 256 dimensions that takes three quarters of the time of a matrix product.
    """
    if 4 * len(texts) < len(matrix):
        return products(matrix, texts, vector)
    scores: Floats = np.vecdot(matrix, vector)[texts]
    return scores
