"""Recommend: what is offered, in which order."""

import itertools
from datetime import datetime
from random import Random
from time import thread_time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portrait.arrays import MISSING, Codes, Floats
from portrait.catalogue.catalogue import FOREVER, Catalogue
from portrait.catalogue.popularity import popularity_of
from portrait.events.item import Item
from portrait.inference.diversify import ITEMS_PER_TEXT
from portrait.inference.eligible import eligible
from portrait.inference.popular import ITEMS_PER_CATEGORY, _first_allowed, fill_up, rank_popular
from portrait.inference.rank import blend, rank, rank_by
from portrait.inference.ranking import Filters, Ranking, RankingRequest
from portrait.inference.shelf import Shelf, shelf_of
from portrait.model.model import Model
from portrait.model.space import Space, Vectors, unit
from portrait.ref import text_ref
from portrait.times import DAY_MS, to_moment
from tests.support.catalogues import ITEMS, catalogue

DIM = 8
MODEL = Model("test", Space("none", np.zeros(DIM, np.float32), np.eye(DIM, dtype=np.float32)))
KINDS = ("Food > Dairy > Milk", "Food > Dairy > Cheese", "Food > Meat", "House", "Foodstuff")


def shelf_with(*items: Item, seed: int = 0) -> Shelf:
    built = Catalogue(MODEL)
    texts = list(dict.fromkeys(item.text for item in items))
    noise = np.random.default_rng(seed).standard_normal((len(texts), DIM)).astype(np.float32)
    built.vectors.put([text_ref(text) for text in texts], unit(noise))
    for item in items:
        built.put(item)
    return shelf_of(built)


def assorted(count: int, texts: int) -> list[Item]:
    return [
        Item(
            id=f"item-{place}",
            title=f"text {place % texts}",
            category=KINDS[place % len(KINDS)],
            brand=("Acme", "Bolt", "")[place % 3],
            price=float(place % 7) or None,
            available=place % 5 != 0,
            withdrawn=place % 10 == 0,
        )
        for place in range(count)
    ]


def vector(seed: int = 1) -> Vectors:
    return blend(unit(np.random.default_rng(seed).standard_normal((2, DIM)).astype(np.float32)))


def ids(shelf: Shelf, ranking: Ranking) -> list[str]:
    return [shelf.items[row].id for row in ranking.rows.tolist()]


def nobody(shelf: Shelf) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.zeros(len(shelf), np.float32)


def test_a_score_is_three_tenths_long_term_and_seven_tenths_short_term() -> None:
    shelf = shelf_with(Item(id="only", title="only"))
    long, short = unit(np.random.default_rng(3).standard_normal((2, DIM)).astype(np.float32))

    ranking = rank(shelf, blend(np.stack([long, short])), RankingRequest(), nobody(shelf))

    (here,) = shelf.matrix
    assert ranking.scores == pytest.approx([0.3 * (long @ here) + 0.7 * (short @ here)], abs=1e-6)


@given(st.integers(0, 60), st.integers(1, 30), st.integers(1, 40), st.integers(0, 9))
def test_without_diversity_the_top_equals_brute_force(
    count: int, texts: int, limit: int, seed: int
) -> None:
    shelf = shelf_with(*assorted(count, texts), seed=seed)
    scores = shelf.matrix @ vector(seed) if len(shelf) else np.zeros(0)
    offered = [row for row, item in enumerate(shelf.items) if item.available and not item.withdrawn]

    ranking = rank(shelf, vector(seed), RankingRequest(limit=limit, diversity=0), nobody(shelf))

    best = sorted((scores[shelf.text[row]] for row in offered), reverse=True)[:limit]
    assert ranking.scores.tolist() == pytest.approx(best, abs=1e-6)


@given(st.integers(0, 60), st.integers(1, 30), st.integers(1, 40), st.floats(0, 1))
def test_any_diversity_fills_the_limit_with_different_items_that_may_be_offered(
    count: int, texts: int, limit: int, diversity: float
) -> None:
    shelf = shelf_with(*assorted(count, texts))

    ranking = rank(shelf, vector(), RankingRequest(limit=limit, diversity=diversity), nobody(shelf))

    assert len(ranking.rows) == min(limit, int(shelf.offered.sum()))
    assert len(set(ranking.rows.tolist())) == len(ranking.rows)
    assert shelf.offered[ranking.rows].all()


