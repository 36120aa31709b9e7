"""Reading the archive: the interactions of whole users, within bounds."""

import itertools
import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zlib import crc32

import numpy as np
import pyarrow as pa
import pytest

from portrait.adapters.parquet_archive import ParquetArchive
from portrait.archive.archive import EVER, SCHEMA, Archive, ArchiveChangedError, Span
from portrait.archive.segment import Segment
from portrait.dataset.archive_reading import ATTEMPTS, Reading, Sample, merged, read_interactions
from portrait.dataset.interactions import NO_ITEM, NO_QUERY
from portrait.events.columns import ACTION_CODE
from portrait.events.erasure import Erasures
from portrait.events.event import Action
from portrait.events.price import FREE, NOT_KNOWN
from portrait.model.kinds import is_read
from portrait.reading.decode import decode
from portrait.reading.records import Clock
from portrait.ref import item_ref, order_ref, search_ref, user_ref
from tests.support.archives import RECEIVED_ON, click, fill, memory_archive, synthetic_log
from tests.support.records import RECEIVED, event_record

EVENTS, USERS = 60_000, 3_000
START = datetime.fromtimestamp(RECEIVED / 1_000, UTC)


def year(events: int = EVENTS, users: int = USERS) -> ParquetArchive:
    archive = memory_archive()
    for number, rows in enumerate(synthetic_log(events, users)):
        day = RECEIVED_ON + timedelta(days=number)
        first = rows["offset"][0].as_py()
        archive.write(Segment(day, "events.click", 0, first, first + len(rows)), [rows])
    return archive


@pytest.fixture(scope="module")
def log() -> ParquetArchive:
    return year()


def events_of(reading: Reading) -> dict[int, int]:
    """Return how many events were read of each user_ref."""
    counts = np.bincount(reading.interactions.user, minlength=reading.interactions.users)
    return dict(zip(reading.user_refs.tolist(), counts.tolist(), strict=True))


def test_events_are_read_as_interactions() -> None:
    archive = memory_archive()
    fill(
        archive,
        [
            event_record(1, type="review", user_id="bob", rating=4.5, price=2.5, quantity=3),
            event_record(2, type="search", user_id="ann", text="milk"),
            event_record(3, item_id="tuna", user_id="ann", occurred_at="2026-09-01T00:00:00Z"),
        ],
    )

    reading = read_interactions(archive, most_events=10)

    found = reading.interactions
    ann, bob = (int(np.flatnonzero(reading.user_refs == user_ref(n))[0]) for n in ("ann", "bob"))
    rows = {
        (int(found.user[e]), int(found.action[e])): (int(found.item[e]), int(found.at[e]))
        for e in range(len(found))
    }
    items = [item_ref("milk"), item_ref("tuna")]
    assert sorted(found.items.tolist()) == sorted(items)
    assert rows == {
        (bob, ACTION_CODE[Action.REVIEW]): (found.items.tolist().index(items[0]), RECEIVED),
        (ann, ACTION_CODE[Action.SEARCH]): (NO_ITEM, RECEIVED),
        (ann, ACTION_CODE[Action.CLICK]): (
            found.items.tolist().index(items[1]),
            1_788_220_800_000,
        ),
    }
    (review,) = np.flatnonzero(found.rating)
    assert (found.rating[review], found.price[review], found.quantity[review]) == (45, 2.5, 3)


def test_a_price_of_nothing_is_read_as_one_and_an_unknown_one_as_none() -> None:
    archive = memory_archive()
    fill(archive, [event_record(n, price=price) for n, price in enumerate((None, 0, 2.5))])

    found = read_interactions(archive, most_events=10).interactions

    assert sorted(found.price.tolist()) == [NOT_KNOWN, FREE, 2.5]


def test_only_what_occurred_in_the_window_is_read(log: Archive) -> None:
    since, until = START + timedelta(days=100), START + timedelta(days=200)

    reading = read_interactions(log, since, until, most_events=EVENTS)

    everything = read_interactions(log, most_events=EVENTS).interactions
    since_ms, until_ms = (round(1_000 * each.timestamp()) for each in (since, until))
    inside = (everything.at >= since_ms) & (everything.at < until_ms)
    assert len(reading.interactions) == reading.rows == inside.sum()
    assert inside.sum() > 0
    assert reading.first_at is not None
    assert reading.last_at is not None
    assert since <= reading.first_at < reading.last_at < until


