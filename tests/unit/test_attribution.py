"""Attribution: what is credited to which list, once, and to whom."""

import pytest

from portrait.events.impression import Sighting, Slot
from portrait.experiments.attribution import INTERLEAVED, Attribution
from portrait.experiments.joining import (
    BOUGHT_WITHIN,
    CLOCKS,
    MOST_KEPT,
    MOST_SHOWN,
    MOST_TOUCHES,
    MOST_WAITING,
    MOST_WORTH,
    ONCE,
    SHOWN_WITHIN,
    TOUCHED_WITHIN,
    Deed,
    Journey,
    Person,
)
from portrait.experiments.tally import named
from portrait.ref import item_ref, recommendation_ref
from portrait.times import to_moment
from tests.support.lists import ANN, LIST, NOW, Joined, answer, done

TRIAL = {"tone:1": "diverse"}
CLICK = done(Deed.CLICK, named="r1")


@pytest.fixture
def joined() -> Joined:
    joined = Joined()
    joined.take(answer(experiments=TRIAL))
    return joined


def test_a_list_counts_once_however_often_it_is_read(joined: Joined) -> None:
    joined.take(answer(experiments=TRIAL), answer(experiments=TRIAL))

    assert (joined.all("lists"), joined.all("items")) == (1, 3)
    assert joined.figures["position", "2", "items"] == 1
    assert joined.figures["source", "profile", "items"] == 3
    assert joined.figures["model", "m1", "lists"] == 1
    assert joined.figures["variant", "tone:1=diverse", "lists"] == 1
    assert joined.trials == {("tone:1", "diverse", "people"): 1}
    assert joined.people[ANN].lists == [LIST]


def test_a_person_is_in_an_experiment_once_however_many_lists_they_get(joined: Joined) -> None:
    joined.take(CLICK, answer("r2", experiments=TRIAL))
    joined.take(done(Deed.CLICK, named="r2", event="e2"))

    assert (joined.all("lists"), joined.all("clicks")) == (2, 2)
    assert joined.trials["tone:1", "diverse", "people"] == 1
    assert joined.trials["tone:1", "diverse", "clicks_people"] == 1


def test_what_was_drawn_for_a_place_is_counted_by_who_proposed_it() -> None:
    joined = Joined()
    slots = (
        Slot(item_id="tea", source="profile"),
        Slot(item_id="soap", source="new", propensity=0.1, arm="new"),
        Slot(item_id="milk", source="profile", propensity=0.7, arm="own"),
    )
    joined.take(answer(items=slots))
    joined.take(CLICK, done(Deed.CLICK, "soap", named="r1", event="e2"))
    joined.take(done(Deed.PURCHASE, "soap", event="e3", worth=2_000))

    of = joined.figures
    assert (of["explored", "new", "items"], of["explored", "new", "clicks"]) == (1, 1)
    assert (of["explored", "own", "items"], of.get(("explored", "own", "clicks"))) == (1, None)
    assert of["explored", "new", "revenue"] == 2_000
    soap = named(item_ref("soap"))
    assert {value for by, value, _ in of if by == "tried"} == {soap}
    assert (of["tried", soap, "items"], of["tried", soap, "clicks"]) == (1, 1)


def test_a_click_counts_once_for_an_item_of_a_list(joined: Joined) -> None:
    joined.take(CLICK, done(Deed.CLICK, named="r1", event="e2"))
    joined.take(done(Deed.CLICK, "soap", named="r1", event="e3"))

    assert joined.all("clicks") == 2
    assert joined.figures["position", "1", "clicks"] == 1
    assert joined.trials["tone:1", "diverse", "clicks_people"] == 1


