"""The lexicon: which texts share words with a query."""

from time import thread_time

import numpy as np
import pytest

from portrait.catalogue.lexical import BEST_TEXTS, MOST_ROWS, WORD_ROWS, Lexicon, Reading, words_of
from portrait.events.item import Item


def lexicon_of(*titles: str) -> Lexicon:
    lexicon = Lexicon()
    items = [Item(id=str(place), title=title) for place, title in enumerate(titles)]
    lexicon.learn(items, np.arange(len(items)))
    return lexicon


def found(lexicon: Lexicon, query: str) -> list[int]:
    rows, _scores = lexicon.match(query)
    best: list[int] = rows.tolist()
    return best


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Whole Milk, 2%", ["whole", "milk", "2"]),
        ("STRASSE straße", ["strasse", "strasse"]),
        ("黑巧克力 85%", ["黑", "巧", "克", "力", "黑巧", "巧克", "克力", "85"]),
        ("", []),
        ("!?", []),
    ],
)
def test_a_text_is_split_into_words(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_a_rare_word_counts_for_more_than_a_common_one() -> None:
    lexicon = lexicon_of("milk chocolate", "milk drink", "milk shake", "oat chocolate")

    _, scores = lexicon.match("milk")
    _, rare = lexicon.match("shake")

    assert found(lexicon, "shake milk")[0] == 2
    assert rare[0] > scores[0]


def test_a_short_text_about_the_query_beats_a_long_one_that_mentions_it() -> None:
    lexicon = lexicon_of("a box of many things and also some tea", "tea")

    assert found(lexicon, "tea") == [1, 0]


def test_no_shared_word_matches_nothing() -> None:
    lexicon = lexicon_of("milk", "tea")

    assert found(lexicon, "zebra") == []
    assert found(lexicon, "") == []
    assert lexicon.vector("zebra", np.eye(2, dtype=np.float32)) is None


def test_only_the_best_texts_stand_for_a_query() -> None:
    lexicon = lexicon_of(*[f"tea {place}" for place in range(50)])

    assert len(found(lexicon, "tea")) == BEST_TEXTS


def test_the_vector_is_the_unit_mean_of_the_matching_texts() -> None:
    lexicon = lexicon_of("green tea", "black tea", "milk")

    vector = lexicon.vector("tea", np.eye(3, dtype=np.float32))

    assert vector == pytest.approx([2**-0.5, 2**-0.5, 0])


def test_a_text_is_learned_once_and_later_ones_are_added() -> None:
    lexicon = lexicon_of("green tea")
    items = [Item(id="0", title="green tea"), Item(id="1", title="pack"), Item(id="2", title="tea")]

    lexicon.learn(items, np.array([0, -1, 5_000]))

    assert len(lexicon) == 2
    assert found(lexicon, "tea") == [5_000, 0]
    assert found(lexicon, "pack") == []  # it has no vector, so it is no use


def test_a_text_beyond_an_older_matrix_is_left_out() -> None:
    lexicon = lexicon_of("green tea", "black tea")

    vector = lexicon.vector("tea", np.eye(2, dtype=np.float32)[:1])

    assert vector == pytest.approx([1, 0])


def test_one_request_reads_so_many_rows_whatever_it_asks() -> None:
    characters = [chr(0x4E00 + place) for place in range(1_000)]
    lexicon = lexicon_of(*["".join(characters[n % 50 :: 50]) for n in range(2_000)])
    reading = Reading(lexicon)

    for start in range(20):  # a session of twenty texts, a thousand characters each
        reading.match("".join(characters[start:] + characters[:start]))

    assert -WORD_ROWS <= reading.left <= 0


def test_twenty_long_texts_cost_no_more_than_a_few() -> None:
    characters = [chr(0x4E00 + place) for place in range(1_000)]
    lexicon = lexicon_of(*["".join(characters[n % 50 :: 50]) for n in range(20_000)])
    texts = ["".join(characters[start:] + characters[:start]) for start in range(20)]

    def cost(asked: list[str]) -> float:
        began, reading = thread_time(), Reading(lexicon)
        for each in asked:
            reading.match(each)
        return thread_time() - began

    one, twenty = (min(cost(asked) for _ in range(3)) for asked in (texts[:1], texts))
    assert twenty < 5 * one


def test_whatever_is_left_over_of_one_word_is_not_read() -> None:
    lexicon = lexicon_of(*["tea"] * 20)
    reading = Reading(lexicon)
    reading.left = 5

    rows, _ = reading.match("tea")

    assert rows.tolist() == [0, 1, 2, 3, 4]
    assert reading.match("tea")[0].tolist() == []


def test_of_a_long_text_the_rarest_words_are_read_first() -> None:
    lexicon = lexicon_of(*["tea"] * 20, "zebra tea")
    reading = Reading(lexicon)
    reading.left = WORD_ROWS + 1  # enough for one word and one row

    rows, _ = reading.match("tea zebra")

    assert rows.tolist() == [20]


def test_an_ordinary_session_is_read_whole() -> None:
    lexicon = lexicon_of(*[f"word{n % 100} tea" for n in range(2_000)])
    reading = Reading(lexicon)

    ways = [reading.match(f"word{n} tea word{n + 1}")[0] for n in range(20)]

    assert all(len(rows) == BEST_TEXTS for rows in ways)
    assert 0 < reading.left < MOST_ROWS


def test_what_stands_where_something_was_taken_out_is_no_word() -> None:
    lexicon = Lexicon()
    lexicon.learn([Item(id="1", title="phone case"), Item(id="2", title="red shoes")], np.arange(2))

    assert lexicon.match("[phone] shoes")[0].tolist() == [1]
    assert not len(lexicon.match("[phone]")[0])
