"""Parts: some of what a model says alone; each score is still the sum of what the events say."""

from itertools import combinations

import numpy as np
import pytest

from portrait.catalogue.edges import NO_EDGES, Edge, Edges, Relation, tabled
from portrait.inference.parts import ALL_PARTS, FACT, Paired, Part, narrowed
from portrait.inference.session import session_evidence, session_ring
from portrait.inference.shelf import Shelf, shelf_of
from portrait.inference.taste import FirstTaste, Taste, taste_of
from portrait.ref import item_ref
from tests.support.planted_shop import FIRST, LEARNED, STOCK, model, planted_catalogue

ROWS = {item.id: row for row, item in enumerate(STOCK)}
ROW_OF = {item_ref(id): row for id, row in ROWS.items()}
EVERY = np.arange(len(STOCK))
FITS = Edges.of(tabled([Edge("case", Relation.FITS, "phone")]), 1)
SOME = [frozenset(each) for count in (1, 2, 3) for each in combinations(sorted(ALL_PARTS), count)]


def taste(kind: str, *items: str) -> tuple[FirstTaste | Taste, Shelf]:
    of = model(kind)
    catalogue = planted_catalogue(of)
    evidence = session_evidence(session_ring(items, ()), catalogue)
    whole = FirstTaste(evidence) if of.learned is None else taste_of(evidence, of.learned)
    return whole, shelf_of(catalogue)


@pytest.mark.parametrize("parts", SOME, ids=lambda parts: "+".join(sorted(parts)))
@pytest.mark.parametrize("kind", [FIRST, LEARNED])
def test_the_shares_of_the_events_add_up_to_each_score(kind: str, parts: frozenset[Part]) -> None:
    whole, shelf = taste(kind, "phone", "spaghetti")

    alone = narrowed(whole, parts, shelf, ROW_OF, FITS)

    texts = np.vecdot(shelf.matrix[shelf.text], alone.asked)
    scores = alone.scores(shelf, EVERY, texts)
    np.testing.assert_allclose(alone.shares(shelf, EVERY).sum(axis=1), scores, atol=1e-5)


@pytest.mark.parametrize("kind", [FIRST, LEARNED])
def test_all_parts_are_the_model_itself(kind: str) -> None:
    whole, shelf = taste(kind, "phone")

    assert narrowed(whole, ALL_PARTS, shelf, ROW_OF, FITS) is whole


def test_what_goes_best_with_the_events_counts_one_whatever_the_model() -> None:
    whole, shelf = taste(LEARNED, "spaghetti")

    alone = narrowed(whole, frozenset({"together"}), shelf, ROW_OF, NO_EDGES)

    scores = alone.scores(shelf, EVERY, np.zeros(len(EVERY), np.float32))
    assert scores[ROWS["tomato"]] == pytest.approx(1)
    assert scores[ROWS["cheese"]] == pytest.approx(5 / 9)
    assert np.count_nonzero(scores) == 3


def test_what_the_shop_says_is_of_the_event_that_it_goes_with() -> None:
    whole, shelf = taste(FIRST, "phone", "spaghetti")

    alone = narrowed(whole, frozenset({"together"}), shelf, ROW_OF, FITS)

    assert isinstance(alone, Paired)
    (shares,) = alone.shares(shelf, np.array([ROWS["case"]]))
    assert shares.tolist() == [0, FACT]  # newest first: the pasta, the phone
