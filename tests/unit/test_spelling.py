"""Spelling: the nearest names of one that nobody has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portrait.catalogue import spelling
from portrait.catalogue.spelling import Spellings

PATHS = (
    "Grocery > Dairy > Milk",
    "Grocery > Dairy > Cheese",
    "Grocery > Beers/ales",
    "Electronics > Phones & Tablets",
    "Pets > Cat",
    "食品 > 乳制品 > 牛奶",
    "食品 > 零食",
)
WIDE_MILK = "".join(chr(ord(letter) + 0xFEE0) for letter in "Milk")  # full width
LETTERS = "abcdefghij牛奶茶 "


def nearest(name: str, *paths: str, most: int = 3) -> list[str]:
    spellings = Spellings()
    spellings.learn(paths or PATHS)
    return spellings.nearest(name, lambda _: True, most)


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("Grocery > Dary", "Grocery > Dairy"),
        ("Grocery > Diary", "Grocery > Dairy"),
        ("dairy", "Grocery > Dairy"),
        ("DAIRY > CHESE", "Grocery > Dairy > Cheese"),
        ("Grocery>Dairy>Milk", "Grocery > Dairy > Milk"),
        (WIDE_MILK, "Grocery > Dairy > Milk"),
        ("  milk ", "Grocery > Dairy > Milk"),
        ("Phones and Tablets", "Electronics > Phones & Tablets"),
        ("beer", "Grocery > Beers/ales"),
        ("牛乃", "食品 > 乳制品 > 牛奶"),
        ("食品 > 牛奶", "食品 > 乳制品 > 牛奶"),
    ],
)
def test_typing_errors_case_width_and_missing_levels_are_seen_through(
    name: str, first: str
) -> None:
    assert nearest(name)[0] == first


def test_where_nothing_is_alike_the_path_that_it_lies_in_is_told() -> None:
    assert nearest("Pets > quartz") == ["Pets"]
    spellings = Spellings()
    spellings.learn(PATHS)
    assert spellings.nearest("Pets > No > quartz", lambda path: path == "Pets", 3) == ["Pets"]
    assert spellings.nearest("quartz", lambda _: False, 3) == []


def test_of_paths_that_end_alike_that_of_the_same_parents_comes_first() -> None:
    paths = ("Cats > Food", "Dogs > Food", "Birds > Food")

    assert nearest("Dogs > Foood", *paths)[0] == "Dogs > Food"
    assert sorted(nearest("food", *paths)) == sorted(paths)


def test_what_is_gone_is_not_told() -> None:
    spellings = Spellings()
    spellings.learn(["Farm", "Farmer"])

    assert spellings.nearest("Farn", lambda name: name != "Farm", 3) == ["Farmer"]


@given(
    st.lists(st.text(LETTERS, min_size=2, max_size=12).filter(str.strip), min_size=1, max_size=30)
)
def test_every_name_is_nearest_to_itself(names: list[str]) -> None:
    for name in names:
        best = nearest(name.upper(), *names, most=1)[0]

        assert set(best.split()) <= set(name.split()) or set(best) == set(name)


def test_names_learned_again_and_beyond_the_most_are_not_added(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(spelling, "MOST_NAMES", 4)
    spellings = Spellings()

    for _ in range(2):
        spellings.learn(["A > B > C", "A > B > D", "A > E"])

    assert len(spellings) == 4  # A, A > B, and the two below


def test_more_names_than_there_was_room_for_are_all_found() -> None:
    many = [f"brand {place:x}" for place in range(5 * spelling.FIRST_ROWS // 4)]

    for name in (many[0], many[-1]):
        assert nearest(name, *many, most=1) == [name]
