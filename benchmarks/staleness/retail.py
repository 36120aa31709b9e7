"""Online Retail: a year of a real shop, line by line, in the order of its log.

A basket is what one customer bought in one minute: the log has no finer time.

Source: UCI Online Retail (Chen, Sain and Guo, 2012), a table with `Description`, `Quantity`,
`InvoiceDate`, `UnitPrice` and `CustomerID`.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from portrait.arrays import Codes

COLUMNS = ["Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID"]
NOT_ITEMS = ("POSTAGE", "CARRIAGE", "DOTCOM POSTAGE", "Manual", "Discount", "Bank Charges")


@dataclass(frozen=True, slots=True)
class Purchases:
    """E purchases in time order."""

    user: Codes  # (E,)
    item: Codes  # (E,)
    at: Codes  # (E,), seconds since 1970, whole minutes
    place: Codes  # (E,), in its basket: 0 is the first
    texts: tuple[str, ...]  # (N,)

    def __len__(self) -> int:
        return len(self.item)

    def shuffled(self, seed: int = 0) -> "Purchases":
        """Return them with the lines of each basket in random order.

        Neighbours in an invoice are often variants of one thing: a log's order says more than a
        shopper's would.
        """
        basket = np.cumsum(np.concatenate([[0], self._new_baskets()]))
        random = np.random.default_rng(seed).random(len(self))
        order = np.lexsort((random, basket))
        return replace(self, item=self.item[order])

    def head(self, count: int) -> "Purchases":
        """Return the first of them; the catalogue stays."""
        first = slice(count)
        return Purchases(
            self.user[first], self.item[first], self.at[first], self.place[first], self.texts
        )

    def _new_baskets(self) -> NDArray[np.bool_]:
        """Return whether each purchase but the first is not of the basket before it, (E - 1,)."""
        changed: NDArray[np.bool_] = (np.diff(self.user) != 0) | (np.diff(self.at) != 0)
        return changed


def read_purchases(path: Path) -> Purchases:
    """Read what known customers bought; returns, fees and a repeat within a basket are left out."""
    return purchases_of(pd.read_parquet(path, columns=COLUMNS))


def purchases_of(table: pd.DataFrame) -> Purchases:
    """Take the rows of the table."""
    rows = table.dropna(subset=["CustomerID", "Description"])
    rows = rows.assign(Description=rows["Description"].str.strip())
    bought = (rows["Quantity"] > 0) & (rows["UnitPrice"] > 0)
    rows = rows[bought & ~rows["Description"].isin(NOT_ITEMS)]
    rows = rows.drop_duplicates(["CustomerID", "InvoiceDate", "Description"])
    rows = rows.sort_values("InvoiceDate", kind="stable")
    user, _ = pd.factorize(rows["CustomerID"])
    item, texts = pd.factorize(rows["Description"])
    at = rows["InvoiceDate"].to_numpy().astype("datetime64[s]").astype(np.int64)
    return Purchases(user, item, at, _places(user, at), tuple(text.lower() for text in texts))


def _places(user: Codes, at: Codes) -> Codes:
    """Number each user's purchases of one minute from 0, (E,)."""
    order: Codes = np.lexsort((at, user))  # stable: lines keep their order
    starts = np.ones(len(user), np.bool_)
    starts[1:] = (np.diff(user[order]) != 0) | (np.diff(at[order]) != 0)
    first = np.maximum.accumulate(np.where(starts, np.arange(len(user)), 0))
    places = np.empty(len(user), np.int64)
    places[order] = np.arange(len(user)) - first
    return places
