"""What a search is about: a vote of the items nearest to it."""

import numpy as np
import pytest

from portrait.arrays import MISSING
from portrait.catalogue.catalogue import Catalogue
from portrait.events.item import Item
from portrait.model.model import Model
from portrait.model.space import Space
from portrait.ref import search_ref, text_ref
from tests.support.catalogues import ITEMS, catalogue, read


def about(built: Catalogue, *texts: str) -> list[str | None]:
    """Name the category of each search."""
    rows = built.vectors.find(np.array([search_ref(text) for text in texts], np.uint64))
    codes = built.interest_of(np.full(len(rows), MISSING), rows).tolist()
    names = list(built.interests)
    return [None if code == MISSING else names[code] for code in codes]


def item(id: str, title: str, category: str) -> Item:
    return Item(id=id, title=title, category=category)


def test_a_search_in_the_words_of_goods_is_about_their_category() -> None:
    searches = ("cheddar cheese", "quantum physics")

    assert about(catalogue(searches=searches), *searches) == ["Grocery > Dairy", None]


def test_many_like_items_outvote_the_one_that_is_likest() -> None:
    stray = item("stray", "cheddar cheese", "House > Kitchen")
    cheeses = [item(f"cheese-{n}", f"cheddar cheese {n}", "Grocery > Dairy") for n in range(3)]

    assert about(catalogue(stray, *cheeses, searches=("cheddar cheese",)), "cheddar cheese") == [
        "Grocery > Dairy"
    ]
    assert about(catalogue(stray, searches=("cheddar cheese",)), "cheddar cheese") == [
        "House > Kitchen"
    ]


def test_names_are_hashed_once_however_many_searches_come(monkeypatch: pytest.MonkeyPatch) -> None:
    built, hashed = catalogue(searches=("cheddar cheese", "quantum physics")), list[str]()

    def noted(text: str) -> int:
        hashed.append(text)
        return text_ref(text)

    monkeypatch.setattr("portrait.catalogue.catalogue.text_ref", noted)

    about(built, "cheddar cheese")
    names = list(built.interests)
    about(built, "quantum physics")

    assert hashed == names


def test_only_the_nearest_vote() -> None:
    near = [item(f"near-{n}", f"cheddar cheese {n}", "Grocery > Dairy") for n in range(10)]
    far = [item(f"far-{n}", f"cheddar chips party size {n}", "Snacks > Chips") for n in range(40)]

    assert about(catalogue(*near, *far, searches=("cheddar cheese",)), "cheddar cheese") == [
        "Grocery > Dairy"
    ]


def test_a_search_is_placed_again_when_goods_have_come_to_a_category_that_there_was() -> None:
    milk, cheese = ITEMS[:2]
    built = catalogue(milk, searches=("cheddar cheese",))
    read(built, cheese)
    before = about(built, "cheddar cheese")
    built.put(cheese)

    assert (before, about(built, "cheddar cheese")) == ([None], ["Grocery > Dairy"])


@pytest.mark.parametrize(
    ("first", "others", "of_one", "found"),
    [
        (0.33, 0.26, 5, "Grocery > Dairy"),
        (0.26, 0.26, 7, "Grocery > Dairy"),
        (0.26, 0.26, 5, None),  # they do not agree
        (0.24, 0.24, 10, None),  # they agree, and are not like it
    ],
)
def test_what_is_not_quite_near_counts_where_the_nearest_agree(
    first: float, others: float, of_one: int, found: str | None
) -> None:
    space = Space("none", np.zeros(11, np.float32), np.eye(11, dtype=np.float32))
    built = Catalogue(Model("test", space))
    goods = [
        item(str(n), f"good {n}", "Grocery > Dairy" if n < of_one else f"Other > {n}")
        for n in range(10)
    ]
    search = np.array([first, *[others] * 9, 0], np.float32)
    search[-1] = (1 - search @ search) ** 0.5
    refs = [*(text_ref(good.text) for good in goods), search_ref("a search")]
    built.vectors.put(refs, np.r_[np.eye(11, dtype=np.float32)[:10], [search]])
    for good in goods:
        built.put(good)

    assert about(built, "a search") == [found]


def test_where_nothing_has_a_category_no_search_has() -> None:
    bare = item("bare", "cheddar cheese", "")

    assert about(catalogue(bare, searches=("cheddar cheese",)), "cheddar cheese") == [None]


def test_a_flood_of_searches_is_placed_in_parts_and_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    searches = ("cheddar cheese", "whole milk", "dog food", "paper towels", "cat food", "nothing")
    together = about(catalogue(searches=searches), *searches)
    monkeypatch.setattr("portrait.catalogue.catalogue.MOST_SIMILARITIES", 1)

    assert about(catalogue(searches=searches), *searches) == together
