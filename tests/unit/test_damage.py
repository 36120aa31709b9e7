"""Damage: a record that none of our programs wrote is lost, ends nobody, and is said once."""

from collections.abc import Mapping
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portrait import metrics
from portrait.events.event import Action
from portrait.events.topics import ERASURES
from portrait.inference.paint import paint
from portrait.profiles.facts import LATEST, Facts, fold
from portrait.profiles.profile import decode_profile, encode_profiles, read_facts
from portrait.profiles.record import is_blank, read_sound
from portrait.profiles.searched import read_searched
from portrait.ref import search_ref
from tests.support.catalogues import catalogue
from tests.support.damage import FACTS, PORTRAITS, dice, mutated
from tests.support.fakes import MemoryProfiles
from tests.support.models import learned_model
from tests.support.records import RECEIVED, FakeRecord, event_record
from tests.support.shop import Shop, open_shop
from tests.support.strategies import Happening, happenings, log_of, spread_log_of
from tests.support.streams import ListStream, memory_updater
from workers.update.worker import update

TOUCH = event_record(900, item_id="tuna")
BOBS = event_record(901, user_id="bob", item_id="beef")
EVENTS = [{"type": "click", "item_id": item} for item in ("tuna", "beef", "milk")]


def damaged_so_far() -> float:
    return float(metrics.profiles_damaged._value.get())  # noqa: SLF001 - its only reader


async def two_profiles() -> MemoryProfiles:
    """Return what the worker stores of Ann and Bob, three events each."""
    profiles = MemoryProfiles()
    touched = product(("tuna", "beef", "milk"), ("ann", "bob"))
    log = [event_record(n, user_id=user, item_id=item) for n, (item, user) in enumerate(touched)]
    await update(ListStream(log), await memory_updater(profiles))
    return profiles


