"""Import of events: each goes into the log once, in time order, however often it is killed."""

import asyncio
import json
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portrait.errors import StreamUnavailableError
from portrait.events.event import Action
from portrait.events.history import MARK, Imported, ImportTakenError, Place
from portrait.events.receipt import RECEIVED
from portrait.events.stream import Message
from portrait.reading.dialect import AS_SENT
from portrait.reading.files import Row
from portrait.reading.records import Clock
from portrait.reading.report import End, Report, report_on
from tests.support.memory_history import KilledError, MemoryHistory, MemoryImports
from tests.support.records import RECEIVED as NOW
from tests.support.records import payload
from workers.import_events import Publication, add_to, past_reader
from workers.imports import ImportStoppedError
from workers.time_order import TimeOrder

CLOCK = Clock(NOW, 60_000)
NAME = "0123456789abcdef"


@pytest.fixture(scope="module")
def order(tmp_path_factory: pytest.TempPathFactory) -> TimeOrder:
    random = Random(4)  # noqa: S311 - a test
    order = TimeOrder(tmp_path_factory.mktemp("runs"), run_bytes=500)
    for number in range(30):
        user = random.choice([b"ann", b"bob", b"cyn"])
        action = random.choice([Action.BROWSE, Action.CART, Action.PURCHASE])
        order.add(random.randrange(1, 12), action, user, b'{"n":%d}' % number)
    return order


def publication(log: MemoryHistory, ledger: MemoryImports, owner: str = "me") -> Publication:
    outage = timedelta(seconds=5)
    return Publication(NAME, owner, log, ledger, outage, asyncio.Event(), chunk=4)


def published(log: MemoryHistory) -> dict[Place, list[Message]]:
    return {place: some for place, some in log.partitions.items() if some}


def ignored(_: int) -> None:
    """Show no progress."""


async def undisturbed(order: TimeOrder) -> dict[Place, list[Message]]:
    log = MemoryHistory(NAME)
    await publication(log, MemoryImports()).publish(order, ignored)
    return published(log)


async def test_events_go_in_time_order_to_the_topics_of_their_actions(order: TimeOrder) -> None:
    everything = await undisturbed(order)

    events = [*order.events()]
    assert sum(map(len, everything.values())) == 30
    for (topic, _), messages in everything.items():
        numbers = [int((m.headers[1][1] or b"").split(b":")[1]) for m in messages]
        assert numbers == [e.number for e in events if e.number in set(numbers)]
        assert {message.topic for message in messages} == {topic}


async def test_an_event_says_when_it_happened_and_which_of_the_import_it_is(
    order: TimeOrder,
) -> None:
    log = MemoryHistory(NAME)
    await publication(log, MemoryImports()).publish(order, ignored)
    first = next(iter(order.events()))

    (headers,) = [
        message.headers
        for some in log.partitions.values()
        for message in some
        if message.value == first.value
    ]

    assert headers == ((RECEIVED, b"%d" % first.at), (MARK, f"{NAME}:{first.number}".encode()))


@given(kills=st.lists(st.integers(0, 12), max_size=6))
async def test_killed_wherever_it_is_and_begun_again_it_publishes_everything_once(
    order: TimeOrder, kills: list[int]
) -> None:
    log, ledger = MemoryHistory(NAME), MemoryImports()
    for number, room in enumerate(kills):
        log.room = room
        try:
            await publication(log, ledger, f"process {number}").publish(order, ignored)
        except KilledError:
            continue
    log.room = None

    await publication(log, ledger, "last").publish(order, ignored)

    assert published(log) == await undisturbed(order)
    assert (await ledger.read(NAME)) == Imported(30, is_finished=True)


@given(room=st.integers(0, 29))
async def test_an_outage_that_kept_a_part_is_made_good(order: TimeOrder, room: int) -> None:
    log = MemoryHistory(NAME, room=room, fails=StreamUnavailableError)

    await publication(log, MemoryImports()).publish(order, ignored)

    assert published(log) == await undisturbed(order)


async def test_a_finished_import_sends_nothing_again(order: TimeOrder) -> None:
    log, ledger = MemoryHistory(NAME), MemoryImports()
    await publication(log, ledger).publish(order, ignored)
    before = {place: [*some] for place, some in log.partitions.items()}

    await publication(log, ledger, "another").publish(order, ignored)

    assert log.partitions == before


async def test_what_others_append_meanwhile_is_not_taken_for_ours(order: TimeOrder) -> None:
    log, ledger = MemoryHistory(NAME, room=6), MemoryImports()
    with pytest.raises(KilledError):
        await publication(log, ledger).publish(order, ignored)
    other = MemoryHistory("another import", log.partitions)
    await publication(other, MemoryImports()).publish(order, ignored)
    log.room = None

    await publication(log, ledger).publish(order, ignored)

    assert sum(map(len, log.partitions.values())) == 60


async def test_who_is_not_at_it_any_more_stops_at_the_next_chunk(order: TimeOrder) -> None:
    log, ledger = MemoryHistory(NAME), MemoryImports()
    taken: list[int] = []

    def take_over(_: int) -> None:
        taken.append(_)
        ledger.owners[NAME] = "another"

    with pytest.raises(ImportTakenError):
        await publication(log, ledger).publish(order, take_over)

    assert sum(map(len, log.partitions.values())) <= 4


async def test_told_to_stop_it_stops_between_chunks_and_goes_on_there(order: TimeOrder) -> None:
    log, ledger = MemoryHistory(NAME), MemoryImports()
    stopped = publication(log, ledger)
    stopped.closing.set()
    with pytest.raises(ImportStoppedError):
        await stopped.publish(order, ignored)
    assert sum(map(len, log.partitions.values())) == 4

    await publication(log, ledger).publish(order, ignored)

    assert published(log) == await undisturbed(order)


def past(rows: Iterable[dict[str, object]], folder: Path) -> tuple[list[Report], TimeOrder]:
    read = past_reader(lambda row: report_on(row.sent, CLOCK, AS_SENT), CLOCK)
    order = TimeOrder(folder)
    reports = [read(Row(n, json.dumps(row).encode())) for n, row in enumerate(rows, 1)]
    for report in reports:
        add_to(order, report)
    return reports, order


def test_a_row_becomes_the_plain_event_that_workers_read_in_one_pass(tmp_path: Path) -> None:
    (report,), order = past([payload(price="8,90", quantity="2")], tmp_path)

    (event,) = order.events()
    (read,) = report_on(event.value, CLOCK, AS_SENT).events
    assert read == report.events[0]
    assert (event.key, event.action, event.at) == (b"ann", Action.CLICK, 1_790_000_000_000)
    assert json.loads(event.value) == json.loads(read.model_dump_json(exclude_none=True))


def test_a_clock_is_not_corrected_by_when_a_file_is_read(tmp_path: Path) -> None:
    sent = payload(occurred_at="2026-01-01T07:35:00Z", sent_at="2026-01-01T08:05:00Z")

    (report,), order = past([sent], tmp_path)

    (event,) = order.events()
    assert report.end is End.READ
    assert b"sent_at" not in event.value
    assert b"07:35" in event.value


def test_a_moment_that_has_not_come_is_dead_though_it_says_when_it_was_sent(
    tmp_path: Path,
) -> None:
    ahead = payload(occurred_at="2999-01-01T00:00:00Z", sent_at="2999-01-01T00:00:01Z")

    (report,), order = past([ahead], tmp_path)

    assert (report.end, report.reason) == (End.DEAD, "occurred_at: in the future")
    assert len(order) == 0