def test_an_event_that_was_published_twice_is_read_once() -> None:
    archive = memory_archive()
    repeated = [click(n, event_id="same") for n in range(3)]
    fill(archive, [*repeated, click(3, "bob", event_id="same")])

    reading = read_interactions(archive, most_events=10)

    assert (len(reading.interactions), reading.repeated, reading.rows) == (2, 2, 4)


def test_events_of_one_moment_are_in_order_of_receipt_whatever_file_they_lie_in() -> None:
    archive = memory_archive()
    later = replace(event_record(0, type="cart"), timestamp=RECEIVED + 5)
    fill(archive, [event_record(9, type="purchase"), later, event_record(7, type="review")])

    actions = read_interactions(archive, most_events=10).interactions.action

    expected = (Action.PURCHASE, Action.REVIEW, Action.CART)
    assert actions.tolist() == [ACTION_CODE[action] for action in expected]


def test_a_user_too_large_for_the_room_does_not_keep_others_out() -> None:
    archive = memory_archive()
    others = [click(n, f"user-{n}") for n in range(50)]
    fill(archive, [*others, *(click(n, "bot") for n in range(50, 200))])

    for sample in Sample:
        reading = read_interactions(archive, most_events=100, sample=sample)

        assert events_of(reading) == {user_ref(f"user-{n}"): 1 for n in range(50)}


def test_nothing_is_read_from_nothing() -> None:
    reading = read_interactions(memory_archive(), most_events=10)

    assert (len(reading.interactions), reading.rows, reading.first_at) == (0, 0, None)
    assert reading.offsets == {}


@pytest.mark.parametrize("sample", Sample)
def test_everything_is_read_if_it_fits(log: Archive, sample: Sample) -> None:
    reading = read_interactions(log, most_events=EVENTS, sample=sample)

    assert len(reading.interactions) == EVENTS


