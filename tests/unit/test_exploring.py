"""Exploring: places that are given to a draw, whose chance is the one that is told."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np
import pytest

from portrait.events.consent import Consent, Purpose
from portrait.events.impression import Answer, Slot, read_impression
from portrait.events.item import Item
from portrait.events.unwanted import Unwanted, Word
from portrait.experiments.joining import NEW, OWN, POPULAR
from portrait.experiments.store import DayFigure
from portrait.experiments.tally import BY_ARM, BY_ITEM, Figure, named
from portrait.experiments.thompson import FLOOR
from portrait.experiments.tries import Tried, Tries, together, tries_of
from portrait.ref import item_ref
from service.live import Live
from service.recommendations.exploring import ENOUGH, NEW_AT_ONCE, Try, explore
from service.recommendations.known import load
from service.recommendations.listing import Listing, list_items, rule_on
from service.recommendations.newest_tries import NewestTries
from service.recommendations.recommender import Recommender
from service.recommendations.schemas import RecommendationRequest
from service.recommendations.turns import Turns
from service.view import View
from tests.support.catalogues import catalogue
from tests.support.lists import experiment
from tests.support.memory_lists import MemoryLists
from tests.support.processes import until
from tests.support.shop import Shop, look, open_shop

SHELF = tuple(
    Item(id=f"i{number}", title=f"thing {number}", category=f"Shelf {number % 7}", price=1 + number)
    for number in range(60)
)
KNOWN = [f"i{number}" for number in range(40)]  # the others nobody has touched yet
LITTLE_KNOWN = {f"i{number}" for number in range(40, 60)}
NOTHING = Tries()
DRAWS = 3_000
EXPLORING: dict[str, Any] = {
    "variants": {"control": {}, "exploring": {"explore": 0.2}},
    "split": {"control": 0.000_1, "exploring": 0.999_9},
    "author": "Mei",
}


async def stocked(**settings: Any) -> Shop:  # noqa: ANN401 - fields of a shop
    shop = Shop(**settings)
    await shop.stock(*SHELF)
    today = int(time.time() // 86_400)
    weights = {id: (100 - place) * 1_000 for place, id in enumerate(KNOWN)}
    await shop.popularity.add(today, weights)
    bought = [{"type": "purchase", "item_id": id} for id in ("i3", "i50")]
    shop.remember("ann", *bought, painted=catalogue(*SHELF))
    return shop


@dataclass(frozen=True)
class Made:
    """A list, and what it was made of."""

    listing: Listing
    view: View

    def explored(
        self, id: str, *, share: float = 0.2, tries: Tries = NOTHING
    ) -> tuple[list[str], dict[str, Try]]:
        listing, tried = explore(self.listing, share, tries, self.view, id)
        return self.ids(listing), {self.view.shelf.items[row].id: t for row, t in tried.items()}

    def ids(self, listing: Listing) -> list[str]:
        return [self.view.shelf.items[row].id for row in listing.ranking.rows.tolist()]


async def made(shop: Shop | None = None, **asked: object) -> Made:
    shop = shop or await stocked()
    live = Live(shop.parts)
    await look(live)
    view = live.require()
    request = RecommendationRequest.model_validate({"user_id": "ann", "limit": 10, **asked})
    loaded = await load(request, shop.parts, live, view)
    return Made(list_items(loaded, view, rule_on(loaded, view, view.rulings)), view)


async def put(client: httpx.AsyncClient, body: object = EXPLORING) -> None:
    (await client.put("/experiments/try", json=body)).raise_for_status()

    async def is_there() -> bool:
        return "try" in (await asked(client, user_id="somebody"))["experiments"]

    await until(is_there, "the service follows")


async def asked(client: httpx.AsyncClient, **body: object) -> Any:  # noqa: ANN401 - JSON
    return (await client.post("/recommend", json=body)).raise_for_status().json()


def published(shop: Shop) -> dict[str, tuple[Slot, ...]]:
    values = [read_impression(value or b"") for _, _, value, *_ in shop.publisher.messages]
    return {each.recommendation_id: each.items for each in values if isinstance(each, Answer)}


async def test_the_chance_that_is_told_is_the_chance_of_the_draw() -> None:
    tries = Tries({("home", OWN): Tried(900, 90), ("home", POPULAR): Tried(900, 80)})
    found, drawn = await made(limit=1), Counter[int]()
    told: dict[int, float] = {}

    for number in range(DRAWS):
        _, tried = found.explored(f"r{number}", share=1, tries=tries)
        (only,) = tried.values()
        drawn[only.drawn.row] += 1
        told |= {row: chance for row, _, chance in only.among}

    assert len(told) == 1 + 1 + NEW_AT_ONCE
    assert sum(told.values()) == pytest.approx(1)
    assert min(told.values()) >= FLOOR
    for row, chance in told.items():
        error = np.sqrt(chance * (1 - chance) * DRAWS)
        assert drawn[row] == pytest.approx(chance * DRAWS, abs=4 * error)


async def test_the_stated_share_of_places_is_given_to_a_draw() -> None:
    found = await made()

    places = sum(len(found.explored(f"r{number}")[1]) for number in range(500))

    assert places / 5_000 == pytest.approx(0.2, abs=4 * np.sqrt(0.16 / 5_000))


async def test_the_same_recommendation_is_drawn_alike_and_another_otherwise() -> None:
    found = await made()

    lists = {tuple(found.explored(f"r{number}")[0]) for number in range(20)}

    assert found.explored("r1") == found.explored("r1")
    assert len(lists) > 5


async def test_what_is_not_drawn_stays_where_it_was_and_nothing_stands_twice() -> None:
    found = await made()
    plain = found.ids(found.listing)

    for number in range(200):
        ids, tried = found.explored(f"r{number}")

        assert len({*ids}) == len(ids) == len(plain)
        moved = {id for id, before in zip(ids, plain, strict=True) if id != before}
        assert moved == {id for id, each in tried.items() if each.drawn.arm != OWN}
        assert not {id for id in moved if tried[id].drawn.arm == NEW} - LITTLE_KNOWN
        assert not {id for id in moved if tried[id].drawn.arm == POPULAR} & LITTLE_KNOWN


async def test_what_is_touched_more_is_drawn_more_and_what_failed_often_is_left() -> None:
    found = await made()
    _, tried = next(each for each in map(found.explored, "abcdefgh") if each[1])
    row, other, _ = [c.row for c in next(iter(tried.values())).among if c.arm == NEW]
    loved, failed = item_ref(SHELF[row].id), item_ref(SHELF[other].id)
    arms = {("home", OWN): Tried(500, 20), ("home", POPULAR): Tried(500, 20)}

    tries = Tries(arms, {loved: Tried(ENOUGH - 1, 60), failed: Tried(ENOUGH, 0)})
    drawn = [found.explored(f"r{number}", tries=tries)[1] for number in range(200)]

    first = [each for some in drawn for each in list(some.values())[:1]]
    chances = [c.chance for each in first for c in each.among if c.row == row]
    assert min(chances) > 0.7
    among = [choice for some in drawn for each in some.values() for choice in each.among]
    assert other not in {choice.row for choice in among if choice.arm == NEW}


async def test_rules_wishes_and_what_was_seen_hold_for_what_is_drawn() -> None:
    shop = await stocked()
    rules = [
        {"id": "pin", "do": {"pin": {"position": 1}}, "where": {"items": ["i45"]}},
        {"id": "bury", "do": {"bury": 1}, "where": {"items": ["i46"]}},
        {"id": "none", "do": {"exclude": True}, "where": {"items": ["i47"]}},
        {"id": "few", "do": {"quota": {"most": 1}}, "where": {"items": ["i48", "i49"]}},
        {"id": "some", "do": {"quota": {"least": 1}}, "where": {"items": ["i51"]}},
    ]
    async with open_shop(shop) as client:
        body = {"rules": rules}
        (await client.put("/rules", json=body, headers={"If-Match": "*"})).raise_for_status()
    await shop.profiles.refuse({"ann": Unwanted({"item:i52": Word(1, 0)})})
    found = await made(shop, exclude=["i53"], filters={"price_max": 56})

    lists = [found.explored(f"r{number}") for number in range(400)]

    barred = {"i46", "i47", "i48", "i49", "i50", "i52", "i53", "i56", "i57", "i58", "i59"}
    for ids, tried in lists:
        assert ids[0] == "i45"
        assert "i51" in ids
        assert not tried.keys() & {"i45", "i51"}
        assert not barred & {*ids}
        offered = {found.view.shelf.items[c.row].id for t in tried.values() for c in t.among}
        assert not barred & offered
    assert {id for _, tried in lists for id in tried} >= {"i54", "i55"}


async def test_neither_variants_of_what_is_listed_nor_twice_of_one_thing() -> None:
    shop = Shop()
    items = [*SHELF[:5], *(Item(id=f"v{n}", title=f"shirt {n}", group_id="s") for n in range(9))]
    await shop.stock(*items)
    found = await made(shop, user_id="nobody", limit=5)

    for number in range(100):
        ids, _ = found.explored(f"r{number}")
        assert sum(id.startswith("v") for id in ids) <= 1


async def test_who_searches_is_not_shown_what_is_merely_popular() -> None:
    found = await made(surface="search", query="thing 41")

    arms = {c.arm for n in range(100) for t in found.explored(f"{n}")[1].values() for c in t.among}

    assert arms == {OWN, NEW}


async def test_what_is_due_again_is_nobodys_guess() -> None:
    found = await made(surface="again")

    assert not any(found.explored(f"r{number}")[1] for number in range(50))


async def test_a_list_says_what_was_drawn_and_publishes_what_among() -> None:
    shop = await stocked(impressions="answers")
    async with open_shop(shop) as client:
        await put(client)
        told = [await asked(client, user_id="ann", limit=10, explain=True) for _ in range(30)]

    of_list, arms = published(shop), set[str | None]()
    for body in told:
        slots = of_list[body["recommendation_id"]]
        explored = [item for item in body["items"] if item["explored"]]
        assert body["order"] == ("explored" if explored else "score")
        for item, slot in zip(body["items"], slots, strict=True):
            assert item["explored"] == (slot.arm is not None) == (slot.propensity is not None)
            if slot.propensity is None:
                assert (item["propensity"], slot.choices) == (None, ())
                continue
            arms.add(slot.arm)
            (drawn,) = [each for each in slot.choices if each.item_id == item["item_id"]]
            assert (drawn.propensity, drawn.arm) == (slot.propensity, slot.arm)
            assert item["propensity"] == round(slot.propensity, 4)
            assert sum(each.propensity for each in slot.choices) == pytest.approx(1)
            assert (slot.source == slot.arm) == (slot.arm != OWN)
            if slot.arm != OWN:
                assert item["score"] == max(item["relevance"], 0)
        own = [
            i["score"] for i, s in zip(body["items"], slots, strict=True) if s.arm in {None, OWN}
        ]
        assert own == sorted(own, reverse=True)
    assert arms == {OWN, POPULAR, NEW}


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", {NEW: "New here, being tried.", POPULAR: "Popular here, being tried."}),
        ("zh", {NEW: "这里的新品", POPULAR: "在这里很受欢迎"}),
    ],
)
async def test_reasons_say_that_an_item_is_being_tried(
    language: str, words: dict[str, str]
) -> None:
    shop = await stocked(impressions="answers")
    async with open_shop(shop) as client:
        await put(client)
        lists = [
            await asked(client, user_id="ann", limit=10, explain=True, language=language)
            for _ in range(20)
        ]

    slots = published(shop)
    tried = [
        (item["why"], slot.arm)
        for told in lists
        for item, slot in zip(told["items"], slots[told["recommendation_id"]], strict=True)
    ]
    for why, arm in tried:
        assert arm not in words or why.startswith(words[arm])
        assert arm in words or not why.startswith((*words.values(),))
    assert {arm for _, arm in tried} >= {NEW, POPULAR}


def refusing(purpose: Purpose) -> Consent:
    return Consent(1, frozenset({purpose}))


@pytest.mark.parametrize("purpose", [Purpose.PERSONALISATION, Purpose.ANALYTICS])
async def test_nothing_is_tried_on_who_does_not_let_it_be(purpose: Purpose) -> None:
    shop = await stocked()
    await shop.profiles.agree({"ann": refusing(purpose)})
    async with open_shop(shop) as client:
        await put(client)
        ann = [await asked(client, user_id="ann", limit=10) for _ in range(20)]
        nobody = [await asked(client, limit=10) for _ in range(20)]
        somebody = [await asked(client, user_id="bob", limit=10) for _ in range(20)]

    assert not explored(ann)
    assert not explored(nobody)
    assert explored(somebody)


async def test_nothing_is_tried_on_the_others_of_an_experiment_nor_without_one() -> None:
    async with open_shop(await stocked()) as client:
        before = [await asked(client, user_id="ann", limit=10) for _ in range(20)]
        split = {"control": 0.999_9, "exploring": 0.000_1}
        await put(client, {**EXPLORING, "split": split})
        others = [await asked(client, user_id="ann", limit=10) for _ in range(20)]

    assert not explored(before)
    assert not explored(others)
    assert {each["experiments"]["try"] for each in others} == {"control"}


def explored(lists: Sequence[Any]) -> list[Any]:
    return [item for told in lists for item in told["items"] if item["explored"]]


@pytest.mark.parametrize(
    "wrong",
    [
        {"variants": {"a": {}, "b": {"explore": 0.21}}},
        {"variants": {"a": {}, "b": {"explore": 0.1}}, "kind": "interleaving"},
    ],
)
async def test_too_large_a_share_or_a_draw_within_a_draw_is_refused(wrong: object) -> None:
    async with open_shop(await stocked()) as client:
        refused = await client.put("/experiments/x", json={"author": "Mei", **dict(wrong)})  # type: ignore[call-overload] # a dict

    assert refused.status_code == 422


def test_figures_of_days_are_added_up_by_arm_and_by_item() -> None:
    item = item_ref("i41")
    figures = [
        DayFigure(1, Figure("home", BY_ARM, OWN, "items"), 10),
        DayFigure(1, Figure("home", BY_ARM, OWN, "clicks"), 2),
        DayFigure(2, Figure("home", BY_ARM, OWN, "items"), 5),
        DayFigure(2, Figure("cart", BY_ITEM, named(item), "items"), 3),
        DayFigure(2, Figure("home", BY_ITEM, named(item), "clicks"), 1),
        DayFigure(2, Figure("home", BY_ITEM, "no ref", "clicks"), 1),
        DayFigure(2, Figure("home", "all", "", "clicks"), 9),
    ]

    whole = tries_of(figures)
    by_day = together([tries_of(figures[:2]), tries_of(figures[2:])])

    assert whole == by_day
    assert whole.of("home", OWN, 0) == (15, 2)
    assert whole.of("home", NEW, item) == (3, 1)
    assert whole.of("cart", POPULAR, 0) == (0, 0)


async def test_what_came_of_draws_is_read_again_as_long_as_it_grows() -> None:
    lists, today = MemoryLists(), int(time.time() // 86_400)
    items = Figure("home", BY_ARM, OWN, "items")
    lists.added.update({(today, items): 3, (today - 5, items): 4, (today - 28, items): 50})
    newest = NewestTries(lists)
    await newest.follow()
    first = newest.known

    lists.added.update({(today, items): 1, (today - 5, items): 10})
    await newest.follow()

    assert (first.of("home", OWN, 0), newest.known.of("home", OWN, 0)) == ((7, 0), (8, 0))


@pytest.mark.parametrize(
    ("is_explored", "orders"), [(True, {"score", "explored"}), (False, {"score"})]
)
async def test_a_stream_which_would_be_another_list_each_time_has_no_draws(
    is_explored: bool,  # noqa: FBT001 - it is a case
    orders: set[str],
) -> None:
    shop = await stocked()
    live = Live(shop.parts)
    await look(live)
    live.experiments = [experiment(**EXPLORING)]
    asked = RecommendationRequest(user_id="ann", limit=5)
    with Turns() as turns:
        recommender = Recommender(shop.parts, live, turns, live.require(), is_explored=is_explored)
        loaded = await recommender.load(asked)
        told = [(await recommender.write(loaded)).told.body["order"] for _ in range(20)]

    assert {*told} == orders
