"""Audiences: who leads, who is like them, and who is never in one."""

import random
import tracemalloc
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portrait.audiences.best import Best, Member
from portrait.audiences.gather import FEWEST, AudienceTooNarrowError, Gathered, gather
from portrait.audiences.likeness import likeness_of
from portrait.audiences.people import Reader, pace_of, read_people
from portrait.audiences.wanted import Filters, Leaders, Subject, Wanted
from portrait.catalogue.catalogue import Catalogue
from portrait.events.consent import GRANTED, WITHDRAWN, Consent, Purpose
from portrait.events.unwanted import FOR_GOOD, Unwanted, What, Word, encode_unwanted, thing_of
from portrait.model.space import unit
from portrait.profiles.facts import HEAD, PERIOD_MS
from portrait.profiles.layout import portrait_dtype
from portrait.profiles.store import Stored
from portrait.ref import item_ref, name_ref
from tests.support.catalogues import MODEL, catalogue
from tests.support.fakes import MemoryProfiles
from tests.support.shop import HOUR_MS, NOW_MS, record_of

CATALOGUE = catalogue()
FIELDS = ("type", "item_id")
READER = Reader(MODEL.space_id, portrait_dtype(MODEL.space.dim), GRANTED, NOW_MS + HOUR_MS)
BOUGHT_CHEESE = Leaders(bought=np.array([item_ref("cheese")], np.uint64))


ACTS = {  # of each kind of people, oldest first
    "cheese": [
        ("click milk", "purchase cheese"),
        ("cart milk", "purchase cheese"),
        ("click cheese", "purchase cheese"),
    ],
    "milk": [
        ("click milk", "cart cheese"),
        ("cart cheese", "click milk"),
        ("cart milk", "cart cheese"),
    ],
    "dog": [
        ("click beef", "click beef"),
        ("click tuna", "click beef"),
        ("click beef", "cart tuna"),
    ],
}


def painted(by: Catalogue) -> dict[str, list[bytes]]:
    """Return the records of each kind of people, painted by a model."""
    return {
        kind: [
            record_of(
                "u", *(dict(zip(FIELDS, act.split(), strict=True)) for act in acts), painted=by
            )
            for acts in each
        ]
        for kind, each in ACTS.items()
    }


RECORDS = painted(CATALOGUE)


def of_kind(kind: str, n: int = 0, records: Mapping[str, Sequence[bytes]] = RECORDS) -> bytes:
    return records[kind][n % len(records[kind])]


def shop(
    cheese: int = 40,
    milk: int = 60,
    dog: int = 100,
    records: Mapping[str, Sequence[bytes]] = RECORDS,
) -> MemoryProfiles:
    """Buyers of cheese, people who like milk and cheese, and people with dogs."""
    profiles = MemoryProfiles()
    counts = {"cheese": cheese, "milk": milk, "dog": dog}
    users = [(kind, n) for kind, count in counts.items() for n in range(count)]
    random.Random(0).shuffle(users)  # noqa: S311 - of no secret
    profiles.records = {f"{kind}-{n}": of_kind(kind, n, records) for kind, n in users}
    return profiles


async def nobody_listens(_looked_at: int) -> None:
    pass


async def found(
    profiles: MemoryProfiles, wanted: Wanted | None = None, reader: Reader = READER
) -> Gathered:
    return await gather(wanted or Wanted(BOUGHT_CHEESE, 60), profiles, reader, None, nobody_listens)


def named(gathered: Gathered) -> set[str]:
    return {member.user for member in gathered.members}


async def test_those_who_are_like_the_buyers_come_first_and_no_buyer_is_among_them() -> None:
    gathered = await found(shop())

    assert named(gathered) == {f"milk-{n}" for n in range(60)}
    assert (gathered.leaders, gathered.people, gathered.fitting) == (40, 160, 160)
    scores = [member.score for member in gathered.members]
    assert scores == sorted(scores, reverse=True)
    assert max(scores) > 1


async def test_named_people_lead_as_well_as_buyers() -> None:
    users = frozenset(f"milk-{n}" for n in range(30))

    gathered = await found(shop(), Wanted(Leaders(users), 30))

    assert {user.partition("-")[0] for user in named(gathered)} <= {"milk", "cheese"}
    assert named(gathered).isdisjoint(users)
    assert gathered.leaders == 30


async def test_a_score_is_how_much_more_is_to_be_expected_than_of_anybody() -> None:
    everybody = await found(shop(), Wanted(BOUGHT_CHEESE, 1_000))
    likely = await found(shop(), Wanted(BOUGHT_CHEESE, 1_000, least_score=1.0))

    assert len(everybody.members) == 160
    assert likely.members == [member for member in everybody.members if member.score >= 1]
    assert FEWEST <= len(likely.members) < 160


