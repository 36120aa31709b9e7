"""Brands in titles: what items with a brand teach, and what a title says by it."""

import pytest

from portrait.catalogue.brands import (
    ENOUGH,
    LONGEST,
    MOST_WORDS,
    REACH,
    KnownBrands,
    brand_in,
    first_known,
    names_in,
    words_of,
)

ITEMS = [
    ("Acme Tools Hammer", "Acme Tools"),
    ("Acme saw", "Acme"),
    ("ACME nails", "ACME"),
    ("Acme screws", "Acme"),
    ("Steel pipe", "Steel"),
    ("Stainless steel bowl", "Bowls & Co"),
    ("Wire of steel", "Wires"),
    ("华为 Mate 60 手机", "华为"),
    ("三只松鼠坚果大礼包", "三只松鼠"),
]


def taught(*items: tuple[str, str]) -> dict[str, str]:
    known = KnownBrands()
    for _, brand in items:
        if brand:
            known.meet(brand)
    for title, brand in items:
        known.count(title, brand)
    return known.said()


@pytest.mark.parametrize(
    ("title", "brand"),
    [
        ("acme drill", "Acme"),  # as it is mostly written
        ("New Acme Tools drill", "Acme Tools"),  # the longest that stands there
        ("Drill for Acme by Acme Tools", "Acme"),  # the one that stands first
        ("Acmes drill", ""),  # a part of a word is none
        ("Steel drill by Acme", ""),  # what stands first is mostly no brand
        ("華為手機殼", "华为"),  # traditional characters
        ("正品三只松鼠每日坚果", "三只松鼠"),  # between others, without spaces
        ("\uff21\uff43\uff4d\uff45 drill", "Acme"),  # full width
        ("三只小猪", ""),
        ("", ""),
    ],
)
def test_a_title_says_the_known_brand_that_stands_first(title: str, brand: str) -> None:
    assert brand_in(title, taught(*ITEMS)) == brand


def test_a_name_is_trusted_from_six_in_ten_titles_on() -> None:
    def shares(right: int, seen: int) -> str:
        others = [(f"Fine thing {n}", "Others") for n in range(seen - right)]
        return taught(*[("Fine thing", "Fine")] * right, *others)["fine"]

    assert shares(1, 1) == "Fine"  # 1.5 / 2
    assert shares(1, 2) == ""  # 1.5 / 3
    assert shares(4, 6) == "Fine"  # 4.5 / 7
    assert shares(3, 5) == ""  # 3.5 / 6
    assert taught(("A thing", "Unseen")) == {"unseen": ""}


@pytest.mark.parametrize("teaching", range(1, ENOUGH))
def test_a_few_items_of_a_brand_do_not_speak_for_very_many_titles(teaching: int) -> None:
    def said(bare: int) -> str:
        return taught(
            *[("The thing", "The")] * teaching, *[(f"The lamp {n}", "") for n in range(bare)]
        )["the"]

    assert said(REACH * teaching) == "The"
    assert said(REACH * teaching + 1) == ""


def test_enough_items_of_a_brand_speak_for_as_many_titles_as_there_are() -> None:
    bare = [(f"Acme lamp {n}", "") for n in range(REACH * REACH)]

    assert taught(*[("Acme thing", "Acme")] * ENOUGH, *bare) == {"acme": "Acme"}


def test_brands_beyond_those_that_are_known_are_not_met(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portrait.catalogue.brands.MOST_BRANDS", 1)

    assert taught(("Acme saw", "Acme"), ("Sticky glue", "Sticky"), ("Acme pen", "Acme")) == {
        "acme": "Acme"
    }


def test_of_a_title_only_so_many_words_are_looked_at() -> None:
    words = words_of("箱" * 10 * MOST_WORDS)

    assert len(words) == MOST_WORDS
    assert sum(1 for _ in names_in(words)) <= MOST_WORDS * LONGEST
    assert first_known("x " * MOST_WORDS + "acme", {"acme"}) == ""


def test_what_a_redaction_has_left_is_no_word() -> None:
    assert words_of("[email] Acme") == ["acme"]
