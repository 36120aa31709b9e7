"""The portrait's benchmark plants what it says it plants, and again the same."""

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.portrait.counting import decayed
from portrait.events.event import Action, Event
from portrait.events.item import Item
from sandbox.planted.life import (
    BOT_DAYS,
    BOT_EVENTS,
    BOTS,
    World,
    live,
    profile_key,
)
from sandbox.planted.people import DAYS, LEFT_DAY, NEW_DAY, Person, draw_people
from sandbox.planted.shop import SMALL, Fields, open_shop, top_of
from sandbox.planted.words import KNOWN, LANGUAGES, SAID, Language, read_words

ENDS_AT = datetime(2026, 11, 1, tzinfo=UTC)
PEOPLE = 40

languages = st.sampled_from(LANGUAGES)
seeds = st.integers(0, 50)


@cache
def world(language: Language = "zh", seed: int = 1) -> World:
    return live(open_shop(language, SMALL, seed), PEOPLE, seed, ENDS_AT)


def of(each: World, who: str) -> list[Fields]:
    return [event for event in each.events if profile_key(event) == who]


def moment(event: Fields) -> datetime:
    return datetime.fromisoformat(str(event["occurred_at"]))


def leaves(each: World, events: Sequence[Fields]) -> list[str]:
    return [each.shop.by_id[str(event["item_id"])].leaf for event in events if "item_id" in event]


# Words


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_search_is_a_category_s_name_or_stands_twice(language: Language) -> None:
    words = read_words(language)
    searches = [search for leaf in words.leaves for search in leaf.searches]
    names = {name for leaf in words.leaves for name in (leaf.name, leaf.top, *leaf.nouns)}

    assert len(set(searches)) == len(searches) == (KNOWN + 2) * len(words.leaves)
    assert not names & set(searches)


def test_titles_are_of_brand_attributes_and_noun_and_chinese_ones_of_chinese_words() -> None:
    english, chinese = (open_shop(language, SMALL, 1).goods[0].title for language in LANGUAGES)

    assert english.isascii()
    assert all("\u4e00" <= letter <= "\u9fff" or letter == " " for letter in chinese)


# Shops


@given(language=languages, items=st.integers(100, 2_000), seed=seeds)
@settings(max_examples=10)
def test_a_shop_is_as_large_as_asked_for_and_every_good_is_an_item(
    language: Language, items: int, seed: int
) -> None:
    shop = open_shop(language, items, seed)

    assert len(shop.goods) == len(shop.by_id) == items
    assert len({good.title + good.leaf for good in shop.goods}) == items
    for good in shop.goods:
        assert Item.model_validate_json(json.dumps(good.fields)).id == good.id
        assert good.category.startswith(good.leaf)
        assert good.brand in shop.words.brands[good.level]


@given(language=languages, seed=seeds)
@settings(max_examples=10)
def test_luxury_costs_more_than_cheap_in_every_leaf(language: Language, seed: int) -> None:
    shop = open_shop(language, SMALL, seed)

    for goods in shop.by_leaf.values():
        dearest = max(good.price for good in goods if good.level == "cheap")
        cheapest = min(good.price for good in goods if good.level == "luxury")
        assert dearest < cheapest
        assert {shop.percentile[good.id] for good in goods} >= {0.0, 1.0}


# People and their lives


@given(course=st.sampled_from(["steady", "rising", "fading", "new", "left"]), day=st.floats(0, 60))
def test_shares_of_tastes_add_up_to_one_on_every_day(course: str, day: float) -> None:
    person = Person("p", course, ("a", "b", "c"), "", "middle")  # type: ignore[arg-type] # it is a course

    assert sum(person.shares(day)) == pytest.approx(1)
    assert min(person.shares(day)) >= 0


def test_the_same_seed_gives_the_same_world_and_another_seed_another() -> None:
    again = live(open_shop("zh", SMALL, 1), PEOPLE, 1, ENDS_AT)

    assert again == world()
    assert world(seed=2).events != world().events


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_event_is_read_as_it_was_meant_and_the_log_is_in_order(language: Language) -> None:
    events = world(language).events
    read = [Event.model_validate_json(json.dumps(event)) for event in events]

    assert [event.user_key for event in read] == [*map(profile_key, events)]
    assert len({event.event_id for event in read}) == len(read)
    moments = [event.occurred_at for event in read]
    assert moments == sorted(moments)
    assert moments[-1] <= ENDS_AT
    assert {event.type for event in read} == set(Action) - {Action.REMOVE, Action.WISH}


def test_what_people_touch_is_what_they_like_and_one_odd_purchase() -> None:
    for person in world().people:
        touched = set(leaves(world(), of(world(), person.id)))
        odd = world().odd.get(person.id)
        assert touched <= {*person.tastes, odd}
        assert odd is None or top_of(odd) not in {top_of(taste) for taste in person.tastes}
        if odd is not None:
            bought = [e for e in of(world(), person.id) if leaves(world(), [e]) == [odd]]
            assert [event["type"] for event in bought] == ["purchase"]