@pytest.mark.parametrize("withdrawn", [WITHDRAWN, Consent(0, frozenset({Purpose.PERSONALISATION}))])
async def test_who_does_not_allow_it_is_never_in(withdrawn: Consent) -> None:
    profiles = shop()
    for n in range(10):
        await profiles.agree({f"milk-{n}": replace(withdrawn, at=1_000)})

    gathered = await found(profiles)

    assert named(gathered).isdisjoint({f"milk-{n}" for n in range(10)})
    assert gathered.left_out["not_allowed"] == 10


async def test_where_nobody_has_been_asked_nobody_is_in() -> None:
    with pytest.raises(AudienceTooNarrowError):
        await found(shop(), reader=replace(READER, unsaid=WITHDRAWN))


async def test_who_does_not_count_in_what_is_said_of_others_leads_nobody() -> None:
    profiles = shop(cheese=FEWEST)
    await profiles.agree({"cheese-3": Consent(1_000, frozenset({Purpose.ANALYTICS}))})

    with pytest.raises(AudienceTooNarrowError):
        await found(profiles)


async def test_who_was_erased_or_is_damaged_or_anonymous_or_of_another_model_is_not_in() -> None:
    profiles = shop()
    profiles.records["anonymous:c-1"] = of_kind("milk")
    profiles.records["milk-1"] = of_kind("milk")[:-1]
    emptied = bytearray(of_kind("milk")[:256] + of_kind("milk")[256 + 32 :])
    emptied[8] = 0  # events in the ring: their user was erased
    profiles.records["milk-2"] = bytes(emptied)
    at = of_kind("milk").index(MODEL.space_id.encode())
    other = of_kind("milk")[:at] + b"0" * 16 + of_kind("milk")[at + 16 :]
    profiles.records["milk-3"] = other

    gathered = await found(profiles)

    assert named(gathered).isdisjoint({"anonymous:c-1", "milk-1", "milk-2", "milk-3"})
    assert gathered.left_out == {"anonymous": 1, "not_allowed": 2, "unpainted": 1}


@pytest.mark.parametrize(
    ("what", "name"),
    [(What.ITEM, "cheese"), (What.CATEGORY, "grocery"), (What.BRAND, "FARM")],
)
async def test_who_does_not_want_to_see_it_is_not_in(what: What, name: str) -> None:
    profiles = shop()
    said = Unwanted({thing_of(what, name): Word(1, FOR_GOOD)})
    profiles.unwanted["milk-7"] = encode_unwanted(said).encode()
    over = Unwanted({thing_of(what, name): Word(1, NOW_MS)})
    profiles.unwanted["milk-8"] = encode_unwanted(over).encode()
    subject = Subject("cheese", "Grocery > Dairy", "Farm")

    gathered = await found(profiles, Wanted(BOUGHT_CHEESE, 60, subject=subject))

    assert "milk-7" not in named(gathered)
    assert "milk-8" in named(gathered)
    assert gathered.left_out == {"unwanted": 1}


async def test_filters_let_through_by_interest_and_by_silence() -> None:
    dairy = np.array([name_ref("Grocery > Dairy")], np.uint64)
    by_interest = Filters(interests=dairy)
    gathered = await found(shop(), Wanted(BOUGHT_CHEESE, 1_000, filters=by_interest))
    assert named(gathered) == {f"milk-{n}" for n in range(60)}

    active = Filters(active_days=1)
    assert len((await found(shop(), Wanted(BOUGHT_CHEESE, 1_000, filters=active))).members) == 160
    later = replace(READER, now_ms=NOW_MS + 49 * HOUR_MS)
    with pytest.raises(AudienceTooNarrowError):
        await found(shop(), Wanted(BOUGHT_CHEESE, 1_000, filters=active), later)


@pytest.mark.parametrize(
    ("cheese", "milk", "what_to_do"),
    [(FEWEST - 1, 60, "more people buy"), (40, FEWEST - 1, "lower `least_score`")],
)
async def test_fewer_than_twenty_leaders_or_members_are_too_few(
    cheese: int, milk: int, what_to_do: str
) -> None:
    wanted = Wanted(BOUGHT_CHEESE, 60, least_score=1.0)
    with pytest.raises(AudienceTooNarrowError, match=f"never singles anybody out.*{what_to_do}"):
        await found(shop(cheese=cheese, milk=milk), wanted)


