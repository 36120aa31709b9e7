"""Segments that ask what a model foretells: by time, by model, and while a model takes over."""

import pytest

from portrait.errors import StoreUnavailableError
from portrait.events.consent import WITHDRAWN, Consent
from portrait.model.model import Model
from portrait.segments.fields import FIELDS, FORECASTS
from portrait.segments.forecasts import NO_FORECASTS, Forecasts
from portrait.times import DAY_MS
from tests.support.catalogues import MODEL, catalogue
from tests.support.models import learned_model
from tests.support.promotions import put_in_service
from tests.unit.test_segment_worker import BUYERS, PURCHASE, Shop

SERVES, NEXT = learned_model(), learned_model("next-model", seed=4)
PAINTED, REPAINTED = catalogue(model=SERVES), catalogue(model=NEXT)
# By the heads of the tests silence alone decides: after eight days the risk is above .9.
LEAVING = BUYERS.model_copy(
    update={"expression": "churn_risk.probability > 0.9 && purchases >= 2"},
)


async def shop_of(model: Model | None = SERVES) -> Shop:
    """Open a shop in which Ann has bought twice, and Bob once."""
    shop = Shop()
    await shop.put(LEAVING)
    if model is not None:
        await put_in_service(shop.registry, model)
    shop.remember("ann", PURCHASE, PURCHASE, painted=PAINTED)
    shop.remember("bob", PURCHASE, painted=PAINTED)
    return shop


async def left(shop: Shop) -> None:
    """Let ten days pass, and everybody be looked at."""
    shop.now_ms += 10 * DAY_MS
    await shop.walk()


async def test_who_enters_by_what_is_foretold_is_found_by_the_next_walk() -> None:
    shop = await shop_of()

    await shop.notices("ann", "bob")
    await left(shop)
    shop.remember("ann", *[PURCHASE] * 3, painted=PAINTED)
    shop.now_ms -= 10 * DAY_MS
    await shop.notices("ann")

    assert shop.told == [("ann", "entered"), ("ann", "left")]


async def test_who_is_painted_by_another_model_stays_until_they_are_repainted() -> None:
    shop = await shop_of()
    await left(shop)
    await put_in_service(shop.registry, NEXT)
    shop.remember("bob", PURCHASE, PURCHASE, painted=PAINTED)

    await shop.walk()
    before = shop.told
    shop.remember("bob", PURCHASE, PURCHASE, painted=REPAINTED)
    await shop.walk()

    assert before == [("ann", "entered")]
    assert shop.told == [("ann", "entered"), ("bob", "entered")]


async def test_who_withdraws_leaves_whoever_painted_them() -> None:
    shop = await shop_of()
    await left(shop)
    await put_in_service(shop.registry, NEXT)
    await shop.profiles.agree({"ann": Consent(1_000, WITHDRAWN.withdrawn)})

    await shop.walk()

    assert shop.told == [("ann", "entered"), ("ann", "left")]


async def test_of_a_model_that_foretells_nothing_nothing_is_known() -> None:
    shop = await shop_of()
    await left(shop)
    await put_in_service(shop.registry, MODEL)

    await shop.walk()

    assert shop.told == [("ann", "entered"), ("ann", "left")]


async def test_without_a_model_that_can_be_read_everybody_stays_where_they_are() -> None:
    shop = await shop_of()
    await left(shop)
    shop.registry.damaged.add(SERVES.version)
    await shop.walk()
    shop.registry.now = shop.registry.now._replace(champion=None)

    await shop.walk()

    assert shop.told == [("ann", "entered")]
    assert shop.members == {"ann"}


async def test_a_model_is_asked_for_only_where_a_segment_asks_what_it_foretells() -> None:
    shop = await shop_of()
    await shop.put(BUYERS)
    shop.registry.is_down = True

    await shop.walk()
    await shop.put(LEAVING)
    with pytest.raises(StoreUnavailableError):
        await shop.walk()

    assert shop.told == [("ann", "entered")]


def test_what_is_not_foretold_is_named() -> None:
    assert Forecasts.of(SERVES).lacking(FORECASTS) == ()
    assert NO_FORECASTS.lacking(FORECASTS) == tuple(sorted(FORECASTS))
    assert FORECASTS.keys() < FIELDS.keys()