def test_items_of_one_text_do_not_crowd_out_the_others() -> None:
    twins = [Item(id=f"twin-{place}", title="twin") for place in range(50)]
    others = [Item(id=f"other-{place}", title=f"other {place}") for place in range(20)]
    shelf = shelf_with(*twins, *others)
    towards_twin = shelf.matrix[shelf.text[0]]

    ranking = rank(shelf, towards_twin, RankingRequest(limit=10), nobody(shelf))

    found = ids(shelf, ranking)
    assert found[0].startswith("twin")
    assert sum(id.startswith("twin") for id in found) <= ITEMS_PER_TEXT


def test_of_items_of_one_text_the_popular_one_comes_first() -> None:
    shelf = shelf_with(*[Item(id=f"twin-{place}", title="twin") for place in range(5)])
    wanted = np.array([0, 1, 0, 7, 0], np.float32)

    ranking = rank(shelf, shelf.matrix[0], RankingRequest(limit=2), wanted)

    assert ids(shelf, ranking) == ["twin-3", "twin-1"]


def test_diversity_counts_as_much_whether_scores_are_high_or_low() -> None:
    """Searches and texts are less alike than items are to each other."""
    shelf = shelf_with(*assorted(200, 200))
    near, far = (
        rank(shelf, share * vector(), RankingRequest(limit=10), nobody(shelf))
        for share in (1.0, 0.2)
    )

    assert near.rows.tolist() == far.rows.tolist()


def test_more_diversity_means_less_alike_items() -> None:
    shelf = shelf_with(*[Item(id=str(place), title=str(place)) for place in range(200)])

    def likeness(diversity: float) -> float:
        ranking = rank(
            shelf, vector(), RankingRequest(limit=10, diversity=diversity), nobody(shelf)
        )
        chosen = shelf.matrix[shelf.text[ranking.rows]]
        return float((chosen @ chosen.T).mean())

    assert likeness(0.9) < likeness(0.3) < likeness(0)


@pytest.mark.parametrize(
    ("filters", "fitting"),
    [
        (Filters(categories=("Food",)), {"milk", "cheese", "beef"}),
        (Filters(categories=("Food > Dairy",)), {"milk", "cheese"}),
        (Filters(categories=("food > dairy > milk",)), {"milk"}),
        (Filters(categories=("Food > Dairy > Milk", "House")), {"milk", "towels"}),
        (Filters(categories=("Foo",)), set()),
        (Filters(categories=("nothing of the kind",)), set()),
        (Filters(brands=("acme",)), {"milk", "beef"}),
        (Filters(brands=("Acme", "Bolt")), {"milk", "beef", "cheese"}),
        (Filters(price_min=2), {"cheese", "beef"}),
        (Filters(price_max=2), {"milk", "cheese", "gift"}),
        (Filters(price_max=0), {"gift"}),
        (Filters(price_min=0, price_max=0), {"gift"}),
        (Filters(price_min=1e-9, price_max=1), {"milk"}),
        (Filters(price_min=2, price_max=2), {"cheese"}),
        (Filters(price_min=0), {"milk", "cheese", "beef", "gift"}),
        (Filters(price_min=1e308), set()),
        (Filters(price_min=0, price_max=1e308), {"milk", "cheese", "beef", "gift"}),
        (Filters(), {"milk", "cheese", "beef", "towels", "stuff", "gift"}),
        (
            Filters(only_available=False),
            {"milk", "cheese", "beef", "towels", "stuff", "gift", "sold out"},
        ),
    ],
    ids=itertools.count(),
)
def test_a_filter_keeps_what_fits_it(filters: Filters, fitting: set[str]) -> None:
    shelf = shelf_with(
        Item(id="milk", title="milk", category="Food > Dairy > Milk", brand="Acme", price=1),
        Item(id="cheese", title="cheese", category="Food > Dairy", brand="Bolt", price=2),
        Item(id="beef", title="beef", category="Food > Meat", brand="Acme", price=9),
        Item(id="towels", title="towels", category="House"),
        Item(id="gift", title="gift", category="Gifts", price=0),
        Item(id="stuff", title="stuff", category="Foodstuff"),
        Item(id="sold out", title="sold out", available=False),
        Item(id="gone", title="gone", available=False, withdrawn=True),
    )

    ranking = rank(shelf, vector(), RankingRequest(filters=filters), nobody(shelf))

    assert set(ids(shelf, ranking)) == fitting


