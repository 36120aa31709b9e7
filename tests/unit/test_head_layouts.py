"""Head layouts: records of before are what they were, until a later action is told of."""

from base64 import b85decode
from zlib import decompress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portrait.events.columns import ACTION_CODE, COLUMNS, ERASURE, FIRST_ACTIONS, TOPIC_CODE, TOPICS
from portrait.events.event import Action
from portrait.inference.paint import paint
from portrait.profiles.facts import FURTHER_LAYOUT, HEAD, LAYOUT, WIDE_LAYOUT, Facts, fold
from portrait.profiles.head_layouts import NARROW_HEAD
from portrait.profiles.layout import blank_portraits
from portrait.profiles.notice import notices
from portrait.profiles.profile import decode_profile, encode_profiles, read_facts
from portrait.profiles.record import is_blank, partitions_of, read_sound
from tests.support.catalogues import catalogue
from tests.support.strategies import START, Happening, happenings, log_of, spread_log_of

FIRST = [*Action][:FIRST_ACTIONS]
LATER = [*Action][FIRST_ACTIONS:]
HOUR_MS = 3_600_000


def history() -> list[Happening]:
    """Two users, every second event each: all of the first actions, twice."""
    return [
        Happening(
            user=n % 2,
            at=START + n * HOUR_MS,
            id=101 + n,
            ref=1 + n % 5,
            price=n / 4,
            quantity=1 + n % 3,
            action=FIRST[n // 2 % 7],
            rating=40 if FIRST[n // 2 % 7] is Action.REVIEW else 0,
        )
        for n in range(28)
    ]


def facts_of_before() -> Facts:
    """Fold them: the first user is in one partition, the second in three."""
    facts = Facts.empty(2)
    partitions = [2 if n % 2 == 0 else 1 + n % 3 for n in range(28)]
    fold(facts, spread_log_of(history(), partitions))
    return facts


def later(action: Action, *, user: int = 0, id: int = 900) -> Happening:
    return Happening(user, START + 99 * HOUR_MS, id, 1, 0.0, 1, action, 0)


def whole(facts: Facts) -> bytes:
    return facts.head.tobytes() + facts.ring.tobytes() + facts.further.tobytes()


def test_the_places_of_the_first_actions_and_topics_are_what_they_were() -> None:
    assert [*Action][:7] == ["browse", "click", "search", "cart", "purchase", "review", "return"]
    assert [TOPIC_CODE[action] for action in FIRST] == [*range(7)]
    assert ERASURE == 7
    assert sorted([*TOPIC_CODE.values(), ERASURE]) == [*range(TOPICS)]
    assert (NARROW_HEAD.itemsize, HEAD.itemsize) == (256, 304)


def test_records_of_before_are_read_and_written_as_they_are() -> None:
    facts, lost = read_facts(OF_BEFORE)

    assert not lost.any()
    assert whole(facts) == whole(facts_of_before())
    assert encode_profiles(facts, blank_portraits(2, 2)) == OF_BEFORE
    assert [record[9] for record in OF_BEFORE] == [LAYOUT, FURTHER_LAYOUT]


def test_one_record_of_before_says_what_it_said() -> None:
    record = read_sound(OF_BEFORE[0])

    assert record is not None
    assert record.head.totals == (2, 2, 2, 2, 2, 2, 2, 0, 0)
    assert [event[5] for event in record.events] == [*range(6, -1, -1)] * 2
    assert record.head.spend == round((2.0 * 3 + 5.5 * 2 - 3.0 - 6.5 * 3) * 1_000)
    assert partitions_of(OF_BEFORE[0]) == (3, 3, 3, 3, 3, 3, 3, 0, 0, 0)
    profile = decode_profile(OF_BEFORE[1])
    assert profile.head["totals"].tolist() == [2] * 7 + [0, 0]
    assert list(partitions_of(OF_BEFORE[1])) == profile.partitions


@pytest.mark.parametrize("action", LATER)
def test_a_record_of_before_is_widened_by_the_first_later_action(action: Action) -> None:
    facts, _ = read_facts(OF_BEFORE)
    fold(facts, log_of([later(action)], partition=2))

    widened, other = encode_profiles(facts, blank_portraits(2, 2))

    assert widened[9] == WIDE_LAYOUT
    assert len(widened) == len(OF_BEFORE[0]) + 32 + 48  # the event, and what tells of it
    assert other == OF_BEFORE[1]
    record = read_sound(widened)
    assert record is not None
    assert record.head.totals[ACTION_CODE[action]] == 1
    assert record.head.totals[:7] == (2,) * 7
    assert partitions_of(widened)[TOPIC_CODE[action]] == 3
    assert whole(read_facts([widened, other])[0]) == whole(facts)


@pytest.mark.parametrize("action", LATER)
def test_a_later_action_that_is_read_again_counts_once(action: Action) -> None:
    log = log_of([later(action), later(action, user=1)], partition=4)
    facts, _ = read_facts(OF_BEFORE)
    fold(facts, log)
    again, _ = read_facts(encode_profiles(facts, blank_portraits(2, 2)))

    assert not fold(again, log).any()
    assert whole(again) == whole(facts)


def test_a_later_action_on_another_topic_than_its_own_is_told_of_too() -> None:
    facts, _ = read_facts(OF_BEFORE[:1])
    log = log_of([later(Action.WISH)], partition=2)
    log["topic"], log["offset"] = TOPIC_CODE[Action.CLICK], 50

    fold(facts, log)

    (record,) = encode_profiles(facts, blank_portraits(1, 2))
    assert record[9] == WIDE_LAYOUT
    assert decode_profile(record).head["totals"][ACTION_CODE[Action.WISH]] == 1


def test_an_erasure_leaves_the_positions_of_later_topics() -> None:
    facts = Facts.empty(1)
    log = log_of([later(Action.REMOVE)], partition=2)
    fold(facts, log)
    until = START + 200 * HOUR_MS
    erasure = (0, ERASURE, 2, 0, 0, until, until, (0, until, 0, 0.0, 0, 0, 0), 0, False)
    fold(facts, np.array([erasure], COLUMNS))

    (record,) = encode_profiles(facts, blank_portraits(1, 2))
    assert is_blank(record)
    assert partitions_of(record)[TOPIC_CODE[Action.REMOVE]] == 3
    again, _ = read_facts([record])
    assert not fold(again, log).any()
    assert not again.head["totals"].any()


def test_a_notice_goes_where_the_events_lie_of_whoever_only_wishes() -> None:
    facts = Facts.empty(1)
    fold(facts, log_of([later(Action.WISH)], partition=5))

    (notice,) = notices(["ann"], facts.head, "space")

    assert notice.partition == 5


@given(happenings(users=3), st.lists(st.integers(0, 2), min_size=60, max_size=60))
def test_whoever_did_nothing_else_has_a_record_as_before(
    events: list[Happening], partitions: list[int]
) -> None:
    facts = Facts.empty(3)
    fold(facts, spread_log_of(events, partitions[: len(events)]))

    records = encode_profiles(facts, paint(facts.ring, catalogue()))

    wide = {event.user for event in events if event.action in LATER}
    assert {user for user, record in enumerate(records) if record[9] == WIDE_LAYOUT} == wide
    assert whole(read_facts(records)[0]) == whole(facts)
    for record in records:
        read, profile = read_sound(record), decode_profile(record)
        assert read is not None
        assert list(read.head.totals) == profile.head["totals"].tolist()


# Of `history`, with blank portraits of two dimensions, as the program wrote it that knew seven
# actions.
OF_BEFORE = [
    decompress(
        b85decode(
            "c-muN00TZgMh1q<OhDEhg_7w&HiPKaN-z!Ox4ilf1|TK4FxVglRKSb}Ga%_>M576b!$2{VE``$NP`VOIS3~JqC|!@H"
            "ALh?`4D&BIFf*_*Fj%;Q<zf0+;qnI@7#UbK7@}`hfaI%@{0jja9GDnb7#QlZ!Sa=8{$OBO05l({dg0%4kUY%YEO7Y="
            "K=XmFInoc7FU4?Q1JHb+#B)Wkd@+Xm5*)y8;o4FLk}t$?p99c*p#OB;!1DPR?o$Ao5A<KajZ%<&E{6LUfaU{v#aUqa"
            "Yz+4uuxA9>Hti2M{bXXeufd)Pq<Uu`SUw%YeGK-@AlE?CUn++CP}vMP(#J>u0Oiy_Ed"
        )
    ),
    decompress(
        b85decode(
            "c-muN00TZgCU%C)ObiSSr@~97GXiPmH<cio;f?~BpCtiN$b<)j4PrnAFga!{Y;1s3@e(MV0i`RTbQP4&gVJ?Sx&ci;"
            "%%3oEX1L4^2Sx@qh6c4duslpZBV7K30}}(QMuVpSSiS}-$^w_);lK>!HRLR+0LfQj_+tgod}fA*eiN`f%-yVT`58d-"
            "nHU;29V-XPmtnZC186=YL&MbwuzU%I`wARD?1mq&%0Ti(814%Inh*4!bS+rE0K<I-K=XnAv*QQL=V7={0BAnYe~AlA"
            "LGn2m?t5U*1oB^tF<3qe!+i_vnL++reiWR(GBDidV9yBhA2dCtVYsisjtNN&W^NjiJ<Le)T!y3;Sv(8L-N@$TAh`!w"
            "eGO7LAdADoj}6V7A`;W{a0URwS44I"
        )
    ),
]
