"""Positions: what a token says, and whether all up to it is in profiles."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portrait.errors import PositionInvalidError
from portrait.events.history import Place
from portrait.events.position import (
    GONE,
    MOST_CHARACTERS,
    MOST_PLACES,
    Mark,
    Position,
    is_reached,
    position_of,
    read_position,
    write_position,
)
from portrait.events.progress import LARGEST_LOG, LogName, StoredOffsets
from portrait.events.topics import FOLDED, IMPRESSIONS

CLICKS, CARTS = ("events.click", 2), ("events.cart", 0)
FIRST, SECOND = LogName(0, "0a" * 16), LogName(1, "0b" * 16)

ids = st.one_of(st.just(""), st.integers(1, 2**32 - 1).map(lambda number: f"{number:08x}"))
logs = st.builds(LogName, st.integers(0, LARGEST_LOG), ids)
places: st.SearchStrategy[Place] = st.tuples(st.sampled_from(FOLDED), st.integers(0, 2**32 - 1))
positions: st.SearchStrategy[Position] = st.dictionaries(
    places, st.builds(Mark, logs, st.integers(0, 2**48)), min_size=1, max_size=50
)


def stored(end: int, log: LogName | None = FIRST, place: Place = CLICKS) -> StoredOffsets:
    """What is stored of one place; its log is not named where it is None."""
    return StoredOffsets("", {place: end}, {} if log is None else {place: log})


def sent(offset: int, before: StoredOffsets) -> Position:
    """A position that a client had in hand."""
    return read_position(token_of(position_of({CLICKS: offset}, before)), "acme")


def token_of(position: Position, shop: str | None = "acme") -> str:
    token = write_position(position, shop)
    assert token is not None
    return token


@given(positions, st.sampled_from([None, "acme", "b"]))
def test_what_is_written_is_read(position: Position, shop: str | None) -> None:
    assert read_position(token_of(position, shop), shop) == position


def test_the_largest_token_fits_into_an_address_and_what_is_larger_is_none() -> None:
    largest = {(FOLDED[0], place): Mark(SECOND, 2**48) for place in range(MOST_PLACES)}

    assert len(token_of(largest)) <= MOST_CHARACTERS < 32_768
    assert write_position({**largest, CARTS: Mark(FIRST, 0)}, None) is None
    assert write_position({}, None) is None


def test_of_what_is_published_only_that_is_in_it_which_profiles_are_made_of() -> None:
    published = {CLICKS: 7, (IMPRESSIONS, 0): 3}

    assert position_of(published, stored(5)) == {CLICKS: Mark(FIRST, 7)}


@given(positions, st.data())
def test_a_token_that_was_cut_or_changed_is_refused(
    position: Position, data: st.DataObject
) -> None:
    token = token_of(position)
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from([each for each in "aZ0_" if each != token[place]]))
    changed = token[:place] + other + token[place + 1 :]

    for wrong in (token[:place], changed):
        if _bytes(wrong) != _bytes(token):  # the last character has bits that say nothing
            with pytest.raises(PositionInvalidError, match=r"gave it out|another shop"):
                read_position(wrong, "acme")


def _bytes(token: str) -> bytes | None:
    try:
        return urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except ValueError:
        return None


@pytest.mark.parametrize(
    "wrong",
    [
        *("", "x", "ä", "0", "null", "a b", "=" * 8, "A" * 40, "A" * (MOST_CHARACTERS + 1)),
        urlsafe_b64encode(bytes(64)).decode(),
    ],
)
def test_what_is_no_token_is_refused_in_one_sentence(wrong: str) -> None:
    with pytest.raises(PositionInvalidError) as refused:
        read_position(wrong, None)

    assert str(refused.value) == "It is not as `POST /events` gave it out."


@pytest.mark.parametrize(("of", "shown_to"), [("acme", "b"), ("acme", None), (None, "acme")])
def test_a_token_of_another_shop_is_refused_and_names_none(
    of: str | None, shown_to: str | None
) -> None:
    token = token_of({CLICKS: Mark(FIRST, 7)}, of)

    with pytest.raises(PositionInvalidError) as refused:
        read_position(token, shown_to)

    assert str(refused.value) == "It is of another shop."


def test_it_is_reached_when_every_place_is_past_it() -> None:
    position = position_of({CLICKS: 7, CARTS: 1}, stored(5))

    def with_carts(end: int) -> StoredOffsets:
        return StoredOffsets("", {CLICKS: 8, CARTS: end}, {CLICKS: FIRST})

    assert not is_reached(position, stored(8))
    assert not is_reached(position, with_carts(1))
    assert is_reached(position, with_carts(2))


@pytest.mark.parametrize("end", [5, 7])
def test_what_is_not_stored_yet_is_not_reached(end: int) -> None:
    assert not is_reached(sent(7, stored(5)), stored(end))


def test_before_anything_was_read_of_a_place_its_first_log_is_meant() -> None:
    position = sent(0, StoredOffsets("", {}))

    assert not is_reached(position, StoredOffsets("", {}))
    assert is_reached(position, stored(1, FIRST))
    assert is_reached(position, stored(1, None))


@pytest.mark.parametrize("end", [0, 3, 900])
def test_of_a_log_that_has_begun_again_nobody_can_say(end: int) -> None:
    position = sent(7, stored(5))

    with pytest.raises(PositionInvalidError) as refused:
        is_reached(position, stored(end, SECOND))

    assert str(refused.value) == GONE


def test_that_one_place_is_gone_is_said_whatever_the_others_are() -> None:
    position = position_of({CARTS: 1, CLICKS: 7}, stored(5))

    with pytest.raises(PositionInvalidError):
        is_reached(position, stored(0, SECOND))


def test_what_is_published_to_a_log_that_nobody_knows_of_yet_waits_for_that_log() -> None:
    """The topic was made anew: offset 3 is below what is stored, of the former log."""
    position = sent(3, stored(500, FIRST))

    assert not is_reached(position, stored(500, FIRST))
    assert not is_reached(position, stored(3, SECOND))
    assert is_reached(position, stored(4, SECOND))


def test_a_log_that_has_lost_its_end_is_another_though_its_id_is_the_same() -> None:
    position = sent(7, stored(5, FIRST))

    with pytest.raises(PositionInvalidError):
        is_reached(position, stored(9, LogName(1, FIRST.id)))


def test_a_store_that_was_emptied_counts_logs_anew_and_reaches_the_same_one_again() -> None:
    position = sent(7, stored(5, SECOND))

    assert not is_reached(position, StoredOffsets("", {}))
    assert not is_reached(position, stored(7, LogName(0, SECOND.id)))
    assert is_reached(position, stored(8, LogName(0, SECOND.id)))