def test_what_has_no_title_is_in_no_list_whatever_the_filters() -> None:
    nameless = Item(id="nameless", category="Food", brand="Acme", price=1)
    shelf = shelf_with(nameless, Item(id="milk", title="milk"))
    everything = RankingRequest(filters=Filters(only_available=False))

    for wish in (RankingRequest(), everything):
        ranked = rank(shelf, vector(), wish, nobody(shelf))
        popular = rank_popular(shelf, np.array([0, 1]), wish, nobody(shelf))
        assert (ids(shelf, ranked), ids(shelf, popular)) == (["milk"], ["milk"])
    assert not shelf.has_category("Food")
    assert not shelf.has_brand("Acme")


def day(number: int) -> datetime:
    return to_moment(number * DAY_MS)


def test_an_item_is_offered_from_its_first_moment_until_its_last() -> None:
    built = Catalogue(MODEL)
    for item in (
        Item(id="always", title="x"),
        Item(id="from 2", title="x", available_from=day(2)),
        Item(id="until 3", title="x", available_until=day(3)),
        Item(id="2 to 3", title="x", available_from=day(2), available_until=day(3)),
        Item(id="never", title="x", available_from=day(3), available_until=day(2)),
        Item(id="sold out", title="x", available=False, available_from=day(2)),
    ):
        built.put(item)
    two, three = 2 * DAY_MS, 3 * DAY_MS

    shelves = {at: shelf_of(built, at) for at in (two - 1, two, three - 1, three)}

    offered = {
        at: {shelf.items[row].id for row in np.flatnonzero(shelf.offered).tolist()}
        for at, shelf in shelves.items()
    }
    within = {"always", "from 2", "until 3", "2 to 3"}
    assert offered == {
        two - 1: {"always", "until 3"},
        two: within,
        three - 1: within,
        three: {"always", "from 2"},
    }
    changes = [shelf.changes_at for shelf in shelves.values()]
    assert changes == [two, three, three, FOREVER]
    everything = RankingRequest(filters=Filters(only_available=False))
    assert eligible(shelves[three], everything)[0].all()


SIZES = [
    Item(id=f"{thing}-{size}", title=f"{thing} {size}", group_id=thing, category=f"Wear > {thing}")
    for thing in ("shirt", "shoe")
    for size in ("s", "m", "l")
]


@pytest.mark.parametrize("diversity", [0, 0.3, 1])
@pytest.mark.parametrize("is_by_row", [True, False])
def test_of_one_group_a_list_has_the_best_item(diversity: float, is_by_row: bool) -> None:  # noqa: FBT001
    shelf = shelf_with(*SIZES, Item(id="hat", title="hat"), Item(id="cap", title="cap"))
    scores = np.vecdot(shelf.matrix[shelf.text], vector())
    best = {max(range(start, start + 3), key=lambda row: scores[row]) for start in (0, 3)}

    wish = RankingRequest(diversity=diversity)
    if is_by_row:
        ranking = rank_by(shelf, vector(), wish, lambda _, scores: scores)
    else:
        ranking = rank(shelf, vector(), wish, nobody(shelf))

    assert {*ranking.rows.tolist()} == {*best, 6, 7}
    assert ranking.matched == 8


def test_of_one_group_there_is_one_item_however_many_crowd_the_candidates() -> None:
    crowd = [Item(id=f"c-{n}", title=f"crowd {n}", group_id="crowd") for n in range(400)]
    shelf = shelf_with(*crowd, *(Item(id=f"o-{n}", title=f"other {n}") for n in range(5)))
    best = vector()

    def beside(rows: Codes) -> Floats:
        return np.where(rows < 400, np.float32(10), np.float32(0))

    for ranking in (
        rank(shelf, best, RankingRequest(), nobody(shelf), beside),
        rank_by(shelf, best, RankingRequest(), lambda rows, scores: scores + beside(rows)),
    ):
        assert len(ranking.rows) == 6
        assert (ranking.rows < 400).sum() == 1


def test_of_one_group_the_most_popular_item_is_in_the_popular_list() -> None:
    shelf = shelf_with(*SIZES, Item(id="hat", title="hat"))
    order = np.array([2, 1, 4, 0, 6, 3, 5])

    popular = rank_popular(shelf, order, RankingRequest(), nobody(shelf))
    disliked = RankingRequest(disliked=np.array([0]))
    last = rank_popular(shelf, order, disliked, nobody(shelf))

    assert ids(shelf, popular) == ["shirt-l", "shoe-m", "hat"]
    assert ids(shelf, last) == ["shoe-m", "hat", "shirt-l"]


