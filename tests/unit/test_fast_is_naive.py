"""What is fast says what is plain: rankings, diversity and words beside the obvious ways."""

from collections.abc import Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from portrait.arrays import Floats
from portrait.catalogue.catalogue import Catalogue
from portrait.catalogue.lexical import BEST_TEXTS, Lexicon, words_of
from portrait.events.item import Item
from portrait.inference.diversify import FIRST_SEEN, Pile
from portrait.inference.rank import rank_by
from portrait.inference.ranking import RankingRequest
from portrait.inference.shelf import Shelf, shelf_of
from portrait.model.model import Model
from portrait.model.space import Space, Vectors, unit
from portrait.ref import text_ref

DIM = 6  # so few that many candidates are alike
MODEL = Model("test", Space("none", np.zeros(DIM, np.float32), np.eye(DIM, dtype=np.float32)))
WORDS = ("milk", "tea", "green", "black", "oat", "茶", "绿", "奶")


def naive_most_marginal(
    vectors: Vectors, relevance: Floats, diversity: float, limit: int
) -> list[int]:
    """Compare every candidate with all that were taken, each time anew."""
    taken: list[int] = []
    for _ in range(min(limit, len(relevance))):
        likeness = (vectors @ vectors[taken].T).max(axis=1, initial=0)  # 0: unlike is no merit
        worth = relevance - np.float32(diversity) * likeness
        worth[taken] = -np.inf
        taken.append(int(worth.argmax()))
    return taken


def naive_match(titles: Sequence[str], query: str) -> dict[int, float]:
    """Score every text by the idf of the words that it shares with a query."""
    texts = [set(words_of(title)) for title in titles]
    scores: dict[int, float] = {}
    for word in set(words_of(query)):
        holders = [row for row, words in enumerate(texts) if word in words]
        for row in holders:
            idf = float(np.log1p(len(titles) / len(holders)))
            scores[row] = scores.get(row, 0) + idf / len(texts[row]) ** 0.5
    return scores


@settings(max_examples=60)
@given(st.integers(0, 5 * FIRST_SEEN), st.integers(1, 100), st.floats(0, 1), st.integers(0, 1_000))
def test_looking_no_further_than_needed_takes_the_same(
    count: int, limit: int, diversity: float, seed: int
) -> None:
    draw = np.random.default_rng(seed)
    vectors = unit(draw.standard_normal((count, DIM)).astype(np.float32))
    relevance = np.sort(draw.uniform(0, 1, count).astype(np.float32))[::-1].copy()

    pile = Pile(vectors, np.arange(count), relevance, diversity)
    taken = [pile.take() for _ in range(min(limit, count))]

    naive = naive_most_marginal(vectors, relevance, diversity, limit)
    if taken != naive:  # of two that are worth the same to the last bit or two, either will do
        worth = [relevance[chosen] for chosen in (taken, naive)]
        np.testing.assert_allclose(worth[0].sum(), worth[1].sum(), atol=1e-4)
    assert len(set(taken)) == len(taken)


def test_seldom_all_candidates_are_looked_at() -> None:
    vectors = unit(np.random.default_rng(0).standard_normal((300, 256)).astype(np.float32))
    relevance = np.linspace(1, 0, 300, dtype=np.float32)
    pile = Pile(vectors, np.arange(300), relevance, 0.3)

    taken = [pile.take() for _ in range(20)]

    assert taken == naive_most_marginal(vectors, relevance, 0.3, 20)
    assert pile.seen == FIRST_SEEN


@given(
    st.lists(st.integers(0, 15), max_size=40), st.integers(1, 30), st.integers(0, 9), st.booleans()
)
def test_a_ranking_by_scores_equals_scoring_each_item(
    texts: list[int],
    limit: int,
    seed: int,
    few: bool,  # noqa: FBT001 - drawn
) -> None:
    shelf = shelf_with(texts, offered=[not few or place % 5 == 0 for place in range(len(texts))])
    draw = np.random.default_rng(seed)
    vector = unit(draw.standard_normal((1, DIM)).astype(np.float32))[0]
    bonus = draw.uniform(0, 1, len(shelf)).astype(np.float32)

    ranking = rank_by(
        shelf,
        vector,
        RankingRequest(limit=limit, diversity=0),
        lambda rows, scores: scores + bonus[rows],
    )

    scored = {
        row: float(shelf.matrix[shelf.text[row]] @ vector + bonus[row])
        for row in range(len(shelf))
        if shelf.offered[row]
    }
    best = sorted(scored, key=lambda row: -scored[row])[:limit]
    np.testing.assert_allclose(ranking.scores, [scored[row] for row in best], atol=1e-5)
    assert ranking.rows.tolist() == best


@given(
    st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=5).map(" ".join), max_size=30),
    st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join),
)
def test_the_best_texts_of_a_query_are_those_of_all_scored(titles: list[str], query: str) -> None:
    lexicon = Lexicon()
    items = [Item(id=str(place), title=title) for place, title in enumerate(titles)]
    lexicon.learn(items, np.arange(len(items)))

    rows, scores = lexicon.match(query)

    naive = naive_match(titles, query)
    best = sorted(naive.values(), reverse=True)[:BEST_TEXTS]
    np.testing.assert_allclose(scores, best, rtol=1e-5)
    np.testing.assert_allclose(scores, [naive[row] for row in rows.tolist()], rtol=1e-5)


def shelf_with(texts: Sequence[int], offered: Sequence[bool]) -> Shelf:
    """Stock items with these texts."""
    built = Catalogue(MODEL)
    names = [f"text {text}" for text in sorted(set(texts))]
    noise = np.random.default_rng(5).standard_normal((len(names), DIM)).astype(np.float32)
    built.vectors.put([text_ref(name) for name in names], unit(noise))
    for place, (text, available) in enumerate(zip(texts, offered, strict=True)):
        built.put(Item(id=str(place), title=f"text {text}", available=available))
    return shelf_of(built)
