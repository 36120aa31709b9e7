"""Import of events: each goes into the log once, in time order, however often it is killed."""

import asyncio
import json
from argparse import ArgumentParser
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portrait.errors import FileUnreadableError, StreamUnavailableError
from portrait.events.event import Action
from portrait.events.history import MARK, Imported, ImportTakenError, PastEvent, Place
from portrait.events.receipt import RECEIVED
from portrait.events.stream import Message
from portrait.reading.dialect import AS_SENT
from portrait.reading.files import sources_of
from portrait.reading.records import Clock
from portrait.reading.report import End, canonical, report_on
from portrait.reading.straight import plain_event
from portrait.times import to_moment
from tests.support.memory_history import KilledError, MemoryHistory, MemoryImports
from tests.support.records import RECEIVED as NOW
from tests.support.records import payload
from workers.imports import events as import_events
from workers.imports.events import Publication, read_history
from workers.imports.look import TURN, ImportStoppedError, Rows, add_options, write_dead
from workers.imports.summary import Summary
from workers.imports.time_order import TimeOrder

CLOCK = Clock(NOW, 60_000)
NAME = "0123456789abcdef"


@pytest.fixture(scope="module")
def order(tmp_path_factory: pytest.TempPathFactory) -> TimeOrder:
    random = Random(4)  # noqa: S311 - a test
    order = TimeOrder(tmp_path_factory.mktemp("runs"), run_bytes=500)
    for number in range(30):
        user = random.choice([b"ann", b"bob", b"cyn"])
        action = random.choice([Action.BROWSE, Action.CART, Action.PURCHASE])
        at = random.randrange(1, 12)
        order.add(PastEvent(at, number, action, user, b'{"n":%d}' % number))
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


def rows_of(*files: Path) -> Rows:
    parser = ArgumentParser()
    add_options(parser)
    asked = parser.parse_args(["events", *map(str, files)])
    asked.items = False
    return Rows([s for file in files for s in sources_of(str(file))], asked, CLOCK, AS_SENT)


def past(sent: Iterable[dict[str, object]], folder: Path) -> tuple[Summary, list[PastEvent]]:
    file = folder / "log.jsonl"
    file.write_text("".join(json.dumps(each) + "\n" for each in sent))
    ((summary, order, _),) = read_history(rows_of(file), folder / "aside", ignored)
    return summary, [*order.events()]


def test_a_row_becomes_the_plain_event_that_workers_read_in_one_pass(tmp_path: Path) -> None:
    sent = payload(price="8,90", quantity="2")

    _, (event,) = past([sent], tmp_path)

    (read,) = report_on(sent, CLOCK, AS_SENT).events
    straight = plain_event(event.value, AS_SENT)
    assert straight is not None
    assert canonical(straight) == canonical(read)
    assert (event.key, event.action, event.at) == (b"ann", Action.CLICK, 1_790_000_000_000)
    assert event.value == read.model_dump_json(exclude_none=True).encode()


def test_events_of_one_row_have_numbers_of_their_own(tmp_path: Path) -> None:
    products = [{"product_id": name} for name in "abc"]
    order: dict[str, object] = {
        "type": "track",
        "event": "Order Completed",
        "messageId": "m",
        "userId": "ann",
        "timestamp": "2026-07-01T07:31:00Z",
        "properties": {"products": products},
    }

    _, events = past([order, order | {"messageId": "n"}], tmp_path)

    assert [event.number for event in events] == [0, 1, 2, 1 << 20, 1 + (1 << 20), 2 + (1 << 20)]
    assert [json.loads(event.value)["item_id"] for event in events] == [*"abcabc"]


def test_a_clock_is_not_corrected_by_when_a_file_is_read(tmp_path: Path) -> None:
    sent = payload(occurred_at="2026-01-01T07:35:00Z", sent_at="2026-01-01T08:05:00Z")

    summary, (event,) = past([sent], tmp_path)

    assert summary.ends[End.READ] == 1
    assert b"sent_at" not in event.value
    assert b"07:35" in event.value


def test_a_moment_that_has_not_come_is_dead_though_it_says_when_it_was_sent(
    tmp_path: Path,
) -> None:
    ahead = payload(occurred_at="2999-01-01T00:00:00Z", sent_at="2999-01-01T00:00:01Z")

    summary, events = past([ahead], tmp_path)

    assert [kind.what for kind in summary.kinds] == ["occurred_at: in the future"]
    assert events == []


def test_several_processes_read_what_one_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = Random(3)  # noqa: S311 - a test
    for name in ("a.jsonl", "b.jsonl"):
        with (tmp_path / name).open("w") as file:
            for number in range(2 * TURN + 300):
                moment = to_moment(NOW - random.randrange(10**9)).isoformat()
                item = None if number % 500 == 0 else "tea"
                sent = payload(event_id=f"{name}{number}", occurred_at=moment, item_id=item)
                file.write(json.dumps(sent) + "\n")
    rows = rows_of(tmp_path / "a.jsonl", tmp_path / "b.jsonl")
    (whole,) = read_history(rows, tmp_path / "one", ignored)

    monkeypatch.setattr(import_events, "LEAST_SHARED", 0)
    monkeypatch.setattr("os.cpu_count", lambda: 3)
    (tmp_path / "three").mkdir()
    first, *others = read_history(rows, tmp_path / "three", ignored)

    assert len(others) == 2
    for each in others:
        first.summary.join(each.summary)
        first.order.join(each.order)
    assert [*first.order.events()] == [*whole.order.events()]
    assert first.summary == whole.summary
    files = [
        write_dead([each.dead for each in some], str(tmp_path / name))
        for some, name in (([whole], "one"), ([first, *others], "three"))
    ]
    one, three = (file.read_text() for file in files if file is not None)
    assert one == three
    assert len(one.splitlines()) == 10


def test_what_another_process_cannot_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_events, "LEAST_SHARED", 0)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    (tmp_path / "log.csv").write_text("1,2,3\n")

    with pytest.raises(FileUnreadableError, match="its first line holds values"):
        read_history(rows_of(tmp_path / "log.csv"), tmp_path, ignored)