def test_a_crowd_of_variants_leaves_the_popular_list_to_others() -> None:
    crowd = [Item(id=f"c-{n}", title="crowd", group_id="crowd") for n in range(6_000)]
    shelf = shelf_with(*crowd, Item(id="hat", title="hat"))

    popular = rank_popular(shelf, np.arange(6_001), RankingRequest(limit=2), nobody(shelf))

    assert ids(shelf, popular) == ["c-0", "hat"]


def test_a_list_is_filled_up_with_no_variant_of_what_is_in_it() -> None:
    built = Catalogue(MODEL)
    built.vectors.put([text_ref(SIZES[0].text)], np.ones((1, DIM), np.float32))
    for item in (*SIZES, Item(id="hat", title="hat")):
        built.put(item)
    shelf, wish = shelf_of(built), RankingRequest()

    ranking = rank(shelf, vector(), wish, nobody(shelf))
    filled = fill_up(shelf, ranking, np.array([1, 4, 3, 5, 6, 0, 2]), wish)

    assert ids(shelf, filled) == ["shirt-s", "shoe-m", "hat"]
    assert filled.filled == 2


def test_an_excluded_item_is_left_out_and_an_unknown_one_ignored() -> None:
    shelf = shelf_of(catalogue())
    everything = np.array([0, 2, -1, 999])

    for wish in (
        RankingRequest(excluded=everything),
        RankingRequest(excluded=everything, diversity=0),
    ):
        ranking = rank(shelf, np.ones(shelf.matrix.shape[1], np.float32), wish, nobody(shelf))
        assert set(ids(shelf, ranking)) == {"cheese", "tuna", "beef"}


def test_an_item_without_a_vector_is_not_ranked_but_can_be_popular() -> None:
    built = Catalogue(MODEL)
    built.put(Item(id="new", title="new"))
    shelf = shelf_of(built)

    ranked = rank(shelf, vector(), RankingRequest(), nobody(shelf))
    popular = rank_popular(shelf, np.array([0]), RankingRequest(), nobody(shelf))

    assert ids(shelf, ranked) == []
    assert ids(shelf, popular) == ["new"]


def test_the_popular_come_first_but_only_a_few_of_each_category() -> None:
    many = [Item(id=f"food-{place}", title="x", category="Food > A") for place in range(10)]
    few = [Item(id=f"house-{place}", title="y", category="House > B") for place in range(2)]
    built = catalogue(*many, *few)
    shelf = shelf_of(built)
    wanted = popularity_of(built, {f"food-{place}": 1_000 * place for place in range(10)})

    ranking = rank_popular(shelf, wanted.order, RankingRequest(limit=7), wanted.weights)

    first = ["food-9", "food-8", "food-7"]
    assert len(first) == ITEMS_PER_CATEGORY
    assert ids(shelf, ranking) == [*first, "house-0", "house-1", "food-6", "food-5"]
    assert ranking.scores.tolist() == [9, 8, 7, 0, 0, 6, 5]
    assert ranking.shown.tolist() == pytest.approx([1, 8 / 9, 7 / 9, 0, 0, 0, 0])


def test_what_is_disliked_comes_last_of_the_popular_with_its_category() -> None:
    food = [Item(id=f"food-{place}", title="x", category="Food > A") for place in range(3)]
    others = [Item(id="house", title="y", category="House > B"), Item(id="odd", title="z")]
    built = catalogue(*food, *others)
    shelf = shelf_of(built)
    wanted = popularity_of(built, {"food-0": 3_000, "food-1": 2_000, "odd": 1_000})
    food_1, odd, unknown = 1, 4, MISSING

    for disliked, expected in (
        ([food_1, unknown], ["odd", "house", "food-0", "food-1", "food-2"]),
        ([odd], ["food-0", "food-1", "food-2", "house", "odd"]),
    ):
        wish = RankingRequest(disliked=np.array(disliked))
        ranking = rank_popular(shelf, wanted.order, wish, wanted.weights)
        assert ids(shelf, ranking) == expected


