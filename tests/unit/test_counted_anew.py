"""Who is erased is in no later publication: it equals one of an archive that never had them.

Sums over people (who touched both, what came after what, the regression) are counted anew in every
training, and its weights learn from the same rows: docs/decisions/0055.
"""

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from portrait.archive.archive import Archive, numbers
from portrait.arrays import Floats, Refs
from portrait.events.erasure import Erasures
from portrait.events.item import Item
from portrait.lifecycle.learner import Trained
from portrait.model.model import Model
from portrait.model.neighbours import Neighbours
from portrait.ref import user_ref
from portrait.training.material import Material, Shares, gather
from portrait.training.ranker.fit_ranker import fit_neighbours
from tests.support.archives import memory_archive
from tests.support.training_shop import OPENED, SEASON, keep, rows, season
from tests.unit.test_learner import PRETRAINED, Shop, arrays_of

# `make test DATA=folder`, as of the benchmarks.
RETAIL = Path(os.environ.get("DATA", "data")) / "online_retail" / "online_retail.parquet"
GONE = np.array([user_ref(f"user-{n}") for n in range(0, 400, 4)], np.uint64)


def without(table: pa.Table, gone: Refs) -> pa.Table:
    """Return the same rows, but for those of some users."""
    return table.filter(pa.array(~np.isin(numbers(table["user_ref"]), gone)))


def erase(archive: Archive, gone: Refs) -> None:
    """Write down that some users have asked to be forgotten, after all that was done."""
    archive.erase(Erasures.of(dict.fromkeys(gone.tolist(), OPENED + 3 * SEASON)))


def learned(folder: Path, champion: Model | None, *, erased: bool) -> Trained:
    """Train on two seasons: of all, where some are erased, or where those have never been."""
    shop = Shop(folder)
    shop.archive = memory_archive()
    tables = [season(0), season(1)]
    keep(shop.archive, *(tables if erased else [without(each, GONE) for each in tables]))
    if erased:
        erase(shop.archive, GONE)
    return shop.learn("next", champion)


@pytest.fixture(scope="module")
def knew_them(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A champion that has learned of everybody."""
    return Shop(tmp_path_factory.mktemp("first")).learn("v1", PRETRAINED).model


@pytest.mark.parametrize("begins", ["from nothing", "from a champion that knew them"])
def test_the_next_publication_is_that_of_an_archive_that_never_had_them(
    begins: str, knew_them: Model, tmp_path: Path
) -> None:
    champion = PRETRAINED if begins == "from nothing" else knew_them

    after = learned(tmp_path / "erased", champion, erased=True)
    never = learned(tmp_path / "never", champion, erased=False)

    assert arrays_of(after) == arrays_of(never)
    assert after.manifest.erased_users == len(GONE)
    assert after.manifest.rows == never.manifest.rows


def are_the_same(one: Neighbours, other: Neighbours) -> bool:
    """Say whether everything that is counted over people is of the same bytes."""
    names = "refs", "starts", "others", "strengths"
    return all(np.array_equal(getattr(one, each), getattr(other, each)) for each in names)


@pytest.mark.skipif(not RETAIL.exists(), reason="no DATA folder with online_retail")
@pytest.mark.parametrize("most", [1_000_000, 20_000], ids=["all events", "a sample of them"])
def test_a_hundred_customers_of_a_real_shop_leave_its_sums_as_if_they_had_never_been(
    most: int,
) -> None:
    table, items = retail(600)
    gone = np.unique(numbers(table["user_ref"]))[::6]
    after, never = memory_archive(), memory_archive()
    keep(after, table)
    erase(after, gone)
    keep(never, without(table, gone))

    shares = Shares(most_events=most)
    one, other = (gather(each, items, None, shares) for each in (after, never))

    assert len(gone) == 100
    assert not np.isin(one.user_refs, gone).any()
    assert are_the_same(counted(one), counted(other))
    whole = memory_archive()
    keep(whole, table)
    assert not are_the_same(counted(one), counted(gather(whole, items, None, shares)))


def counted(material: Material) -> Neighbours:
    """Return the sums that a model of this material would serve."""
    texts: Floats = np.eye(len(material.texts), 16, dtype=np.float32)
    return fit_neighbours(material.counted_again, texts)


def retail(customers: int) -> tuple[pa.Table, list[Item]]:
    """Return what the first customers of a British gift shop took in a year, and what it sells.

    Source: UCI Online Retail; an item is its description.
    """
    bought = pq.read_table(RETAIL).to_pandas().dropna(subset=["CustomerID", "Description"])
    kept = np.unique(bought["CustomerID"])[:customers]
    bought = bought[bought["CustomerID"].isin(kept)].sort_values("InvoiceDate", kind="stable")
    names, item = np.unique(bought["Description"].str.strip().to_numpy(str), return_inverse=True)
    at = bought["InvoiceDate"].to_numpy("datetime64[ms]").astype(np.int64)
    user = np.searchsorted(kept, bought["CustomerID"])
    return rows(user, item, at), [
        Item(id=f"item-{n}", title=name, category="Gifts") for n, name in enumerate(names)
    ]
