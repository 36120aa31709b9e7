"""The service with a learned model: what it recommends and foresees, and why."""

from collections.abc import Mapping

import pytest

from portrait.model.learned import Learned
from portrait.model.model import Model
from service.profiles.outlook import HOUR_MS, hours_silent
from service.profiles.schemas import ProfileAnswer
from service.recommendations.schemas import Recommendations
from tests.support.catalogues import ITEMS, SPACE, catalogue
from tests.support.models import learned, learned_model
from tests.support.shop import NOW_MS, Shop, open_shop

DAY_SECONDS = 86_400
SHOPPER = (
    {"type": "click", "item_id": "tuna"},
    {"type": "purchase", "item_id": "milk", "price": 1.0},
)


async def shop_of(painted: Model, serves: Model | None = None) -> Shop:
    """Open a shop with the learned model, or another, and a shopper painted by some model."""
    shop = Shop()
    await shop.stock(model=serves or learned_model())
    shop.remember("ann", *SHOPPER, painted=catalogue(model=painted))
    return shop


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let it be ten days after the shopper's last event."""
    now = NOW_MS / 1_000 + 3_600 + 10 * DAY_SECONDS
    monkeypatch.setattr("service.profiles.routes.time", lambda: now)


async def profile(shop: Shop) -> ProfileAnswer:
    async with open_shop(shop) as client:
        return ProfileAnswer.model_validate((await client.get("/profile/ann")).json())


async def recommended(shop: Shop, **asked: Mapping[str, object] | bool) -> Recommendations:
    async with open_shop(shop) as client:
        body = {"user_id": "ann", "explain": True, "diversity": 0, **asked}
        return Recommendations.model_validate((await client.post("/recommend", json=body)).json())


async def test_silence_raises_the_risk_of_losing_someone() -> None:
    answer = await profile(await shop_of(learned_model()))

    assert answer.churn_risk is not None
    assert answer.purchase_intent is not None
    assert answer.churn_risk.probability == pytest.approx(11 / 12, abs=0.01)  # log(1 + 10 days)
    assert answer.purchase_intent.probability == pytest.approx(1 / 12, abs=0.01)
    assert answer.outlook_as_of is not None
    assert (answer.outlook_as_of - answer.profile_as_of).days == 10


async def test_a_probability_says_which_habits_make_it() -> None:
    answer = await profile(await shop_of(learned_model()))

    assert answer.churn_risk is not None
    strongest = answer.churn_risk.because[0]
    assert strongest.habit == "silence_days"
    assert strongest.share > 0


async def test_the_next_action_is_a_distribution() -> None:
    answer = await profile(await shop_of(learned_model()))

    assert answer.next_action is not None
    chances = {action.value: chance for action, chance in answer.next_action.items()}
    assert sum(chances.values()) == pytest.approx(1, abs=0.001)
    assert max(chances, key=lambda action: chances[action]) == "purchase"


async def test_likely_interests_name_the_events_that_belong_to_them() -> None:
    answer = await profile(await shop_of(learned_model()))

    by_name = {interest.category: interest for interest in answer.likely_interests}
    (evidence,) = by_name["Grocery > Dairy"].evidence
    assert (evidence.action, evidence.item_id) == ("purchase", "milk")


async def test_a_model_without_heads_foresees_nothing() -> None:
    whole = learned()
    headless = Model("headless", SPACE, Learned(whole.behaviour, whole.neighbours, whole.blend))

    answer = await profile(await shop_of(headless, headless))

    assert answer.churn_risk is None
    assert answer.likely_interests == ()


async def test_a_profile_painted_by_another_model_is_foreseen_all_the_same() -> None:
    theirs = await profile(await shop_of(Model("pretrained", SPACE)))
    ours = await profile(await shop_of(learned_model()))

    assert theirs.churn_risk == ours.churn_risk
    assert theirs.likely_interests == ours.likely_interests


async def test_what_is_bought_together_comes_first_and_says_why() -> None:
    answer = await recommended(await shop_of(learned_model()))

    best = answer.items[0]
    assert best.item_id == "beef"
    assert best.reasons is not None
    assert best.reasons[0].item_id == "milk"
    assert answer.space_id == learned_model().space_id


async def test_who_only_complained_gets_what_is_popular() -> None:
    shop = await shop_of(learned_model())
    review = {"type": "review", "item_id": "milk", "rating": 1}
    shop.remember("eve", review, painted=catalogue(model=learned_model()))

    async with open_shop(shop) as client:
        answer = await client.post("/recommend", json={"user_id": "eve"})

    items = [item["item_id"] for item in answer.json()["items"]]
    assert answer.json()["strategy"] == "popular"
    assert items == ["towels", "tuna", "beef", "cheese"]


async def test_recommendations_do_not_depend_on_which_model_painted() -> None:
    theirs = await recommended(await shop_of(Model("pretrained", SPACE)))
    ours = await recommended(await shop_of(learned_model()))

    assert theirs.items == ours.items


async def test_the_shares_of_the_session_and_the_past_add_up() -> None:
    shop = await shop_of(learned_model())

    answer = await recommended(shop, session={"items": ["towels"]}, exclude_seen=False)

    for item in answer.items:
        assert item.reasons is not None
        against = 3 - len(item.reasons)  # events that speak against an item are not named
        shares = sum(reason.share for reason in item.reasons)
        assert shares == pytest.approx(item.score, abs=1e-4) if not against else shares > item.score


def test_silence_is_counted_in_whole_hours_and_never_negative() -> None:
    hours = [hours_silent(NOW_MS, (NOW_MS + wait * HOUR_MS) / 1_000) for wait in (-1, 0.9, 2.1)]

    assert hours == [0, 0, 2]


async def test_a_profile_lists_strongest_first_in_four_decimals() -> None:
    shop = await shop_of(learned_model())
    ids = [item.id for item in ITEMS]
    events = [{"type": "click", "item_id": ids[place % 5]} for place in range(0, 30, 7)]
    shop.remember("ann", *events, *SHOPPER, painted=catalogue(model=learned_model()))

    async with open_shop(shop) as client:
        answer = (await client.get("/profile/ann")).json()

    for part, by in (
        ("interests", "score"),
        ("brands", "share"),
        ("likely_interests", "probability"),
    ):
        told = [each[by] for each in answer[part]]
        assert len(told) > 1
        assert told == sorted(told, reverse=True)
        assert told == [round(number, 4) for number in told]
    shares = [each["share"] for each in answer["churn_risk"]["because"]]
    trends = [each["trend"] for each in answer["interests"]]
    assert [abs(share) for share in shares] == sorted(map(abs, shares), reverse=True)
    assert shares + trends == [round(number, 4) for number in shares + trends]