@pytest.mark.parametrize("sample", Sample)
def test_what_does_not_fit_is_left_out_by_whole_users(log: Archive, sample: Sample) -> None:
    everything = events_of(read_interactions(log, most_events=EVENTS))

    part = read_interactions(log, most_events=EVENTS // 4, sample=sample)

    found = events_of(part)
    assert 0.95 * EVENTS / 4 < len(part.interactions) <= EVENTS / 4
    assert found == {user: everything[user] for user in found}
    assert part.rows == EVENTS


def test_a_stratified_sample_prefers_rare_actions_and_covers_all_times(log: Archive) -> None:
    def share(sample: Sample) -> float:
        found = read_interactions(log, most_events=EVENTS // 10, sample=sample).interactions
        bought = np.unique(found.user[found.action == ACTION_CODE[Action.PURCHASE]])
        return len(bought) / found.users

    found = read_interactions(log, most_events=EVENTS // 10, sample=Sample.STRATIFIED).interactions
    by_month = np.histogram(found.at, bins=12)[0]

    assert share(Sample.STRATIFIED) > 1.3 * share(Sample.UNIFORM)
    assert by_month.min() > 0.6 * by_month.mean()


def test_a_time_when_few_were_there_is_not_forgotten() -> None:
    archive = memory_archive()
    early = [
        click(n, f"early-{n}", occurred_at=f"2026-01-{1 + n % 28:02d}T00:00:00Z") for n in range(50)
    ]
    late = [click(50 + n, f"late-{n}") for n in range(5_000)]
    fill(archive, early, late)

    def early_users(sample: Sample) -> int:
        refs = read_interactions(archive, most_events=500, sample=sample).user_refs
        return len(np.intersect1d(refs, [user_ref(f"early-{n}") for n in range(50)]))

    assert early_users(Sample.STRATIFIED) > 20 > early_users(Sample.UNIFORM)


@pytest.mark.parametrize("sample", Sample)
def test_an_erased_user_leaves_a_sample_and_the_others_stay(sample: Sample) -> None:
    archive = year()
    before = read_interactions(archive, most_events=EVENTS // 4, sample=sample)
    gone = before.user_refs[::40]
    far_ms = RECEIVED + 400 * 86_400_000

    archive.erase(Erasures.of({user: far_ms - 1_000 * (user == gone[0]) for user in gone.tolist()}))
    after = read_interactions(archive, most_events=EVENTS // 4, sample=sample)

    assert len(np.intersect1d(after.user_refs, gone)) == 0
    assert len(np.intersect1d(after.user_refs, before.user_refs)) > 0.9 * len(before.user_refs)
    assert (after.erased_users, before.erased_users) == (len(gone), 0)
    asked = datetime.fromtimestamp(far_ms / 1_000, UTC)
    assert (after.erased_since, after.erased_until) == (asked - timedelta(seconds=1), asked)
    assert after.rows < before.rows


def test_how_the_files_are_cut_changes_nothing_that_is_read() -> None:
    archive = year()
    before = read_interactions(archive, most_events=EVENTS // 4, sample=Sample.STRATIFIED)

    for segment in archive.segments():
        rows = pa.Table.from_batches(archive.read(segment, SCHEMA.names))
        half = len(rows) // 2
        for part in (rows[:half], rows[half:]):
            first, last = part["offset"][0].as_py(), part["offset"][-1].as_py()
            archive.write(Segment(segment.day, "events.click", 0, first, last + 1), [part])
    after = read_interactions(archive, most_events=EVENTS // 4, sample=Sample.STRATIFIED)

    for name in ("user", "item", "action", "at"):
        before_column = getattr(before.interactions, name)
        assert np.array_equal(getattr(after.interactions, name), before_column)


def test_reviews_have_the_stars_that_the_stream_reads() -> None:
    texts = ("A horrible thing, useless.", "A lovely thing.", None, "假货")
    records = [
        event_record(n, type="review", text=text, rating=stars, quantity=2, occurred_at=1 + n)
        for n, (text, stars) in enumerate(itertools.product(texts, (None, 0, 5)))
    ]
    archive = memory_archive()
    fill(archive, records)

    found = read_interactions(archive, most_events=20).interactions

    (batch,) = decode(records, clock=Clock.of_system(1), most_tokens=1_000)
    for name in ("rating", "quantity"):
        assert getattr(found, name).tolist() == batch.columns["event"][name].tolist()
    assert is_read(found.action, found.quantity).sum() == 4


def test_searches_are_read_by_their_texts_and_reviews_without_theirs() -> None:
    archive = memory_archive()
    fill(
        archive,
        [
            event_record(1, type="search", user_id="ann", text="whole milk"),
            event_record(2, type="search", user_id="bob", text=" whole milk "),
            event_record(3, type="review", user_id="bob", text="whole milk", rating=5),
        ],
        [event_record(4, type="search", user_id="ann", text="tuna")],
    )

    reading = read_interactions(archive, most_events=10)
    found = reading.interactions
    both, _ = merged(reading, read_interactions(archive, most_events=10))

    milk, tuna = search_ref("whole milk"), search_ref("tuna")
    assert reading.searched == {milk: "whole milk", tuna: "tuna"}
    assert found.queries.tolist() == both.queries.tolist() == sorted([milk, tuna])
    for events, times in ((found, 1), (both, 2)):
        is_search = events.action == ACTION_CODE[Action.SEARCH]
        asked = events.queries[events.query[is_search]].tolist()
        assert sorted(asked) == sorted([milk, milk, tuna] * times)
        assert (events.query[~is_search] == NO_QUERY).all()


def test_purchases_know_their_order_and_nothing_else_does() -> None:
    archive = memory_archive()
    fill(
        archive,
        [
            event_record(1, type="purchase", item_id="milk", order_id="o-1"),
            event_record(2, type="purchase", item_id="tuna", order_id="o-1"),
            event_record(3, type="purchase", item_id="beef"),
            event_record(4, type="return", item_id="milk", order_id="o-1"),
        ],
        [event_record(5, type="purchase", item_id="milk", order_id="o-2")],
    )

    reading = read_interactions(archive, most_events=10)
    both, _ = merged(reading, read_interactions(archive, most_events=10))

    first, second = order_ref("o-1"), order_ref("o-2")
    assert sorted(reading.interactions.order.tolist()) == sorted([0, 0, first, first, second])
    assert sorted(both.order.tolist()) == sorted([0, 0, first, first, second] * 2)
    returned = reading.interactions.action == ACTION_CODE[Action.RETURN]
    assert reading.interactions.order[returned].tolist() == [0]


def test_later_actions_are_read() -> None:
    archive = memory_archive()
    fill(archive, [event_record(1, type="remove"), event_record(2, type="wish")])

    found = read_interactions(archive, most_events=10).interactions

    assert sorted(found.action.tolist()) == [
        ACTION_CODE[Action.REMOVE],
        ACTION_CODE[Action.WISH],
    ]


def test_actions_of_a_later_version_are_passed_over() -> None:
    (rows,) = synthetic_log(3, 1)
    place = rows.schema.get_field_index("action")
    actions = pa.array(["click", "rent", "click"], SCHEMA.field("action").type)
    archive = memory_archive()
    segment = Segment(RECEIVED_ON, "events.click", 0, 0, 3)
    archive.write(segment, [rows.set_column(place, SCHEMA.field("action"), actions)])

    reading = read_interactions(archive, most_events=10)

    assert reading.interactions.action.tolist() == [ACTION_CODE[Action.CLICK]] * 2


def test_whom_a_replay_takes_is_what_it_was_when_there_were_seven_actions(log: Archive) -> None:
    taken = read_interactions(log, most_events=2_000, sample=Sample.STRATIFIED).user_refs

    assert (len(taken), crc32(taken.tobytes())) == (107, 835_959_902)


def test_the_history_of_chosen_users_is_read_whole(log: Archive) -> None:
    chosen = np.sort(np.array([user_ref("user-3"), user_ref("user-1000")], np.uint64))

    reading = read_interactions(log, most_events=EVENTS, users=chosen)

    everything = events_of(read_interactions(log, most_events=EVENTS))
    assert events_of(reading) == {user: everything[user] for user in chosen.tolist()}


def test_two_windows_read_one_after_the_other_are_the_whole() -> None:
    log = year()
    fill(log, [event_record(7, type="search", user_id="user-3", text="milk")])
    between = START + timedelta(days=300)
    older = read_interactions(log, until=between, most_events=EVENTS + 1)
    newer = read_interactions(log, since=between, most_events=EVENTS + 1)

    both, refs = merged(older, newer)

    whole = read_interactions(log, most_events=EVENTS + 1)
    assert np.array_equal(refs, whole.user_refs)
    assert len(older.interactions) > len(newer.interactions) > 0
    for field in fields(both):
        assert np.array_equal(getattr(both, field.name), getattr(whole.interactions, field.name))


def test_a_manifest_is_told_what_was_archived(log: Archive) -> None:
    reading = read_interactions(log, most_events=100)

    assert reading.offsets == {"events.click/0": (0, EVENTS)}
    assert reading.first_at == START


def test_reading_begins_again_when_files_are_merged_meanwhile() -> None:
    class Restless(ParquetArchive):
        failures = 0

        def segments(self) -> list[Segment]:
            self.failures += 1
            if self.failures < ATTEMPTS:
                raise ArchiveChangedError
            return super().segments()

    archive = Restless("memory://archive-restless")
    fill(archive, [click(1)])

    assert len(read_interactions(archive, most_events=10).interactions) == 1


class Watched(ParquetArchive):
    """An archive that notes the most memory that Arrow held while it was read."""

    most = 0

    def read(
        self, segment: Segment, columns: Sequence[str], within: Span = EVER
    ) -> Iterator[pa.RecordBatch]:
        for batch in super().read(segment, columns, within):
            self.most = max(self.most, pa.total_allocated_bytes())
            yield batch


def test_memory_is_bounded_by_what_is_asked_for_and_not_by_the_log(tmp_path: Path) -> None:
    def peak(events: int) -> int:
        archive = Watched(str(tmp_path / str(events)))
        whole = Segment(RECEIVED_ON, "events.click", 0, 0, events)
        archive.write(whole, synthetic_log(events, events // 20))
        before = pa.total_allocated_bytes()
        tracemalloc.start()
        reading = read_interactions(archive, most_events=10_000, sample=Sample.STRATIFIED)
        _, python = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert 9_000 < len(reading.interactions) <= 10_000
        return int(python + archive.most - before)

    small, large = peak(100_000), peak(400_000)

    assert large < 1.2 * small
