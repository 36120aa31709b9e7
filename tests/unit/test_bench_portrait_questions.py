"""The questions of the portrait's benchmark: a perfect answer scores 1, a wrong one 0."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.portrait.ask import ask_all, ask_for_lists
from benchmarks.portrait.counting import Counting, decayed, latest
from benchmarks.portrait.goals import GOALS, MODELS, Sides, fallen, rows_of
from benchmarks.portrait.questions import (
    against,
    catalogue,
    interests,
    kin,
    odd,
    prices,
    searches,
    sessions,
    trends,
)
from benchmarks.portrait.questions.scoring import mean, ndcg, share_within
from benchmarks.portrait.report import mean_of, missed, table
from benchmarks.portrait.served import Served
from benchmarks.portrait.side import Answer, Wish
from benchmarks.portrait.texts import raw_and_centred
from sandbox.planted.life import World, live
from sandbox.planted.people import Course, Person
from sandbox.planted.shop import Fields, open_shop
from tests.support.fakes import HashEncoder

ids = st.lists(st.sampled_from("abcdefghij"), max_size=10, unique=True)


def person(course: Course = "steady") -> Person:
    return Person("p", course, ("a", "b", "c"), "brand", "cheap")


def profile(*told: tuple[str, str], **more: object) -> Answer:
    return {"interests": [{"category": name, "direction": way} for name, way in told], **more}


@cache
def world() -> World:
    return live(open_shop("en", 300, 1), 20, 1, datetime(2026, 11, 1, tzinfo=UTC))


class Fixed:
    """A side that always gives the same answers."""

    name = "fixed"

    def __init__(self, listed: Sequence[str] = (), profile: Answer | None = None) -> None:
        self.told: list[Fields] = []
        self._listed = listed
        self._profile = profile

    def profile(self, user: str) -> Answer | None:
        del user
        return self._profile

    def recommend(self, wish: Wish) -> Answer:
        items = [
            {"item_id": id, "score": -place, "reasons": []}
            for place, id in enumerate(self._listed[: wish.limit])
        ]
        return {"strategy": "profile", "items": items}

    def tell(self, events: Sequence[Fields]) -> None:
        self.told += events


# Scores of lists


@given(ids, st.sets(st.sampled_from("abcdefghij"), min_size=1))
def test_a_list_scores_between_none_and_all_and_one_only_if_all_come_first(
    listed: list[str], right: set[str]
) -> None:
    score = ndcg(listed, right)

    assert 0 <= score <= 1 + 1e-9
    assert (score > 1 - 1e-9) == (set(listed[: len(right)]) == right)
    assert (score == 0) == (not right & {*listed})


def test_a_share_counts_empty_places_as_wrong() -> None:
    assert share_within(["a", "b"], {"a", "b"}, 2) == 1
    assert share_within(["a", "b"], {"a", "b"}, 4) == 0.5
    assert share_within([], {"a"}, 5) == 0


def test_a_question_put_to_nobody_is_an_error() -> None:
    with pytest.raises(ValueError, match="nobody"):
        mean([])


# Interests and trends


def test_interests_in_the_order_of_the_tastes_are_right_and_others_wrong() -> None:
    right = profile(("a", ""), ("c", ""), ("b", ""), brands=[{"brand": "brand"}])
    wrong = profile(("x", ""), ("y", ""), ("z", ""), ("a", ""), brands=[{"brand": "other"}])

    for score in (interests.first_is_right, interests.tastes_shown, interests.brand_is_shown):
        assert score(right, person()) == 1
        assert score(wrong, person()) == 0
        assert score({}, person()) == 0


def test_a_brand_in_the_fourth_place_is_not_shown() -> None:
    brands = [{"brand": name} for name in ("x", "y", "z", "brand")]

    assert interests.brand_is_shown({"brands": brands}, person()) == 0


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        ("rising", "rising", "steady"),
        ("steady", "steady", "rising"),
        ("fading", "falling", "steady"),
    ],
)
def test_a_direction_is_right_or_wrong_and_one_untold_is_wrong(
    kind: str, right: str, wrong: str
) -> None:
    told = {way: profile(*((name, way) for name in "abc")) for way in (right, wrong)}

    assert trends.told_right(told[right], person(), kind) == 1
    assert trends.told_right(told[wrong], person(), kind) == 0
    assert trends.told_right({}, person(), kind) == 0


def test_that_somebody_is_gone_is_said_in_a_word_by_directions_or_by_churn_risk() -> None:
    assert trends.gone(profile(("a", "falling"), ("b", "gone"))) == 1
    assert trends.gone(profile(("a", "steady"), churn_risk={"probability": 0.9})) == 1
    assert trends.gone(profile(("a", "steady"), activity={"state": "gone"})) == 1
    assert trends.gone(profile(("a", "falling"), ("b", "steady"))) == 0
    assert trends.gone(profile(("a", "steady"), churn_risk={"probability": 0.1})) == 0
    assert trends.gone(profile(("a", "falling"), activity={"state": "active"})) == 0
    assert trends.gone({}) == 0


def test_to_say_of_everybody_that_they_are_gone_is_worth_nothing() -> None:
    assert trends.gone_is_told(Fixed(profile=profile(activity={"state": "gone"})), world()) == 0
    assert trends.gone_is_told(Fixed(profile=profile(activity={"state": "active"})), world()) == 0


def test_to_say_it_of_those_who_left_is_right() -> None:
    class Right(Fixed):
        def profile(self, user: str) -> Answer | None:
            left = {each.id for each in world().of_course("left")}
            return profile(activity={"state": "gone" if user in left else "active"})

    assert trends.gone_is_told(Right(), world()) == 1


# Searches and sessions


def test_a_search_is_an_interest_and_its_evidence_shows_the_words() -> None:
    evidence = [{"action": "search", "item_id": None, "title": "pot for oolong"}]
    said = {"interests": [{"category": "tea", "evidence": evidence}]}
    unsaid = {"interests": [{"category": "tea", "evidence": [{**evidence[0], "title": None}]}]}

    assert searches.interest_is(said, "tea") == 1
    assert searches.interest_is(said, "pots") == 0
    assert searches.is_evidence(said, "pot for oolong") == 1
    assert searches.is_evidence(unsaid, "pot for oolong") == 0


def test_each_reserved_search_is_asked_before_and_after_it_is_made() -> None:
    side = Fixed()

    figures = [searches.ask(side, world(), turn) for turn in (0, 1)]

    made = [event["text"] for event in side.told]
    assert len(set(made)) == len(made) == 2 * len(world().shop.leaves)
    assert not {*made} & {event.get("text") for event in world().events}
    assert {*figures[0].values(), *figures[1].values()} == {0}


class Clairvoyant(Fixed):
    """Lists what lies in the categories of a session."""

    def recommend(self, wish: Wish) -> Answer:
        wanted = {world().shop.by_id[id].leaf for id in wish.items} | {
            leaf.path for leaf in world().shop.leaves if {*leaf.searches} & {*wish.texts}
        }
        goods = [good.id for good in world().shop.goods if good.leaf in wanted]
        return {"items": [{"item_id": id} for id in goods if id not in wish.items][: wish.limit]}


def test_a_list_is_asked_for_again_where_a_search_was_read_too_late_that_can_be() -> None:
    class Slow(Served):
        """Reads a search by the third time that it is asked for; what is illegible never."""

        asked: ClassVar[Counter[str]] = Counter()

        def _ask(self, wish: Wish) -> Answer:
            (text,) = wish.texts
            self.asked[text] += 1
            is_read = "?" not in text and self.asked[text] > 2
            read = "vector" if is_read else "words"
            return {"session_texts": [{"text": text, "read": read}], "items": []}

    side = Slow("http://127.0.0.1:9", "", "slow", HashEncoder())

    late = side.recommend(Wish(texts=["dog food"]))
    again = side.recommend(Wish(texts=["dog food"]))
    unread = side.recommend(Wish(texts=["????"]))
    side.close()

    assert [each["session_texts"][0]["read"] for each in (late, again, unread)] == [
        "vector",
        "vector",
        "words",
    ]
    assert side.late == 1
    assert side.asked == {"dog food": 5, "????": 1}


def test_sessions_score_by_the_category_that_they_are_about() -> None:
    assert {*sessions.ask(Clairvoyant(), world()).values()} == {1}
    assert {*sessions.ask(Fixed(["nothing"]), world()).values()} == {0}


# Against


@pytest.mark.parametrize(
    ("after", "score"),
    [
        ({"x": 4, "y": 3, "like": 2, "bad": 1}, 1),  # both fell
        ({"x": 4, "y": 3}, 1),  # both are gone
        ({"bad": 4, "like": 3, "x": 2, "y": 1}, 0),  # nothing moved
        ({"bad": 3, "like": 2, "x": 1, "y": 0}, 0),  # all fell alike
        ({"like": 4, "x": 3, "bad": 2, "y": 1}, 0),  # only the one fell
        ({"bad": 4, "x": 3, "y": 2, "like": 1}, 0),  # only its like fell
        ({"bad": 5, "like": 4, "x": 1, "y": 0}, 0),  # both rose
    ],
)
def test_an_item_and_its_like_are_lowered_or_they_are_not(
    after: dict[str, float], score: float
) -> None:
    before = {"bad": 4.0, "like": 3.0, "x": 2.0, "y": 1.0}

    assert against.is_lowered(before, after, "bad", {"like"}) == score
    assert against.is_lowered({"x": 2.0}, after, "bad", {"like"}) == 0  # none stood there before


def test_what_was_said_against_an_item_may_not_speak_for_any() -> None:
    def explained(action: str, share: float) -> Answer:
        return {"items": [{"reasons": [{"action": action, "item_id": "bad", "share": share}]}]}

    assert against.names_nothing_negative(explained("return", 0.1), "bad") == 0
    assert against.names_nothing_negative(explained("review", 0.1), "bad") == 0
    assert against.names_nothing_negative(explained("review", -0.1), "bad") == 1
    assert against.names_nothing_negative(explained("purchase", 0.1), "bad") == 1
    assert against.names_nothing_negative({"items": [{"reasons": None}]}, "bad") == 1


def test_anti_items_are_what_nobody_else_would_be_offered() -> None:
    assert against.is_no_anti_item(["a", "b"], {"a", "b", "c"}, {"c"}) == 1
    assert against.is_no_anti_item(["x", "c"], {"a", "b", "c"}, {"c"}) == 0


# Odd purchases, next of kin, prices, neighbours


def test_up_to_three_of_ten_may_move() -> None:
    before = [*"abcdefghij"]

    assert odd.few_moved(before, [*"abcdefgxyz"]) == 1
    assert odd.few_moved(before, [*"abcdefwxyz"]) == 0


def test_next_of_kin_share_the_top_and_are_none_of_what_was_seen() -> None:
    goods = world().shop.by_leaf
    first, second = [*goods][:2]  # of one top

    assert kin.ask(Fixed([good.id for good in goods[first]]), world(), 0)["kin.five"] < 1
    listed = Fixed([good.id for good in goods[second]])
    assert kin.ask(listed, world(), 0)["kin.five"] == pytest.approx(3 / 15)  # three of 15 leaves


def test_lists_that_cost_differently_are_apart() -> None:
    percentile = {"low": 0.0, "high": 1.0}

    assert prices.apart([["low"]], [["high"]], percentile) == 1
    assert prices.apart([["low"]], [["low"]], percentile) == 0
    assert prices.apart([["high"]], [["low"]], percentile) == -1


class Foresight(Clairvoyant):
    """Lists what somebody takes next, or the goods beside an item."""

    def recommend(self, wish: Wish) -> Answer:
        if wish.user is None:
            return super().recommend(wish)
        return {"items": [{"item_id": id} for id in world().following[wish.user]]}


def test_a_catalogue_is_right_if_lists_are_what_comes_next_and_neighbours_alike() -> None:
    assert {*catalogue.ask(Foresight(), world()).values()} == {1}


# Baselines


@pytest.mark.parametrize("weigh", [decayed, latest])
def test_counts_answer_every_question(weigh: object) -> None:
    side = Counting("counts", world().shop, weigh, world().ends_at)  # type: ignore[arg-type] # both weigh
    side.tell(world().events)

    figures = ask_all(side, world(), 0, lambda _: None)

    assert set(figures) == {goal.key for goal in GOALS}
    assert figures["session.items.known"] == figures["interest.first"] == 1


def test_text_alone_answers_what_needs_no_profile() -> None:
    raw, _ = raw_and_centred(world().shop, HashEncoder())
    raw.tell(world().events)

    figures = ask_for_lists(raw, world())

    assert {"next.ndcg", "neighbours.leaf", "search.new.first"} < set(figures)
    assert not {"search.interest", "search.evidence"} & set(figures)


# Goals


def sides(first: float, learned: float) -> dict[str, Mapping[str, float]]:
    figures = [{goal.key: value for goal in GOALS} for value in (first, learned)]
    ones = dict.fromkeys(figures[0], 1.0)
    texts = {"raw text": ones, "centred text": ones}
    return {**dict(zip(MODELS, figures, strict=True)), **texts}


def test_a_goal_is_reached_only_if_both_models_reach_it() -> None:
    assert missed(sides(1, 1)) == []
    assert len(missed(sides(1, 0))) == len(missed(sides(0, 1))) == len(GOALS)


def test_a_question_that_could_not_be_put_misses_no_goal() -> None:
    asked: Sides = {
        name: {key: value for key, value in figures.items() if key != "kin.five"}
        for name, figures in sides(1, 1).items()
    }

    assert all(row.is_reached for row in rows_of(asked))


def test_a_fall_below_a_floor_is_said_and_so_is_a_missing_floor() -> None:
    assert not [*fallen("en", sides(0.5, 0.5), {"en": sides(0.5, 0.4)})]
    (said, *rest) = fallen("en", sides(0.5, 0.4), {"en": sides(0.5, 0.5)})
    assert "learned" in said
    assert len(rest) == len(GOALS) - 1
    floorless: Sides = {model: {} for model in MODELS}
    assert len([*fallen("en", sides(1, 1), {"en": floorless})]) == 2 * len(GOALS)


def test_the_table_has_a_row_for_every_goal_and_says_what_is_missed() -> None:
    lines = table(sides(1, 0)).splitlines()

    assert len(lines) == len(GOALS) + 2
    assert all(line.endswith("| **no** |") for line in lines[2:])
    assert len({line.count("|") for line in lines}) == 1


def test_seeds_are_averaged() -> None:
    assert mean_of([{"a": {"x": 1.0}}, {"a": {"x": 0.0}}]) == {"a": {"x": 0.5}}
