"""What is declared of people: what is popular among those of whom the same is said."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portrait.catalogue.declared_groups import (
    AS_EVERYBODY,
    BITS,
    FEWEST,
    LONGEST_VALUE,
    blended,
    groups_of,
    marks_of,
)
from portrait.catalogue.popularity import WantedAmong
from portrait.events.event import Event
from portrait.reading.dialect import AS_SENT
from portrait.reading.envelopes import messages_in
from portrait.reading.events import read_messages
from portrait.reading.straight import plain_event
from service.live import Live
from tests.support.asking import ask, ids
from tests.support.records import payload
from tests.support.shop import Shop, open_shop

MANY = [f"user-{place}" for place in range(60)]
NORTH = {"region": "North"}


def group(said: str) -> str:
    name, value = said.split("=")
    (id,) = groups_of({name: value}, [name])
    return id


async def shop_of() -> Shop:
    """Open a shop in which everybody wants beef, and the north towels."""
    shop = Shop()
    await shop.stock()
    await shop.popularity.add(20_000, {"beef": 900_000_000, "cheese": 4_000, "towels": 3_000})
    wanted = WantedAmong({"towels": 90_000_000, "cheese": 1_000}, {}, MANY)
    few = wanted._replace(people=MANY[: FEWEST - 1])
    await shop.popularity.add_among(
        {(group("region=north"), 2_857): wanted, (group("region=south"), 2_857): few}
    )
    return shop


async def test_somebody_never_seen_gets_what_those_like_them_want() -> None:
    async with open_shop(await shop_of()) as client:
        everybody = await ask(client, {"explain": True})
        north = await ask(client, {"declared": NORTH, "explain": True})
        chinese = await ask(client, {"declared": NORTH, "explain": True, "language": "zh"})

    assert (ids(everybody)[0], everybody["popular_among"]) == ("beef", [])
    assert (ids(north)[0], north["popular_among"]) == ("towels", ["region=north"])
    assert north["strategy"] == "popular"
    first = north["items"][0]
    assert first["why"] == "Because it is popular where region is north (100 %)."
    beef = next(item for item in north["items"] if item["item_id"] == "beef")
    assert "popular here" in beef["why"]  # nobody of the north has touched it
    assert "What everybody did" in beef["reasons"][0]["title"]
    assert "those with region=north, and everybody beside," in first["reasons"][0]["title"]
    assert chinese["items"][0]["why"] == "因为它在地区为“north”的顾客中很受欢迎（100%）。"  # noqa: RUF001


@pytest.mark.parametrize(
    "declared", [{"region": "south"}, {"region": "west"}, {"age": "34"}, {"region": " "}]
)
async def test_of_too_few_and_of_what_does_not_count_nothing_is_told(
    declared: dict[str, str],
) -> None:
    async with open_shop(await shop_of()) as client:
        everybody, asked = await ask(client), await ask(client, {"declared": declared})

    assert ids(asked) == ids(everybody)
    assert asked["popular_among"] == []


async def test_it_is_the_same_when_asked_again_and_under_new_rules() -> None:
    async with open_shop(await shop_of()) as client:
        first = await ask(client, {"declared": NORTH})
        again = await ask(client, {"declared": NORTH, "limit": 2})
        everybody = await ask(client)

    assert ids(again) == ids(first)[:2]
    assert ids(everybody)[0] == "beef"


async def test_what_takes_long_to_read_is_read_more_seldom(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shop, reads = await shop_of(), list[float]()

    async def slow() -> dict[str, dict[str, int]]:
        reads.append(0.1)
        await asyncio.sleep(0.1)
        return {}

    monkeypatch.setattr(shop.popularity, "among", slow)
    live = Live(shop.parts)

    for _ in range(3):
        await live.follow_groups()

    assert len(reads) == 1


async def test_categories_go_by_it_too() -> None:
    async with open_shop(await shop_of()) as client:
        everybody = (await client.post("/recommend/groups", json={"by": "category"})).json()
        north = (
            await client.post("/recommend/groups", json={"by": "category", "declared": NORTH})
        ).json()

    assert everybody["groups"][0]["name"] != north["groups"][0]["name"]


async def test_a_shop_that_counts_nothing_declared_has_no_groups(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shop = await shop_of()
    monkeypatch.setattr(Shop, "parts", replace(shop.parts, declared=()))

    async with open_shop(shop) as client:
        assert (await ask(client, {"declared": NORTH}))["popular_among"] == []


def test_a_group_is_named_by_what_counts_alone() -> None:
    said = {
        "region": " \N{FULLWIDTH LATIN CAPITAL LETTER D}E ",
        "membership": "",
        "age": "34",
        "long": "x" * (LONGEST_VALUE + 1),
        "odd": "a\nb",
    }

    found = groups_of(said, ("region", "membership", "long", "odd"))

    assert [*found.values()] == ["region=de"]
    assert "de" not in [*found]
    assert [*found] == [*groups_of({"region": "DE"}, ("region",))]
    assert groups_of(said, ()) == {}


@given(st.sets(st.text(max_size=5), max_size=99))
def test_a_sketch_has_no_more_marks_than_there_are_people(people: set[str]) -> None:
    assert len(marks_of(people, "north")) <= len(people)
    assert set(marks_of(people, "north")) <= set(range(BITS))


@given(
    st.lists(st.floats(0, 1_000, width=32), min_size=3, max_size=9),
    st.integers(0, 99),
)
def test_what_everybody_wants_remains_and_the_sum_is_the_same(
    everybody: list[float], seed: int
) -> None:
    weights = np.array(everybody, np.float32) + np.float32(1)
    group = 100 * np.random.default_rng(seed).random(len(weights), np.float32)

    found = blended(weights, [group, group])

    assert found.sum() == pytest.approx(weights.sum(), rel=1e-4)
    assert (found > 0).all()
    share = weights / weights.sum()
    expected = 2 * group + AS_EVERYBODY * share
    np.testing.assert_allclose(found / found.sum(), expected / expected.sum(), rtol=1e-4)


def test_where_everybody_wants_nothing_the_group_s_wishes_are_all() -> None:
    assert blended(np.zeros(2, np.float32), [np.array([0, 3], np.float32)]).tolist() == [0, 3]


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ({"region": "north", "age": 34}, {"region": "north", "age": "34"}),
        ({"region": None}, None),
        ("north", None),
        ({f"name-{place}": "x" for place in range(17)}, None),
        ({"region": "x" * 300}, None),
        ({"ann@example.com": "x" * 300}, None),
    ],
)
def test_what_is_declared_in_an_event_is_read_or_left_out(sent: object, read: object) -> None:
    message: dict[str, Any] = payload(declared=sent)

    whole = read_messages(messages_in(message), dialect=AS_SENT)

    assert [event.declared or None for event in whole.events] == [read]
    assert isinstance(whole.events[0], Event)
    assert {*whole.left_out[0]} <= {"declared"}  # and not what somebody has named
    straight = plain_event(json.dumps(message).encode(), AS_SENT)
    assert straight is None or (straight.declared or None) == read