@given(st.lists(st.booleans(), max_size=30), st.integers(1, 12), st.randoms())
def test_the_first_allowed_are_the_first_of_all_that_are(
    allowed: list[bool], most: int, random: Random
) -> None:
    order = random.sample(range(len(allowed)), len(allowed))

    first = _first_allowed(np.array(order, np.int64), np.array(allowed, np.bool_), most)

    assert first.tolist() == [row for row in order if allowed[row]][:most]


def test_without_popularity_the_catalogue_s_order_is_kept() -> None:
    built = catalogue()
    shelf = shelf_of(built)
    wanted = popularity_of(built, {})

    ranking = rank_popular(shelf, wanted.order, RankingRequest(), wanted.weights)

    assert ids(shelf, ranking) == [item.id for item in ITEMS]


def test_a_new_item_is_not_popular_yet() -> None:
    built = catalogue()
    wanted = popularity_of(built, {"beef": 3_000, "unknown": 9_000})

    padded = wanted.padded(len(ITEMS) + 1)

    assert padded.weights.tolist() == [0, 0, 0, 0, 3, 0]
    assert padded.order.tolist() == [4, 0, 1, 2, 3, 5]


def test_a_shelf_does_not_change_with_its_catalogue() -> None:
    built = catalogue()
    shelf = shelf_of(built)

    built.put(ITEMS[0].model_copy(update={"withdrawn": True}))
    built.put(Item(id="new", title="new"))

    assert shelf.offered.all()
    assert len(shelf) == len(ITEMS)


@given(st.integers(1, 60), st.integers(1, 30), st.integers(1, 40), st.floats(0, 1), st.integers(0))
def test_the_list_is_in_the_order_of_what_is_shown_from_one_to_nought(
    count: int, texts: int, limit: int, diversity: float, seed: int
) -> None:
    """Whatever scores it and however unlike its items are to be; nothing is told twice as much."""
    shelf = shelf_with(*assorted(count, texts), seed=seed % 1_000)
    draw = np.random.default_rng(seed % 1_000)
    any_scores = (draw.standard_normal(len(shelf)) * draw.choice([0, 0.01, 1, 40])).astype("f4")
    wanted = np.abs(any_scores)
    disliked = np.flatnonzero(draw.uniform(size=len(shelf)) < 0.1)
    wish = RankingRequest(limit=limit, diversity=diversity, disliked=disliked)

    for ranking in (
        rank(shelf, vector(seed % 1_000), wish, nobody(shelf)),
        rank_by(shelf, vector(), wish, lambda rows, _: any_scores[rows]),
        rank_popular(shelf, np.argsort(-wanted, kind="stable"), wish, wanted),
    ):
        assert len(ranking.shown) == len(ranking.scores) == len(ranking.rows)
        assert (np.diff(ranking.shown) <= 0).all()
        assert ((ranking.shown >= 0) & (ranking.shown <= 1)).all()
        assert np.abs(ranking.scores).max(initial=0) <= ranking.peak


def test_the_first_item_shows_one_and_without_diversity_each_shows_its_relevance() -> None:
    shelf = shelf_with(*[Item(id=str(place), title=str(place)) for place in range(40)])

    plain, diverse = [
        rank(shelf, vector(), RankingRequest(limit=5, diversity=diversity), nobody(shelf))
        for diversity in (0, 0.3)
    ]

    assert plain.shown.tolist() == pytest.approx((plain.scores / plain.peak).tolist())
    assert plain.shown[0] == diverse.shown[0] == 1


def test_what_is_shown_is_the_mean_of_how_it_suits_and_of_how_unlike_it_is_to_those_above() -> None:
    shelf = shelf_with(*[Item(id=str(place), title=str(place)) for place in range(40)])

    ranking = rank(shelf, vector(), RankingRequest(limit=9, diversity=0.3), nobody(shelf))

    vectors = shelf.matrix[shelf.text[ranking.rows]]
    suits = 0.7 * ranking.scores / ranking.scores.max()  # likeness ends at 1, and so does this
    for place in range(9):
        nearest = (vectors[:place] @ vectors[place]).max(initial=0)
        mean = (suits[place] + 0.3 * (1 - nearest)) / (suits[0] + 0.3)
        assert ranking.shown[place] == pytest.approx(mean, abs=1e-5)


