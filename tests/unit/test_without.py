"""Without: what is left of a profile is what it would be if it had never had the event."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portrait.events.columns import RING
from portrait.events.event import Action
from portrait.inference.explain import evidence_of
from portrait.inference.paint import paint
from portrait.profiles.facts import Facts, fold
from portrait.profiles.profile import Profile, decode_profile, encode_profiles
from portrait.profiles.without import remembers_all, without
from portrait.ref import item_ref
from tests.support.catalogues import ITEMS, catalogue
from tests.support.strategies import START, Happening, happenings, log_of

REFS = [item_ref(item.id) for item in ITEMS]
KNOWN = catalogue()


def profile_of(events: Sequence[Happening]) -> Profile:
    """Fold and paint what one user did with items of a catalogue."""
    facts, log = Facts.empty(1), log_of([*events])
    log["event"]["ref"] = [REFS[each.ref % len(REFS)] for each in events]
    fold(facts, log)
    (record,) = encode_profiles(facts, paint(facts.ring, KNOWN))
    return decode_profile(record)


def painted(profile: Profile) -> bytes:
    ring = np.zeros((1, RING), profile.ring.dtype)
    ring[0, : len(profile.ring)] = profile.ring
    return paint(ring, KNOWN).tobytes()


@given(happenings(users=1).filter(bool), st.data())
def test_it_is_painted_as_if_the_others_alone_had_been_folded(
    events: list[Happening], data: st.DataObject
) -> None:
    gone = data.draw(st.lists(st.sampled_from(events), min_size=1, unique_by=lambda one: one.id))
    others = [event for event in events if event not in gone]

    left = without(profile_of(events), [event.id for event in gone])

    if not others:
        assert left is None
        return
    never = profile_of(others)
    assert left is not None
    assert left.ring.tobytes() == never.ring.tobytes()
    assert painted(left) == never.portrait.tobytes()
    mine, theirs = evidence_of(left.ring, KNOWN), evidence_of(never.ring, KNOWN)
    assert mine.weight.tobytes() == theirs.weight.tobytes()


@pytest.mark.parametrize(("events", "are_all"), [(1, True), (RING, True), (RING + 1, False)])
def test_it_knows_whether_it_remembers_all(events: int, are_all: bool) -> None:  # noqa: FBT001 - a case
    profile = profile_of(clicks(events))

    assert remembers_all(profile) is are_all


def test_of_who_did_more_the_forgotten_event_alone_is_missing() -> None:
    events = clicks(RING + 5)
    gone = events[-3]

    left = without(profile_of(events), [gone.id])

    never = profile_of([event for event in events if event is not gone])
    assert left is not None
    assert len(left.ring) == RING - 1
    assert left.ring.tobytes() == never.ring[: RING - 1].tobytes()


def clicks(number: int) -> list[Happening]:
    return [
        Happening(0, START + n * 3_600_000, n + 1, n, 0.0, 1, Action.CLICK, 0)
        for n in range(number)
    ]
