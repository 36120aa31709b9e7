"""Subtraction: sums without a person equal those of everybody else, counted from the beginning."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from portrait.dataset.interactions import Interactions, from_columns
from portrait.events.columns import ACTION_CODE, PURCHASE, RETURN
from portrait.events.event import Action
from portrait.training.ranker.co_occurrence import Window, co_occurrences, followed, touches
from portrait.training.ranker.subtraction import (
    Sums,
    co_occurrences_of,
    evidence_of,
    sums_of,
    sums_of_some,
)

STEPS = 5
WINDOW = Window(STEPS, backward=0.5, smoothing=10)
RETAIL = Path(__file__).parents[3] / "shared" / "data" / "online_retail" / "online_retail.parquet"
ITEMS, USERS = 6, 5

events_of_few = st.lists(
    st.tuples(
        st.integers(0, USERS - 1),
        st.integers(0, ITEMS - 1),
        st.sampled_from([Action.CLICK, Action.PURCHASE, Action.RETURN, Action.REMOVE]),
        st.integers(1, 9),
    ),
    max_size=60,
)


def interactions(rows: list[tuple[int, int, Action, int]]) -> Interactions:
    user, item, action, at = (np.array(column) for column in zip(*rows, strict=True))
    return from_columns(
        user=user.astype(np.int64),
        item=item.astype(np.int64),
        action=np.array([ACTION_CODE[Action(each)] for each in action], np.uint8),
        at=at.astype(np.int64),
        items=np.arange(1, ITEMS + 1, dtype=np.uint64),
        users=USERS,
    )


def are_the_same(one: csr_array, other: csr_array) -> bool:
    """Say whether two matrices are of the same bytes."""
    a, b = csr_array(one), csr_array(other)
    for each in (a, b):
        each.sort_indices()
    parts = ((each.indptr, each.indices, each.data) for each in (a, b))
    return all(np.array_equal(mine, theirs) for mine, theirs in zip(*parts, strict=True))


def equal(one: Sums, other: Sums) -> bool:
    pairs = [(one.both, other.both), *zip(one.after, other.after, strict=True)]
    return all(are_the_same(*pair) for pair in pairs)


def make_the_same(one: Sums, other: Sums) -> bool:
    return are_the_same(co_occurrences_of(one), co_occurrences_of(other)) and are_the_same(
        evidence_of(one, WINDOW), evidence_of(other, WINDOW)
    )


@given(events_of_few.filter(len), st.sets(st.integers(0, USERS - 1)))
def test_what_is_left_is_what_the_others_would_have_made(
    rows: list[tuple[int, int, Action, int]], gone: set[int]
) -> None:
    events = interactions(rows)
    chosen = np.isin(np.arange(USERS), [*gone])

    left = sums_of(events, STEPS).without(sums_of_some(events, chosen, STEPS))

    refitted = sums_of_some(events, ~chosen, STEPS)
    assert equal(left, refitted)
    assert make_the_same(left, refitted)


@given(events_of_few.filter(len))
def test_sums_make_what_trainings_make(rows: list[tuple[int, int, Action, int]]) -> None:
    events = interactions(rows)
    sums = sums_of(events, STEPS)

    assert are_the_same(co_occurrences_of(sums), co_occurrences(touches(events)))
    np.testing.assert_allclose(
        evidence_of(sums, WINDOW).toarray(), followed(events, WINDOW).toarray(), rtol=1e-5
    )


def retail(customers: int) -> Interactions:
    """The first customers of a British gift shop's year, all that they bought and sent back.

    Source: UCI Online Retail; an item is its description.
    """
    table = pq.read_table(RETAIL).to_pandas().dropna(subset=["CustomerID", "Description"])
    table = table[table["UnitPrice"] > 0]
    kept = np.unique(table["CustomerID"])[:customers]
    table = table[table["CustomerID"].isin(kept)]
    names, item = np.unique(table["Description"].str.strip().to_numpy(str), return_inverse=True)
    return from_columns(
        user=np.searchsorted(kept, table["CustomerID"]),
        item=item,
        action=np.where(table["Quantity"] > 0, PURCHASE, RETURN).astype(np.uint8),
        at=table["InvoiceDate"].to_numpy("datetime64[ms]").astype(np.int64),
        items=np.arange(1, len(names) + 1, dtype=np.uint64),
        users=len(kept),
    )


@pytest.mark.skipif(not RETAIL.exists(), reason="the data set is not here")
def test_each_of_a_hundred_customers_can_be_taken_out() -> None:
    events = retail(200)
    everybody = sums_of(events, STEPS)

    for customer in range(0, 200, 2):
        chosen = np.arange(events.users) == customer
        left = everybody.without(sums_of_some(events, chosen, STEPS))
        refitted = sums_of_some(events, ~chosen, STEPS)
        assert equal(left, refitted), customer
        assert customer % 50 or make_the_same(left, refitted)
