"""Profiles: records that come back as they went."""

from hypothesis import given

from portrait.events.columns import RING
from portrait.inference.paint import paint
from portrait.profiles.facts import Facts, fold
from portrait.profiles.layout import blank_portraits
from portrait.profiles.profile import REVISION, decode_profile, encode_profiles, read_facts
from tests.support.catalogues import SPACE, catalogue
from tests.support.strategies import START, Happening, happenings, log_of


def folded(events: list[Happening], users: int = 3) -> Facts:
    facts = Facts.empty(users)
    fold(facts, log_of(events))
    return facts


@given(happenings(most=150))
def test_facts_come_back_as_they_went(events: list[Happening]) -> None:
    facts = folded(events)

    records = encode_profiles(facts, paint(facts.ring, catalogue()))
    back = read_facts(records)[0]

    assert back.head.tobytes() == facts.head.tobytes()
    assert back.ring.tobytes() == facts.ring.tobytes()


@given(happenings())
def test_a_portrait_comes_back_as_it_went(events: list[Happening]) -> None:
    facts = folded(events)
    portraits = paint(facts.ring, catalogue())

    for row, record in enumerate(encode_profiles(facts, portraits)):
        profile = decode_profile(record)
        assert profile.portrait.tobytes() == portraits[row].tobytes()
        assert len(profile.ring) == facts.head["count"][row]
        assert profile.space_id == SPACE.id


def test_facts_can_be_read_whatever_the_space() -> None:
    facts = folded([])
    wide = encode_profiles(facts, blank_portraits(3, 300))

    assert read_facts(wide)[0].head.tobytes() == facts.head.tobytes()
    assert decode_profile(wide[0]).portrait["vectors"].shape == (2, 300)


def test_someone_unknown_has_empty_facts_that_can_be_written() -> None:
    facts = read_facts([None, None])[0]
    facts.head["revision"][0] = 1

    assert len(facts) == 2
    assert not facts.ring["at"].any()


def test_a_record_begins_with_its_revision() -> None:
    facts = folded([])
    facts.head["revision"] = 258

    record, *_ = encode_profiles(facts, blank_portraits(3, 2))

    assert record[REVISION] == bytes([0, 0, 0, 0, 0, 0, 1, 2])


def test_a_full_record_is_under_four_kilobytes() -> None:
    facts = Facts.empty(1)
    facts.head["count"] = RING
    facts.ring["at"] = START

    (record,) = encode_profiles(facts, blank_portraits(1, 256, 256))

    assert len(record) <= 4_096
