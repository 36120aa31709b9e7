"""Devices: whose each was at a moment, whatever the order in which its logins were heard of."""

from bisect import bisect_right
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from portrait.events.login import Login
from portrait.identity.device import (
    MINUTE_MS,
    MOST_USERS,
    MOST_VISITS,
    NOBODY,
    Device,
    decode_device,
    encode_device,
)

START = 1_790_000_000_000 // MINUTE_MS * MINUTE_MS
HOUR = 60 * MINUTE_MS


def login(user: str | None, hours: float) -> Login:
    return Login("c-1", user, round(START + hours * HOUR))


def whose(device: Device, *hours: float) -> list[str]:
    found: list[str] = device.whose(
        np.array([round(START + each * HOUR) for each in hours])
    ).tolist()
    return found


LOGINS = st.lists(
    st.builds(
        login, st.sampled_from(["ann", "bob", "cyn"]), st.integers(0, 5_000).map(lambda n: n / 500)
    ),
    max_size=30,
)


def test_before_the_first_login_it_was_theirs_who_came_first_and_afterwards_who_came_last() -> None:
    device = Device().told([login("ann", 2), login("bob", 4), login("ann", 6)])

    assert whose(device, 1, 2, 3, 4, 5, 6, 9) == ["ann", "ann", "ann", "bob", "bob", "ann", "ann"]
    assert device.owner == NOBODY


def test_of_one_user_all_is_theirs() -> None:
    assert Device().told([login("ann", 2), login("ann", 9)]).owner == "ann"


def test_a_device_of_very_many_people_is_nobodys() -> None:
    device = Device().told([login(f"u-{n}", n) for n in range(MOST_USERS + 1)])

    assert device.users == frozenset()
    assert whose(device, 1, 5, 99) == [NOBODY] * 3
    assert len(Device().told([login(f"u-{n}", n) for n in range(MOST_USERS)]).users) == MOST_USERS


def test_what_is_taken_back_is_nobodys_up_to_then() -> None:
    device = Device().told([login("ann", 2), login(None, 5), login("bob", 7)])

    assert whose(device, 1, 3, 5, 6, 8) == [NOBODY, NOBODY, NOBODY, "bob", "bob"]
    assert device.owner == NOBODY
    assert Device().told([login("bob", 7), login(None, 5), login("ann", 2)]) == device


@given(LOGINS, st.data())
def test_any_order_repetition_and_batching_gives_the_same_device(
    logins: list[Login], data: st.DataObject
) -> None:
    at_once = Device().told(logins)

    again = data.draw(st.permutations([*logins, *logins[: len(logins) // 2]]))
    device = Device()
    while again:
        size = data.draw(st.integers(1, len(again)))
        device, again = device.told(again[:size]), again[size:]

    assert device == at_once
    assert decode_device(encode_device(device)) == device


@given(LOGINS, st.integers(0, 5_200))
def test_it_is_theirs_who_came_last(logins: list[Login], minutes: int) -> None:
    """But where people took turns within two minutes."""
    at = START + minutes * MINUTE_MS // 8
    moments = sorted({(each.at, str(each.user_id)) for each in logins})
    turns = [
        later[0]
        for earlier, later in pairwise(moments)
        if earlier[1] != later[1] and later[0] - earlier[0] < 3 * MINUTE_MS
    ]
    if not moments or turns:
        return
    place = max(bisect_right(moments, (at, "~")) - 1, 0)

    (found,) = Device().told(logins).whose(np.array([at])).tolist()

    assert found == moments[place][1]


def test_it_is_bounded_and_what_was_forgotten_goes_to_nobody() -> None:
    device = Device().told([login(["ann", "bob"][n % 2], n) for n in range(MOST_VISITS + 10)])

    assert len(device.visits) == MOST_VISITS
    assert whose(device, 3, 9, 10) == [NOBODY, NOBODY, "ann"]


def test_a_damaged_device_is_as_good_as_none() -> None:
    for stored in (
        b"",
        b"\xff",
        b"[]",
        b'{"visits":[[1,2]],"unlinked":0}',
        b'{"visits":[[1,2,"anonymous:x"]]}',
    ):
        assert decode_device(stored) == Device()
