"""Joining rows: the archive tells of visitors what profiles tell, and nothing too early."""

import json
from datetime import UTC

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from portrait.archive.archive import SCHEMA
from portrait.dataset.archive_reading import Reading, Sample, merged, read_interactions
from portrait.dataset.joining import COLUMNS, Logins, logins_of, unasked
from portrait.dataset.questions import anchors_after_events, calendar_anchors
from portrait.dataset.sequences import sequences_of
from portrait.evaluation.exam import set_exam
from portrait.events.erasure import Erasures
from portrait.events.login import IDENTIFY, UNLINK, Login
from portrait.events.stream import Record
from portrait.identity.device import MINUTE_MS, MOST_USERS, Device
from portrait.ref import user_ref
from portrait.times import to_ms
from tests.support.archives import fill, memory_archive
from tests.support.records import FakeRecord, event_record

START = 1_780_000_000_000 // MINUTE_MS * MINUTE_MS
HOUR = 60 * MINUTE_MS
NOBODY = user_ref("anonymous:c-1")


def rows_of(*logins: Login) -> list[pa.RecordBatch]:
    """Rows of the archive, a few at a time."""
    rows = [
        {
            "user_ref": user_ref(login.user_id or f"anonymous:{login.anonymous_id}"),
            "anonymous_ref": user_ref(f"anonymous:{login.anonymous_id}"),
            "action": IDENTIFY if login.user_id else UNLINK,
            "occurred_at": login.at,
            "received_at": login.at,
        }
        for login in logins
    ]
    schema = pa.schema([SCHEMA.field(name) for name in COLUMNS])
    return [pa.RecordBatch.from_pylist(rows[at : at + 3], schema) for at in range(0, len(rows), 3)]


def logins(*said: Login) -> Logins:
    return logins_of(rows_of(*said))


def login(user: str | None, hours: float, device: str = "c-1") -> Login:
    return Login(device, user, round(START + hours * HOUR))


LOGINS = st.lists(
    st.builds(
        login,
        st.sampled_from(["ann", "bob", "cyn"]),
        st.integers(0, 40).map(lambda n: n / 4),  # a quarter of an hour apart, or at once
        st.sampled_from(["c-1", "c-2"]),
    ),
    max_size=20,
    unique_by=lambda each: (each.anonymous_id, each.at),
)


@given(LOGINS, st.lists(st.integers(-60, 700), min_size=1, max_size=20))
def test_rows_are_theirs_whose_they_are_in_the_profile(
    said: list[Login], minutes: list[int]
) -> None:
    at = np.array([START + each * MINUTE_MS for each in minutes])
    user = np.full(len(at), NOBODY, np.uint64)

    joined, known_from = logins(*said).joined(user, at)

    whose = Device().told(each for each in said if each.anonymous_id == "c-1").whose(at)
    assert joined.tolist() == [user_ref(each) if each else NOBODY for each in whose.tolist()]
    first = min((each.at for each in said if each.anonymous_id == "c-1"), default=0)
    assert known_from.tolist() == [first if moment < first else 0 for moment in at.tolist()]


def test_what_was_taken_back_and_what_everybody_uses_is_nobodys() -> None:
    at = np.array([START + 5 * HOUR])
    crowd = [login(f"u-{n}", n) for n in range(MOST_USERS + 1)]

    for said in ([login("ann", 1), login(None, 6)], crowd):
        assert logins(*said).joined(np.array([NOBODY]), at)[0].tolist() == [NOBODY]
    back_again = logins(login("ann", 1), login(None, 2), login("ann", 3))
    assert back_again.joined(np.array([NOBODY]), at)[0].tolist() == [user_ref("ann")]


def test_what_was_taken_back_is_nobodys_whoever_comes_later() -> None:
    at = np.array([START + hours * HOUR for hours in (1, 3, 5)])
    said = [login("ann", 2), login(None, 4), login("bob", 10)]

    joined, _ = logins(*said).joined(np.full(3, NOBODY, np.uint64), at)

    whose = Device().told(said).whose(at).tolist()
    assert joined.tolist() == [user_ref(each) if each else NOBODY for each in whose]
    assert whose == ["", "", "bob"]


