"""Records: read field by field, they say what the arrays say."""

from hypothesis import given

from portrait.inference.paint import paint
from portrait.profiles.facts import Facts, fold
from portrait.profiles.profile import decode_profile, encode_profiles
from portrait.profiles.record import partitions_of, read_sound
from tests.support.catalogues import catalogue
from tests.support.strategies import Happening, happenings, log_of


@given(happenings(users=1, most=70))
def test_struct_and_numpy_read_the_same(history: list[Happening]) -> None:
    facts = Facts.empty(1)
    fold(facts, log_of(history, partition=3))
    (payload,) = encode_profiles(facts, paint(facts.ring, catalogue()))

    record = read_sound(payload)

    assert record is not None
    profile = decode_profile(payload)
    head, portrait = profile.head, profile.portrait
    for name in ("period", "first_at", "last_at", "received_at", "spend"):
        assert getattr(record.head, name) == head[name]
    assert list(record.head.totals) == head["totals"].tolist()
    assert list(record.head.by_period) == head["by_period"].tolist()
    assert list(partitions_of(payload)) == head["partition"].tolist()
    assert record.events == profile.ring.tolist()
    assert record.space_id == profile.space_id
    held = [one for one in portrait["interests"] if one["category"]]
    assert [one[:3] for one in record.interests] == [one.item()[:3] for one in held]
    assert [list(one[3:6]) for one in record.interests] == [
        one["evidence"].tolist() for one in held
    ]
    assert record.brands == [one for one in portrait["brands"].tolist() if one[0]]
    assert list(record.price) == portrait["price"].tolist()


def test_a_spend_beyond_64_bits_is_read_whole() -> None:
    facts = Facts.empty(1)
    facts.head["spend"], facts.head["spend_upper"] = -5, 3
    (payload,) = encode_profiles(facts, paint(facts.ring, catalogue()))

    record = read_sound(payload)

    assert record is not None
    assert record.head.spend == 3 * 2**62 - 5