async def test_who_is_looked_at_in_both_walks_is_counted_once() -> None:
    told: list[int] = []

    async def listen(looked_at: int) -> None:
        told.append(looked_at)

    await gather(Wanted(BOUGHT_CHEESE, 60), shop(), READER, None, listen)

    assert (told[-1], told) == (200, sorted(told))


class Crowd:
    """A store with as many people as are asked for, of whom none is held."""

    def __init__(self, people: int) -> None:
        self._people = people
        self.asked = 0

    async def scan(self) -> AsyncIterator[list[str]]:
        """Yield a thousand at a time; the first again at the end."""
        for start in range(0, self._people, 1_000):
            yield [f"u-{n}" for n in range(start, min(start + 1_000, self._people))]
        yield ["u-0", "u-1"]

    async def load_whole(self, users: Sequence[str]) -> list[Stored]:
        """Make up who they are."""
        self.asked += len(users)
        kinds = [("cheese", "milk", "dog")[int(user[2:]) % 3] for user in users]
        return [Stored(of_kind(kind), None) for kind in kinds]


async def test_memory_does_not_grow_with_the_number_of_profiles(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("portrait.audiences.gather.MOST_LEADERS", 200)
    monkeypatch.setattr("portrait.audiences.gather.MOST_SAMPLED", 400)

    async def peak(people: int) -> tuple[int, Gathered]:
        crowd = Crowd(people)
        tracemalloc.start()
        try:
            gathered = await gather(
                Wanted(BOUGHT_CHEESE, 50),
                crowd,  # type: ignore[arg-type] # what is asked of it, it has
                READER,
                None,
                nobody_listens,
            )
            return tracemalloc.get_traced_memory()[1], gathered
        finally:
            tracemalloc.stop()

    few, _ = await peak(2_000)
    many, gathered = await peak(10_000)

    assert many < 1.2 * few
    assert len(named(gathered)) == len(gathered.members) == 50


@given(
    st.lists(st.tuples(st.sampled_from("abcdefghij"), st.floats(0, 10, width=32)), max_size=30),
    st.integers(1, 6),
    st.randoms(),
)
def test_the_best_are_the_same_in_whatever_order_they_come(
    offered: list[tuple[str, float]], most: int, draw: random.Random
) -> None:
    scores = dict(offered)  # of each the last
    naive = sorted((Member(score, user) for user, score in scores.items()), reverse=True)[:most]
    shuffled = [*scores.items(), *scores.items()]
    draw.shuffle(shuffled)

    best = Best(most)
    for user, score in shuffled:
        best.offer([user], np.array([score], np.float32))

    assert best.ranked() == naive


def test_no_score_that_is_no_number_gets_in() -> None:
    best = Best(3)
    best.offer(["a", "b"], np.array([np.nan, 1.0], np.float32))
    best.offer(["c", "d", "e", "f"], np.array([2.0, np.nan, 0.5, 3.0], np.float32))

    assert best.ranked() == [Member(3.0, "f"), Member(2.0, "c"), Member(1.0, "b")]


def test_likeness_finds_the_direction_in_which_two_crowds_differ() -> None:
    draw = np.random.default_rng(0)
    spread = draw.normal(size=(4_000, 8)) * [5, 1, 1, 1, 1, 1, 1, 1]  # most along the first axis
    others = unit(spread.astype(np.float32))
    leaders = unit((spread[:300] + np.eye(8)[1]).astype(np.float32))
    pace = np.ones(4_000, np.float32)

    likeness = likeness_of(leaders, others, pace)

    assert np.abs(likeness.weights).argmax() == 1
    assert likeness.scores(others, pace).mean() == pytest.approx(1, rel=1e-3)
    assert likeness.scores(leaders, pace[:300]).mean() > 1


def test_the_pace_is_that_of_the_newest_three_periods_whatever_has_passed_since() -> None:
    head = np.zeros(3, HEAD)
    head["period"] = 100
    head["by_period"] = [30, 20, 10, 70]
    as_of = np.array([100, 101, 109]) * PERIOD_MS + PERIOD_MS // 2

    assert pace_of(head, as_of) == pytest.approx([60 / 2.5 + 0.1, 50 / 2.5 + 0.1, 0.1])


def test_people_are_read_as_they_are_stored() -> None:
    stored = [Stored(of_kind("cheese"), None), Stored(None, None), Stored(of_kind("dog"), None)]

    people, left_out = read_people(["a", "b", "c"], stored, READER)

    assert people.users == ["a", "c"]
    assert left_out == {"not_allowed": 1}
    assert BOUGHT_CHEESE.of(people).tolist() == [True, False]
    assert people.likes.shape == (2, MODEL.space.dim)
    assert np.linalg.norm(people.likes, axis=1) == pytest.approx([1, 1], abs=1e-3)
