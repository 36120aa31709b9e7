"""Categories: which paths are one, and how it is written."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portrait.events.category import (
    SEPARATOR,
    interest_category,
    levels_of,
    meaning_of,
    paths_to,
    spelled,
    top_category,
)

WIDE = "\N{FULLWIDTH LATIN CAPITAL LETTER T}\N{FULLWIDTH GREATER-THAN SIGN}green"
LEVELS = st.text(st.sampled_from("aBcé ßЖ茶&'-"), min_size=1, max_size=6).filter(str.strip)
PATHS = st.lists(LEVELS, min_size=1, max_size=4)
SEPARATORS = st.sampled_from([" > ", ">", "/", " / ", "|", " » ", "›", "→ ", " >> "])  # noqa: RUF001


@pytest.mark.parametrize(
    "path",
    [
        "Grocery > Tea",
        "Grocery>Tea",
        "Grocery/Tea",
        "Grocery > Tea ",
        "GROCERY > TEA",
        "grocery.tea",
        "/Grocery//Tea/",
        " grocery  |  tea",
        "Grocery » Tea",
        "Grocery › Tea",  # noqa: RUF001
        "Grocery→Tea",
    ],
)
def test_one_path_in_many_ways_to_write_is_one(path: str) -> None:
    assert meaning_of(path) == "grocery > tea"
    assert [level.casefold() for level in levels_of(path)] == ["grocery", "tea"]


@given(PATHS, SEPARATORS, st.sampled_from(["NFC", "NFD", "NFKC"]))
def test_separators_case_spaces_and_unicode_forms_say_nothing(
    levels: list[str], separator: str, form: str
) -> None:
    path = unicodedata.normalize(form, separator.join(levels).swapcase())  # type: ignore[arg-type]

    assert meaning_of(path) == meaning_of(SEPARATOR.join(f" {level} " for level in levels))


@given(PATHS | st.lists(st.sampled_from(["tv", "kids", "toys", "com"])), SEPARATORS | st.just("."))
def test_a_path_s_meaning_begins_with_those_of_the_paths_it_lies_in(
    levels: list[str], separator: str
) -> None:
    path = separator.join(levels)

    for parent in paths_to(path)[:-1]:
        assert meaning_of(path).startswith(meaning_of(parent) + SEPARATOR)


@pytest.mark.parametrize(
    "name",
    [
        "Dr. Martens",
        "Dr.Martens",
        "3.5mm",
        "node.js",
        "Three.js",
        "amazon.com",
        "e.l.f",
        "No.1",
        "St. Ives. Baths",
        "v1.2",
        "U.S.A.",
        "tea.",
        ".tea",
        "Health & Beauty",
    ],
)
def test_a_name_with_a_dot_is_no_path(name: str) -> None:
    assert levels_of(name) == [name]
    assert meaning_of(name) == name.casefold()


@pytest.mark.parametrize(
    ("path", "levels"),
    [
        ("electronics.smartphone", ["electronics", "smartphone"]),
        ("electronics.video.tv", ["electronics", "video", "tv"]),
        ("Audio/Video > Cables", ["Audio/Video", "Cables"]),
        ("Audio/Video", ["Audio", "Video"]),
        (f"{WIDE}", ["\N{FULLWIDTH LATIN CAPITAL LETTER T}", "green"]),
        ("食品 > 茶", ["食品", "茶"]),
        (" > ", []),
        ("", []),
    ],
)
def test_the_widest_separator_divides_a_path(path: str, levels: list[str]) -> None:
    assert levels_of(path) == levels


def test_a_path_with_a_slash_in_a_level_lies_in_what_the_slash_alone_divides() -> None:
    assert meaning_of("Audio/Video > Cables") == "audio > video > cables"
    assert meaning_of("Audio/Video") == "audio > video"


@pytest.mark.parametrize(
    ("top", "interest", "path"),
    [
        ("A", "A > B", "A > B > C"),
        ("A", "A>B", "A>B>C"),
        ("A", "A/B", "A/B/C"),
        ("first", "first.second", "first.second.third"),
        ("A", "A", "A"),
    ],
)
def test_a_path_is_cut_as_it_is_written(top: str, interest: str, path: str) -> None:
    assert (top_category(path), interest_category(path)) == (top, interest)
    assert paths_to(path) == list(dict.fromkeys([top, interest, path]))


def test_a_path_is_spelled_as_those_it_lies_in_were_first() -> None:
    first = spelled("Grocery > Tea", {})

    assert spelled("grocery/tea/Green", first) == {
        "grocery": "Grocery",
        "grocery > tea": "Grocery > Tea",
        "grocery > tea > green": "Grocery > Tea > Green",
    }
    assert spelled("electronics.smartphone", {}) == {
        "electronics": "electronics",
        "electronics > smartphone": "electronics.smartphone",
    }
    assert spelled(" > ", first) == spelled("", first) == {}


@given(PATHS, SEPARATORS)
def test_however_it_is_written_next_it_is_shown_as_first(levels: list[str], separator: str) -> None:
    first = SEPARATOR.join(levels).strip()
    known = spelled(first, {})

    again = spelled(separator.join(levels).swapcase(), known)

    assert again[meaning_of(first)] == known[meaning_of(first)]
    assert [level.strip() for level in levels_of(again[meaning_of(first)])] == levels_of(first)
