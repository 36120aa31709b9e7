"""Replies: filled from what is known, and from nothing else."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portrait.helpdesk.desk import Desk, Reply
from portrait.helpdesk.read_desk import read_desk
from portrait.helpdesk.reply import Filled, Missing, best_reply, facts_of, filled, joined
from tests.support.desks import write_desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return read_desk(write_desk(tmp_path))


def test_the_first_reply_whose_facts_are_all_known_is_taken(desk: Desk) -> None:
    some = facts_of("order", {"order_id": "A-17"})
    more = facts_of("order", {"order_id": "A-17", "name": "Ann", "due": "Friday"})

    short, full = (best_reply(desk, "delivery", "en", facts) for facts in (some, more))

    assert isinstance(short, Filled)
    assert isinstance(full, Filled)
    assert short.text == "Order A-17 is on its way."
    assert full.text == "Ann, order A-17 comes on Friday."
    assert [(slot.slot, slot.source) for slot in short.slots] == [("order_id", "order.order_id")]


def test_what_is_missing_is_said_of_the_first_reply(desk: Desk) -> None:
    answer = best_reply(desk, "delivery", "en", {})

    assert answer == Missing(("order.name", "order.order_id", "order.due"))


def test_a_constant_of_the_desk_and_the_catalogue_fill_slots(desk: Desk) -> None:
    facts = joined([facts_of("item", {"title": "Red shoes"}), facts_of("constant", desk.constants)])

    answer = best_reply(desk, "returning", "en", facts)

    assert isinstance(answer, Filled)
    assert answer.text == "You can send Red shoes back within 30 days."


@pytest.mark.parametrize(
    ("intent", "language"), [("invoice", "en"), (None, "en"), ("returning", "zh")]
)
def test_where_no_reply_was_written_none_is_made_up(
    desk: Desk, intent: str | None, language: str
) -> None:
    assert best_reply(desk, intent, language, {"order.order_id": "A"}) == Missing()


def test_a_value_that_would_hurt_is_withheld(desk: Desk) -> None:
    answer = best_reply(desk, "delivery", "en", facts_of("order", {"order_id": "you idiot"}))

    assert answer == Missing(("order.name", "order.due")) or isinstance(answer, Missing)
    (short,) = [reply for reply in desk.replies if reply.id == "delivery-short"]
    assert filled(short, {"order.order_id": "you idiot"}) == Missing(withheld="idiot")


def test_values_are_one_line_without_signs_that_nobody_sees() -> None:
    facts = facts_of(
        "order",
        {"a": "x\n  y\u202e", "b": None, "c": "", "d": True, "e": 2.5, "f": 3, "g": "z" * 900},
    )

    assert {**facts, "order.g": ""} == {
        "order.a": "x y",
        "order.e": "2.5",
        "order.f": "3",
        "order.g": "",
    }
    assert len(facts["order.g"]) == 200


@given(st.dictionaries(st.sampled_from(["order.a", "order.b", "order.c"]), st.text(max_size=8)))
def test_a_slot_without_a_fact_is_never_filled(facts: dict[str, str]) -> None:
    reply = Reply(
        id="r",
        intent="i",
        language="en",
        text="{a}|{b}|{c}",
        slots={name: f"order.{name}" for name in "abc"},
    )

    answer = filled(reply, facts)

    if isinstance(answer, Filled):
        assert answer.text == "|".join(facts[f"order.{name}"] for name in "abc")
        assert all(facts[each] for each in ("order.a", "order.b", "order.c"))
    else:
        absent = tuple(f"order.{name}" for name in "abc" if not facts.get(f"order.{name}"))
        assert answer.facts == absent or answer.withheld


def test_braces_in_a_value_stay_what_they_are() -> None:
    reply = Reply(id="r", intent="i", language="en", text="{a}!", slots={"a": "order.a"})

    answer = filled(reply, {"order.a": "{b} {0.__class__}"})

    assert isinstance(answer, Filled)
    assert answer.text == "{b} {0.__class__}!"