def test_a_purchase_goes_to_the_list_that_its_item_was_touched_in(joined: Joined) -> None:
    joined.take(CLICK)

    joined.take(done(Deed.CART, event="e2"), done(Deed.PURCHASE, event="e3", worth=2_500))
    joined.take(done(Deed.PURCHASE, "bread", event="e4", worth=9_000))  # not of the list

    assert [joined.all(m) for m in ("clicks", "carts", "purchases", "revenue")] == [1, 1, 1, 2_500]
    assert joined.figures["position", "1", "revenue"] == 2_500
    assert joined.trials["tone:1", "diverse", "revenue_sum"] == 2_500
    assert joined.trials["tone:1", "diverse", "revenue_squares"] == 2_500**2
    assert joined.trials["tone:1", "diverse", "spending_sum"] == 11_500
    assert joined.trials["tone:1", "diverse", "spending_some"] == 1
    assert joined.trials["tone:1", "diverse", "spending_squares"] == 11_500**2


def test_the_last_touch_counts(joined: Joined) -> None:
    joined.take(CLICK, answer("r2", surface="cart", model_version="m2"))
    joined.take(done(Deed.CLICK, named="r2", event="e2", after=2_000))

    joined.take(done(Deed.PURCHASE, event="e3", worth=1_000, after=3_000))

    assert ("model", "m1", "purchases") not in joined.figures
    assert joined.figures["model", "m2", "purchases"] == 1


def test_a_purchase_counts_once_however_often_it_is_read(joined: Joined) -> None:
    joined.take(CLICK)

    for _ in range(3):
        joined.take(done(Deed.PURCHASE, event="e3", worth=1_000))

    assert (joined.all("purchases"), joined.all("revenue")) == (1, 1_000)


def test_what_comes_too_late_or_before_or_of_another_item_counts_nothing(joined: Joined) -> None:
    joined.take(done(Deed.CLICK, named="r1", after=TOUCHED_WITHIN + 1))
    joined.take(done(Deed.CLICK, named="r1", after=-CLOCKS - 1))
    joined.take(done(Deed.CLICK, "bread", named="r1"))
    assert joined.all("clicks") == 0

    joined.take(CLICK)
    joined.take(done(Deed.PURCHASE, event="e5", after=BOUGHT_WITHIN + 2_000))
    joined.take(done(Deed.PURCHASE, event="e6", after=-CLOCKS - 1_000))
    joined.take(done(Deed.PURCHASE, event="e7", user="bob"))

    assert joined.all("purchases") == 0


def test_what_comes_before_its_list_waits_for_it() -> None:
    joined = Joined()

    joined.take(CLICK, done(Deed.PURCHASE, named="r1", event="e2", worth=1_000))
    assert joined.all("clicks") == 0
    joined.take(answer())
    joined.take(answer())

    assert [joined.all(m) for m in ("clicks", "purchases", "revenue")] == [1, 1, 1_000]


def test_a_list_that_is_not_seen_counts_where_it_is_sighted() -> None:
    attribution = Attribution({LIST: Journey()}, {ANN: Person()})
    sighting = Sighting(recommendation_id="r1", occurred_at=to_moment(NOW), item_ids=("soap",))

    attribution.sighted(LIST, sighting)  # before the list was read
    attribution.answered(LIST, answer(is_seen=False, experiments=TRIAL))
    attribution.sighted(LIST, sighting)
    attribution.sighted(LIST, sighting.model_copy(update={"item_ids": ("soap", "milk")}))

    counted = {(f.by, f.value, f.metric): n for (_, f), n in attribution.tally.figures.items()}
    assert (counted["all", "", "lists"], counted["all", "", "items"]) == (1, 2)
    assert ("position", "1", "items") not in counted
    assert sum(attribution.tally.trials.values()) == 1


def test_an_interleaved_list_speaks_for_whose_pick_was_touched_first() -> None:
    joined = Joined()
    slots = tuple(
        Slot(item_id=item, source="profile", team=team)
        for item, team in (("tea", "old"), ("soap", "new"), ("milk", "old"))
    )
    joined.take(answer(items=slots, experiments={"draft:1": INTERLEAVED}))

    joined.take(done(Deed.CLICK, "soap", named="r1"), done(Deed.CLICK, named="r1", event="e2"))

    assert joined.trials["draft:1", "new", "lists_preferred"] == 1
    assert ("draft:1", "old", "lists_preferred") not in joined.trials


