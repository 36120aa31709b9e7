"""Time order: whatever comes in is yielded by its moment, however little of it fits into memory."""

import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portrait.events.event import Action
from portrait.events.history import PastEvent
from workers.imports import time_order
from workers.imports.time_order import TimeOrder

EVENTS = st.lists(
    st.tuples(
        st.integers(1, 10**13 - 1) | st.integers(1, 3),
        st.sampled_from(Action),
        st.sampled_from(["ann", "ä b", "anonymous:1"]).map(str.encode),
        st.binary(max_size=40).filter(lambda value: b"\n" not in value),
    ),
    max_size=40,
)


@given(events=EVENTS, run_bytes=st.sampled_from([1, 150, 10_000]), after=st.integers(0, 5))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_events_come_by_their_moments_and_at_one_moment_by_their_numbers(
    tmp_path_factory: pytest.TempPathFactory,
    events: list[tuple[int, Action, bytes, bytes]],
    run_bytes: int,
    after: int,
) -> None:
    folder = tmp_path_factory.mktemp("runs")
    order, other = TimeOrder(folder / "one", run_bytes), TimeOrder(folder / "other", run_bytes)
    expected = [PastEvent(each[0], n, *each[1:]) for n, each in enumerate(events)]
    for event in expected:
        (other if event.number % 3 else order).add(event)
    other.put_aside()
    order.join(other)

    expected.sort(key=lambda event: event.at)
    assert [*order.events(after)] == expected[after:]
    assert [*order.events()] == expected
    assert len(order) == len(events)
    assert order.actions == {action for _, action, *_ in events}


def test_many_runs_are_few_open_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_order, "MOST_RUNS", 4)
    order = TimeOrder(tmp_path, run_bytes=1)
    for at in range(50, 0, -1):
        order.add(PastEvent(at, at, Action.CLICK, b"ann", b"{}"))

    assert [event.at for event in order.events()] == [*range(1, 51)]
    assert len([*tmp_path.iterdir()]) <= 4


def test_a_long_history_takes_no_more_memory_than_a_run(tmp_path: Path) -> None:
    order = TimeOrder(tmp_path, run_bytes=500_000)
    tracemalloc.start()
    for at in range(60_000, 0, -1):
        order.add(PastEvent(at, at, Action.CLICK, b"ann", b"{%100d}" % at))
    first = next(iter(order.events()))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert first.at == 1
    assert peak < 3_000_000