def test_tastes_of_steady_people_come_in_their_order_in_either_half_of_the_log() -> None:
    middle = ENDS_AT - timedelta(days=DAYS / 2)
    for person in world().of_course("steady"):
        events = of(world(), person.id)
        for half in (
            [event for event in events if moment(event) < middle],
            [event for event in events if moment(event) >= middle],
        ):
            count = Counter(event["session_id"] for event in half)
            by_leaf = Counter(
                leaves(world(), [e for e in half if e["session_id"] == session and "item_id" in e])[
                    0
                ]
                for session in count
            )
            assert by_leaf.most_common(1)[0][0] == person.tastes[0]


@pytest.mark.parametrize(("course", "rises"), [("rising", True), ("fading", False), ("new", True)])
def test_a_taste_that_turns_is_touched_more_or_less_at_the_end(course: str, rises: bool) -> None:  # noqa: FBT001 - a parameter
    turned = ENDS_AT - timedelta(days=12)
    for person in world().of_course(course):
        events = of(world(), person.id)
        late = leaves(world(), [event for event in events if moment(event) >= turned])
        early = leaves(world(), [event for event in events if moment(event) < turned])
        now, before = (part.count(person.tastes[0]) / max(len(part), 1) for part in (late, early))
        assert (now > before) is rises


def test_who_left_has_done_nothing_since_and_a_new_taste_was_never_touched_before() -> None:
    begins_at = ENDS_AT - timedelta(days=DAYS)
    for person in world().of_course("left"):
        assert moment(of(world(), person.id)[-1]) < begins_at + timedelta(days=LEFT_DAY)
    for person in world().of_course("new"):
        before = [
            event
            for event in of(world(), person.id)
            if moment(event) < begins_at + timedelta(days=NEW_DAY)
        ]
        assert person.tastes[0] not in leaves(world(), before)


def test_most_of_what_people_take_is_of_their_brand_and_at_their_price() -> None:
    each, percentiles = world(), defaultdict[str, list[float]](list)
    of_brand, touched = 0, 0
    for person in each.of_course("steady"):
        ids = [str(event["item_id"]) for event in of(each, person.id) if "item_id" in event]
        of_brand += sum(each.shop.by_id[id].brand == person.brand for id in ids)
        touched += len(ids)
        percentiles[person.level] += [each.shop.percentile[id] for id in ids]

    means = {level: sum(found) / len(found) for level, found in percentiles.items()}
    assert of_brand / touched > 0.5
    assert means["luxury"] - means["cheap"] > 0.4


def test_searches_say_what_the_visit_is_about_and_reserved_ones_are_never_made() -> None:
    each = world()
    meant = {search: leaf.path for leaf in each.shop.leaves for search in leaf.searches[:KNOWN]}
    searches = [event for event in each.events if event["type"] == "search"]

    assert searches
    for search in searches:
        visit = [
            e for e in of(each, profile_key(search)) if e["session_id"] == search["session_id"]
        ]
        assert set(leaves(each, visit)) == {meant[str(search["text"])]}


def test_reviews_are_of_both_tones_and_stars_agree_with_the_words() -> None:
    words, reviews = world().shop.words, [e for e in world().events if e["type"] == "review"]

    assert {review.get("rating") for review in reviews} == {None, 1, 5}
    for review in reviews:
        said = words.blame if review.get("rating") == 1 else words.praise
        assert review["text"] in said[:SAID] or "rating" not in review


def test_bots_click_on_nearly_everything_and_visitors_have_no_name() -> None:
    names = {profile_key(event) for event in world().events}
    for number in range(BOTS):
        events = of(world(), f"bot-{number}")
        assert len(events) == BOT_DAYS * BOT_EVENTS
        assert len(set(leaves(world(), events))) == len(world().shop.leaves)
    assert sum(name.startswith("anonymous:visitor-") for name in names) == PEOPLE // 10


def test_what_comes_next_is_new_to_them_and_of_their_tastes() -> None:
    for person in world().of_course("steady"):
        following = world().following[person.id]
        touched = {event.get("item_id") for event in of(world(), person.id)}
        assert following
        assert not touched & {*following}
        assert {world().shop.by_id[id].leaf for id in following} <= {*person.tastes}


def test_no_course_is_missing_among_as_few_as_twenty_people() -> None:
    shop = world().shop

    courses = {person.course for person in draw_people(shop, 20, np.random.default_rng(0))}

    assert courses == {"steady", "rising", "fading", "new", "left"}


def test_the_strongest_taste_weighs_most_by_plain_counting() -> None:
    right = 0
    people = world().of_course("steady")
    for person in people:
        newest = of(world(), person.id)[::-1]
        weights = defaultdict[str, float](float)
        for event, weight in zip(newest, decayed(newest), strict=True):
            if "item_id" in event:
                weights[leaves(world(), [event])[0]] += weight
        right += max(weights, key=weights.__getitem__) == person.tastes[0]
    assert right / len(people) > 0.9
