"""Lists as labels: archived for whom they were, joined with what came of them, counted by place."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from portrait.archive.archive import EVER, scan
from portrait.archive.rows import tabulate
from portrait.arrays import Flags, Refs
from portrait.dataset.archive_reading import merged, read_interactions
from portrait.dataset.shown import read_counts
from portrait.events.consent import Consent, Consents, Purpose
from portrait.events.erasure import Erasures, Moments
from portrait.events.impression import Slot
from portrait.events.topics import IMPRESSIONS
from portrait.experiments.joining import CLOCKS, TOUCHED_WITHIN
from portrait.monitoring.signals import Counts
from portrait.ref import item_ref, user_ref
from portrait.times import DAY_MS, to_moment
from tests.support.archives import TOLERANCE_MS, click, fill, memory_archive
from tests.support.lists import answer
from tests.support.records import RECEIVED, FakeRecord

ITEMS = ("tea", "soap", "milk")
UNTIL = RECEIVED + 2 * DAY_MS


def listed(
    offset: int,
    user: str | None = "ann",
    items: Sequence[str] = ITEMS,
    **changes: Any,  # noqa: ANN401 - as pydantic
) -> FakeRecord:
    slots = tuple(Slot(item_id=item, source="profile") for item in items)
    said = answer(
        f"r{offset}", user, **{"items": slots, "occurred_at": to_moment(RECEIVED), **changes}
    )
    return FakeRecord(
        IMPRESSIONS, said.model_dump_json().encode(), offset, timestamp=RECEIVED + 100
    )


def touch(
    offset: int,
    item: str,
    named: str | None,
    *,
    after: int = 1_000,
    user: str = "ann",
    **changes: object,
) -> FakeRecord:
    at = RECEIVED + after
    said = {"occurred_at": to_moment(at).isoformat(), "recommendation_id": named, **changes}
    return click(offset, user, item_id=item, received=at, **said)


def nobody(users: Refs) -> Flags:
    return np.zeros(len(users), np.bool_)


def places(*batches: Sequence[FakeRecord]) -> dict[str, int]:
    """Return the place of each item that was touched, by its name."""
    archive = memory_archive()
    fill(archive, *batches)
    events = read_interactions(archive, most_events=100).interactions
    names = {item_ref(name): name for name in (*ITEMS, "oats")}
    named = [names[ref] for ref in events.items[events.item].tolist()]
    return dict(zip(named, events.place.tolist(), strict=True))


def test_a_list_that_somebody_saw_is_a_row_of_theirs_with_its_items_in_order() -> None:
    (row,) = tabulate([listed(7)], TOLERANCE_MS).rows.to_pylist()

    assert (row["user"], row["user_ref"], row["action"]) == ("ann", user_ref("ann"), "shown")
    assert (row["recommendation_id"], row["surface"], row["offset"]) == ("r7", "home", 7)
    assert row["shown"] == [item_ref(item) for item in ITEMS]
    assert (row["occurred_at"], row["item"]) == (to_moment(RECEIVED), None)


@pytest.mark.parametrize("changes", [{"user": None}, {"is_seen": False}, {"items": ()}])
def test_of_nobody_of_what_nobody_saw_and_of_nothing_there_is_no_row(
    changes: dict[str, Any],
) -> None:
    assert not len(tabulate([listed(7, **changes)], TOLERANCE_MS).rows)


def test_an_event_has_the_place_of_its_item_in_the_list_that_it_names() -> None:
    found = places(
        [listed(1), listed(2, items=("oats", "tea"))],
        [
            touch(1, "milk", "r1"),
            touch(2, "tea", "r2"),
            touch(3, "soap", None),
            touch(4, "oats", "r1"),
        ],
    )

    assert found == {"milk": 3, "tea": 2, "soap": 0, "oats": 0}


@pytest.mark.parametrize(
    ("after", "place"),
    [
        (-CLOCKS, 1),
        (-CLOCKS - 1, 0),
        (TOUCHED_WITHIN, 1),
        (TOUCHED_WITHIN + 1, 0),
    ],
)
def test_what_is_touched_within_a_day_of_a_list_came_of_it(after: int, place: int) -> None:
    assert places([listed(1)], [touch(1, "tea", "r1", after=after)]) == {"tea": place}


def test_what_is_no_touch_and_the_list_of_somebody_else_have_no_place() -> None:
    review = replace(touch(2, "soap", "r1", type="review", rating=4.0), topic="events.review")

    found = places([listed(1)], [touch(1, "tea", "r1", user="bob"), review])

    assert found == {"tea": 0, "soap": 0}


def test_what_is_touched_twice_came_of_its_list_twice_and_counts_once_for_the_place() -> None:
    archive = memory_archive()
    again = touch(2, "milk", "r1", after=2_000)
    fill(archive, [listed(1)], [touch(1, "milk", "r1"), again])

    events = read_interactions(archive, most_events=100).interactions
    counts = read_counts(archive, RECEIVED, UNTIL, nobody)

    assert events.place.tolist() == [3, 3]
    assert counts.touches == 1


def test_a_visitor_who_turned_out_to_be_somebody_has_touched_their_own_list() -> None:
    login = FakeRecord(
        "identities",
        b'{"type": "identify", "anonymous_id": "c-1", "user_id": "ann"}',
        0,
        timestamp=RECEIVED + 500,
    )

    found = places([listed(1, "anonymous:c-1")], [login], [touch(1, "soap", "r1")])

    assert found == {"soap": 2}


def test_lists_are_counted_by_item_and_place_as_far_as_it_is_known_what_came_of_them() -> None:
    archive = memory_archive()
    late = listed(4, occurred_at=to_moment(UNTIL - TOUCHED_WITHIN))
    late = replace(late, timestamp=UNTIL)
    fill(
        archive,
        [listed(1), listed(2, items=("milk", "tea")), listed(3, "bob"), late],
        [touch(1, "milk", "r1"), touch(2, "milk", "r2"), touch(3, "tea", "r2")],
    )

    counts = read_counts(archive, RECEIVED, UNTIL, nobody)
    without_bob = read_counts(archive, RECEIVED, UNTIL, lambda users: users == user_ref("bob"))

    order = np.argsort([item_ref("milk"), item_ref("tea")])
    assert counts.shown[np.argsort(order), :3].tolist() == [[1, 0, 2], [2, 1, 0]]
    assert counts.touched[np.argsort(order), :3].tolist() == [[1, 0, 1], [0, 1, 0]]
    assert without_bob.shown[np.argsort(order), :3].tolist() == [[1, 0, 1], [1, 1, 0]]


def test_of_who_was_erased_or_lets_nobody_learn_no_list_is_counted() -> None:
    archive = memory_archive()
    people = ("ann", "bob", "eve")
    fill(
        archive,
        [listed(number, user) for number, user in enumerate(people)],
        [touch(number, "tea", f"r{number}", user=user) for number, user in enumerate(people)],
    )
    refusing = Consent(1, frozenset({Purpose.TRAINING}))

    archive.erase(Erasures.of({user_ref("ann"): Moments(UNTIL, 0, 0)}))
    archive.agree(Consents.of({user_ref("bob"): refusing.number}))

    counts = read_counts(archive, RECEIVED, UNTIL, nobody)
    assert (counts.touches, counts.shown.sum()) == (1, 1)
    rows = scan(archive, archive.segments(), ["user"], erasures=archive.erasures())
    assert {user for batch in rows for user in batch["user"].to_pylist()} == {"bob", "eve"}


def test_a_file_of_before_has_no_lists_and_parts_that_are_merged_keep_their_places() -> None:
    archive = memory_archive()
    fill(archive, [touch(1, "soap", "r1")], [listed(1)])
    reading = read_interactions(archive, to_moment(RECEIVED), most_events=100)
    other = read_interactions(archive, until=to_moment(RECEIVED), most_events=100)

    events, _ = merged(reading, other)

    assert events.place.tolist() == [2]
    (old,) = [each for each in archive.segments() if each.topic != IMPRESSIONS]
    assert next(archive.read(old, ["shown"], EVER))["shown"].to_pylist() == [None]


def test_lists_are_no_events_that_a_training_waits_for() -> None:
    with_lists, without = memory_archive(), memory_archive()
    fill(with_lists, [touch(1, "tea", None)], [listed(number) for number in range(5)])
    fill(without, [touch(1, "tea", None)])

    ours, theirs = (Counts().since(each, RECEIVED) for each in (with_lists, without))

    assert ours == theirs == 1