def test_a_login_that_is_told_late_was_not_known_before() -> None:
    (batch,) = rows_of(login("ann", 2))
    told = batch.set_column(4, "received_at", pa.array([START + 50 * HOUR], batch[4].type))
    at = np.array([START + hours * HOUR for hours in (1, 3, 51)])

    _, known_from = logins_of([told]).joined(np.full(3, NOBODY, np.uint64), at)

    assert known_from.tolist() == [START + 50 * HOUR, START + 50 * HOUR, 0]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 30), st.integers(0, 10)), max_size=25))
def test_between_what_was_done_and_the_login_nothing_is_asked(
    said: list[tuple[int, int, int]],
) -> None:
    user, at, later = (
        (np.array(column, np.int64) for column in zip(*said, strict=True))
        if said
        else (np.zeros(0, np.int64),) * 3
    )
    known_from = np.where(later > 0, at + later, 0)

    found = unasked(user, at, known_from)

    assert found.tolist() == [
        any(
            whose == one and since <= moment < known
            for whose, since, known in zip(user, at, known_from, strict=True)
            if known
        )
        for one, moment in zip(user, at, strict=True)
    ]


def hour(number: int) -> str:
    return f"2026-09-{1 + number // 24:02d}T{number % 24:02d}:00:00Z"


def log() -> list[Record]:
    """Ann, who looked about on a new telephone for three hours before she logged in."""
    own = [event_record(n, item_id=f"i-{n}", occurred_at=hour(n), user_id="ann") for n in (0, 1, 4)]
    before = [
        event_record(n, item_id=f"i-{n}", occurred_at=hour(n), user_id=None, anonymous_id="c-1")
        for n in (2, 3, 5)
    ]
    login = {"type": "identify", "anonymous_id": "c-1", "user_id": "ann", "occurred_at": hour(6)}
    after = [event_record(7, item_id="i-7", occurred_at=hour(7), user_id="ann")]
    return [
        *own,
        *before,
        FakeRecord("identities", json.dumps(login).encode(), timestamp=to_ms_of(6)),
        *after,
    ]


def read(**asked: object) -> Reading:
    archive = memory_archive()
    fill(archive, log())
    return read_interactions(archive, most_events=100, **asked)  # type: ignore[arg-type]


def test_the_archive_is_read_as_if_the_user_had_done_it() -> None:
    reading = read()

    assert reading.user_refs.tolist() == [user_ref("ann")]
    assert len(reading.interactions) == 7
    assert reading.rows == 7  # the login is none of them
    assert read(sample=Sample.STRATIFIED, users=reading.user_refs).interactions.users == 1
    both, refs = merged(reading, read())
    assert (both.users, refs.tolist(), int((~both.asked).sum())) == (1, [user_ref("ann")], 8)


def test_what_was_somebodys_who_was_forgotten_since_is_not_theirs_again() -> None:
    archive = memory_archive()
    fill(archive, log())
    archive.erase(Erasures.of({user_ref("ann"): to_ms_of(6) - 1}))

    reading = read_interactions(archive, most_events=100)

    events = dict.fromkeys(reading.user_refs.tolist(), 0)
    for user in reading.interactions.user.tolist():
        events[int(reading.user_refs[user])] += 1
    assert events == {NOBODY: 3, user_ref("ann"): 1}


def test_nothing_is_foretold_from_what_was_not_known_yet() -> None:
    events = read().interactions
    asked_at = [round((at - to_ms_of(0)) / HOUR) for at in events.at[events.asked].tolist()]

    assert asked_at == [0, 1, 7]
    whole = sequences_of(events)
    assert whole.wanted.tolist() == [True, True, False, False, False, False, True]
    exam = set_exam(events, [int(events.at[0]), int(events.at[-1]) + 1], each=9)
    assert exam.newest.tolist() == [1, 6]
    after = anchors_after_events(events)
    assert not np.any((after.at > events.at[2]) & (after.at < to_ms_of(6)))
    calendar = calendar_anchors(events, to_ms_of(0), to_ms_of(9), HOUR)
    assert not np.any((calendar.at > events.at[2]) & (calendar.at < to_ms_of(6)))
    assert len(calendar)


def to_ms_of(number: int) -> int:
    return to_ms(
        np.datetime64(hour(number)[:-1]).astype("datetime64[ms]").item().replace(tzinfo=UTC)
    )