def test_the_third_item_of_a_text_comes_last_and_shows_no_more_than_the_one_above() -> None:
    twins = [Item(id=f"twin-{place}", title="twin") for place in range(4)]
    shelf = shelf_with(*twins, *[Item(id=f"other-{place}", title=str(place)) for place in range(3)])

    ranking = rank(shelf, shelf.matrix[0], RankingRequest(limit=7, diversity=0.3), nobody(shelf))

    assert [id.startswith("twin") for id in ids(shelf, ranking)[-2:]] == [True, True]
    assert ranking.shown[-1] <= ranking.shown[-2] <= ranking.shown[-3]
    assert ranking.scores[-1] == ranking.peak


def _lies_in(item: Item, category: str) -> bool:
    return f"{item.category} > ".startswith(f"{category} > ")


@given(st.sampled_from(["Food", "House", "nothing"]), st.lists(st.integers(0, 59), max_size=60))
def test_it_is_counted_how_many_items_fit_whatever_is_excluded(
    category: str, excluded: list[int]
) -> None:
    shelf = shelf_with(*assorted(60, 20))
    filters = Filters(categories=(category,))
    wish = RankingRequest(limit=3, filters=filters, excluded=np.array(excluded, np.int64))

    for ranking in (
        rank(shelf, vector(), wish, nobody(shelf)),
        rank_by(shelf, vector(), wish, lambda _, scores: scores),
        rank_popular(shelf, np.arange(60), wish, nobody(shelf)),
    ):
        fit = [shelf.offered[row] for row in range(60) if _lies_in(shelf.items[row], category)]
        assert ranking.matched == sum(fit)
        assert len(ranking.rows) == min(3, int(eligible(shelf, wish)[0].sum()))


def test_what_has_not_been_read_fills_up_a_list_the_popular_first() -> None:
    read = [Item(id=f"read-{place}", title=str(place)) for place in range(2)]
    unread = [Item(id=f"new-{place}", title=f"new {place}") for place in range(4)]
    built = Catalogue(MODEL)
    built.vectors.put([text_ref(item.text) for item in read], np.eye(DIM, dtype=np.float32)[:2])
    for item in (*read, *unread):
        built.put(item)
    shelf, wish = shelf_of(built), RankingRequest(limit=5, excluded=np.array([2]))
    order = np.array([5, 0, 2, 3, 4, 1])

    ranking = fill_up(shelf, rank(shelf, vector(), wish, nobody(shelf)), order, wish)

    assert sorted(ids(shelf, ranking)[:2]) == ["read-0", "read-1"]
    assert ids(shelf, ranking)[2:] == ["new-3", "new-1", "new-2"]
    assert (ranking.filled, ranking.matched) == (3, 6)
    assert ranking.scores[2:].tolist() == ranking.shown[2:].tolist() == [0, 0, 0]
    assert (np.diff(ranking.shown) <= 0).all()


def test_the_shop_has_a_name_while_an_item_of_it_is_in_the_catalogue_available_or_not() -> None:
    shelf = shelf_with(
        Item(id="milk", title="milk", category="Food > Dairy", brand="Farm", available=False),
        Item(id="gone", title="gone", category="House > Paper", brand="Dry", withdrawn=True),
    )

    assert shelf.has_category("food")
    assert shelf.has_category("Food > Dairy")
    assert shelf.has_brand("FARM")
    assert not shelf.has_category("House")
    assert not shelf.has_category("Foo")
    assert not shelf.has_brand("Dry")


@pytest.fixture(scope="module")
def long_shelf() -> Shelf:
    """Return one of twenty thousand items, each of a brand and a category of its own."""
    items = [
        Item(id=str(place), title=f"text {place % 50}", brand=f"b{place}", category=f"c{place}")
        for place in range(20_000)
    ]
    return shelf_with(*items)


@pytest.mark.parametrize("kind", ["brands", "categories"])
def test_fifty_names_in_a_filter_cost_no_more_than_a_few(kind: str, long_shelf: Shelf) -> None:
    popularity = np.zeros(len(long_shelf), np.float32)

    def cost(*names: str) -> float:
        filters = Filters(brands=names) if kind == "brands" else Filters(categories=names)
        began = thread_time()
        rank(long_shelf, vector(), RankingRequest(10, filters), popularity)
        return thread_time() - began

    one = min(cost(f"{kind[0]}{place}") for place in range(5))
    fifty = min(cost(*(f"{kind[0]}{50 * place + n}" for n in range(50))) for place in range(1, 6))
    assert fifty < 10 * one