@pytest.mark.parametrize("name", FACTS)
async def test_an_event_begins_a_damaged_profile_anew(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    profiles, before = await two_profiles(), damaged_so_far()
    profiles.records["ann"] = FACTS[name](profiles.records["ann"])
    fresh = MemoryProfiles()
    capsys.readouterr()

    for _ in range(2):  # the second time nothing is damaged any more
        await update(ListStream([TOUCH, BOBS]), await memory_updater(profiles))

    await update(ListStream([TOUCH]), await memory_updater(fresh))
    assert profiles.records["ann"] == fresh.records["ann"]
    assert decode_profile(profiles.records["bob"]).head["totals"].sum() == 4
    assert damaged_so_far() == before + 1
    (said,) = [line for line in capsys.readouterr().out.splitlines() if "profiles_damaged" in line]
    assert "users=1" in said
    assert "ann" not in said


@pytest.mark.parametrize("damaged", [b"", b"x", bytes(40), b"\xff" * 300, b"\x01" * 10])
async def test_damaged_words_of_searches_end_nothing_and_are_written_anew(damaged: bytes) -> None:
    profiles = MemoryProfiles()
    search = event_record(type="search", text="cat toys", item_id=None)
    await update(ListStream([search]), await memory_updater(profiles))
    profiles.searched["ann"] = damaged

    await update(ListStream([TOUCH]), await memory_updater(profiles))
    assert profiles.searched.get("ann", b"") == b""
    again = event_record(1, type="search", text="cat toys", item_id=None)
    await update(ListStream([again]), await memory_updater(profiles))

    assert read_searched(profiles.searched["ann"]) == {search_ref("cat toys"): "cat toys"}
    assert decode_profile(profiles.records["ann"]).head["totals"].sum() == 3


@pytest.mark.parametrize("name", PORTRAITS)
async def test_a_damaged_portrait_is_painted_anew_and_its_facts_stay(name: str) -> None:
    profiles, before = await two_profiles(), damaged_so_far()
    whole = await two_profiles()
    profiles.records["ann"] = PORTRAITS[name](profiles.records["ann"])

    for each in (profiles, whole):
        await update(ListStream([TOUCH]), await memory_updater(each))

    assert profiles.records == whole.records
    assert damaged_so_far() == before


@pytest.mark.parametrize("name", FACTS)
async def test_a_damaged_profile_can_be_erased(name: str) -> None:
    profiles = await two_profiles()
    profiles.records["ann"] = FACTS[name](profiles.records["ann"])
    erasure = FakeRecord(ERASURES, None, 0, timestamp=RECEIVED + 1, key=b"ann")

    await update(ListStream([erasure]), await memory_updater(profiles))

    assert is_blank(profiles.records["ann"])


@pytest.mark.parametrize("is_learned", [False, True])
@pytest.mark.parametrize("name", [*FACTS, *PORTRAITS])
async def test_of_a_damaged_profile_the_service_says_that_nothing_is_known(
    name: str,
    is_learned: bool,  # noqa: FBT001 - pytest passes it by name
    capsys: pytest.CaptureFixture[str],
) -> None:
    shop = await shop_of(is_learned=is_learned)
    whole = shop.profiles.records["ann"]
    shop.profiles.records["ann"] = {**FACTS, **PORTRAITS}[name](whole)
    before = damaged_so_far()

    async with open_shop(shop) as client:
        found = await client.get("/profile/ann")
        recommended = await client.post("/recommend", json={"user_id": "ann", "explain": True})
        nobody = await client.post("/recommend", json={"user_id": "eve", "explain": True})
        gone = await client.delete("/profile/ann")

    assert found.status_code == 404
    assert found.json()["type"] == "urn:portrait:problem:profile-not-found"
    assert recommended.status_code == 200
    assert untold(recommended.json()) == untold(nobody.json())
    assert gone.status_code == 202
    assert damaged_so_far() == before + 2
    said = [line for line in capsys.readouterr().out.splitlines() if "profile_damaged" in line]
    assert len(said) == 2
    assert not any("ann" in line for line in said)


@pytest.mark.parametrize("is_learned", [False, True])
async def test_whatever_stands_in_the_store_no_request_fails(is_learned: bool) -> None:  # noqa: FBT001
    shop, random = await shop_of(is_learned=is_learned), dice(11)
    whole = shop.profiles.records["ann"]

    async with open_shop(shop) as client:
        for _ in range(150):
            shop.profiles.records["ann"] = mutated(whole, random)
            found = await client.get("/profile/ann?include=vectors")
            asked = await client.post("/recommend", json={"user_id": "ann", "explain": True})

            assert found.status_code in {200, 404}, shop.profiles.records["ann"].hex()
            assert asked.status_code == 200, shop.profiles.records["ann"].hex()


async def shop_of(*, is_learned: bool) -> Shop:
    shop = Shop()
    model = learned_model("learned") if is_learned else None
    await shop.stock(model=model)
    shop.remember("ann", *EVENTS, painted=catalogue())
    return shop


def untold(answer: Mapping[str, object]) -> Mapping[str, object]:
    return {name: value for name, value in answer.items() if name != "recommendation_id"}


@st.composite
def records_and_damage(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """Return a record, of either layout, and what became of it."""
    events: list[Happening] = draw(happenings(users=1, most=70))
    spread = st.lists(st.integers(0, 2), min_size=len(events), max_size=len(events))
    log = spread_log_of(events, draw(spread)) if draw(st.booleans()) else log_of(events)
    facts = Facts.empty(1)
    fold(facts, log)
    (record,) = encode_profiles(facts, paint(facts.ring, catalogue()))
    return record, mutated(record, dice(draw(st.integers(0, 2**32))))


@given(records_and_damage(), happenings(users=3, most=12))
def test_what_is_read_is_sound_or_lost(both: tuple[bytes, bytes], events: list[Happening]) -> None:
    record, damaged = both

    facts, lost = read_facts([record, damaged, None])

    assert lost.tolist() in ([False, False, False], [False, True, False])
    alone, _ = read_facts([record])
    assert facts.head[:1].tobytes() == alone.head.tobytes()
    assert facts.ring[:1].tobytes() == alone.ring.tobytes()
    if lost[1]:
        assert facts.head[1:2].tobytes() == Facts.empty(1).head.tobytes()
        assert not facts.ring[1:].tobytes().strip(b"\0")
    times = [facts.head[name] for name in ("first_at", "last_at", "received_at")]
    assert all(((each >= 0) & (each <= LATEST)).all() for each in times)

    fold(facts, log_of(events))
    portraits = paint(facts.ring, catalogue())

    assert np.isfinite(portraits["vectors"]).all()
    written = encode_profiles(facts, portraits)
    assert not read_facts(written)[1].any()
    assert None not in map(read_sound, written)


@given(records_and_damage())
def test_one_record_is_asked_what_many_are(both: tuple[bytes, bytes]) -> None:
    record, damaged = both

    (lost,) = read_facts([damaged])[1]

    assert read_sound(record) is not None
    assert not (lost and read_sound(damaged))
    if not lost:  # then at most the portrait is damaged
        facts, _ = read_facts([damaged])
        (again,) = encode_profiles(facts, paint(facts.ring, catalogue()))
        assert read_sound(again) is not None


@pytest.mark.parametrize("name", FACTS)
def test_both_ways_to_read_find_every_kind_of_damage(name: str) -> None:
    facts = Facts.empty(1)
    fold(facts, log_of([Happening(0, RECEIVED, 7, 3, 2.0, 1, Action.CLICK, 0)]))
    (record,) = encode_profiles(facts, paint(facts.ring, catalogue()))

    damaged = FACTS[name](record)

    assert read_facts([damaged])[1].tolist() == [True]
    assert read_sound(damaged) is None