def test_who_is_not_named_counts_for_lists_and_for_no_experiment() -> None:
    joined = Joined()

    joined.take(answer(user=None, experiments=TRIAL), CLICK)

    assert (joined.all("lists"), joined.all("clicks")) == (1, 1)
    assert joined.trials == {}


def test_what_is_kept_is_bounded(joined: Joined) -> None:
    people = {ANN: Person()}
    journeys = {LIST: Journey(), recommendation_ref("r2"): Journey()}
    attribution = Attribution(journeys, people)
    for number in range(2 * MOST_WAITING):
        attribution.did(done(Deed.CLICK, named="r2", event=f"e{number}"))
    items = tuple(Slot(item_id=f"i{n}", source="profile") for n in range(MOST_TOUCHES + 20))
    attribution.answered(LIST, answer(items=items))
    for number in range(MOST_TOUCHES + 20):
        attribution.did(done(Deed.CART, f"i{number}", named="r1", event=f"c{number}"))

    assert len(journeys[recommendation_ref("r2")].waiting) == MOST_WAITING
    assert len(people[ANN].touches) == MOST_TOUCHES
    assert len(people[ANN].kept) == MOST_KEPT
    joined.take(CLICK, done(Deed.PURCHASE, event="e8", worth=MOST_WORTH))
    joined.take(done(Deed.PURCHASE, event="e9", worth=MOST_WORTH))
    assert joined.trials["tone:1", "diverse", "revenue_sum"] == MOST_WORTH


def test_what_is_read_before_what_led_there_counts_all_the_same() -> None:
    joined = Joined()

    joined.take(done(Deed.PURCHASE, event="e3", worth=1_500))  # two seconds after the click
    joined.take(done(Deed.PURCHASE, event="e4", worth=900, after=-CLOCKS - 1_000))  # long before
    joined.take(answer(experiments=TRIAL))
    joined.take(done(Deed.CLICK, named="r1", after=-1_000))
    joined.take(done(Deed.CLICK, named="r1", event="e9", after=-500))

    assert (joined.all("purchases"), joined.all("revenue")) == (1, 1_500)
    assert joined.trials["tone:1", "diverse", "spending_sum"] == 1_500


@pytest.mark.parametrize("is_seen", [True, False])
def test_what_a_list_for_an_email_shows_is_remembered_seen_or_not(*, is_seen: bool) -> None:
    joined = Joined()

    joined.take(answer(surface="email", is_seen=is_seen), answer("r2", items=()))

    assert joined.people[ANN].shown == {item_ref(item): NOW for item in ("tea", "soap", "milk")}


def test_lists_of_other_surfaces_leave_nothing_that_is_not_to_come_again(joined: Joined) -> None:
    assert {"email"} == ONCE
    assert joined.people[ANN].shown == {}


def test_what_was_shown_is_forgotten_after_weeks_whatever_is_read_first() -> None:
    late, early = Joined(), Joined()
    old = answer("r1", surface="email", items=(Slot(item_id="tea", source="profile"),))
    at = to_moment(NOW + SHOWN_WITHIN + 1)
    slot = Slot(item_id="soap", source="profile")
    new = answer("r2", surface="email", items=(slot,), occurred_at=at)

    early.take(old, new)
    late.take(new, old)

    assert early.people[ANN].shown == late.people[ANN].shown
    assert early.people[ANN].shown.keys() == {item_ref("soap")}


def test_of_what_was_shown_so_much_is_remembered_the_newest() -> None:
    joined = Joined()
    for number in range(MOST_SHOWN // 50 + 1):
        slots = tuple(Slot(item_id=f"{number}-{n}", source="profile") for n in range(50))
        at = to_moment(NOW + number)
        joined.take(answer(f"r{number}", surface="email", items=slots, occurred_at=at))

    shown = joined.people[ANN].shown
    assert len(shown) == MOST_SHOWN
    assert NOW not in shown.values()
