"""The staleness replay: predict, then learn; a late state knows less, and nothing leaks."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.staleness.__main__ import main
from benchmarks.staleness.figures import FIRST, INSIDE, curves
from benchmarks.staleness.plot import plot
from benchmarks.staleness.replay import DELAYS, NO_STATE, known, replay
from benchmarks.staleness.retail import Purchases, purchases_of
from benchmarks.staleness.shop_model import ShopModel, ShopSettings

MINUTE = 60
PLAIN = ShopSettings(decay=0.5, text=0, half_life_days=1e9, shrink=1)


def a_table() -> pd.DataFrame:
    rows = [
        ("MUG", 1, "2011-01-02 10:00", 2.0, 7.0),
        ("BOWL", 2, "2011-01-01 10:00", 2.0, 7.0),
        ("CUP ", 2, "2011-01-01 10:00", 2.0, 7.0),
        ("BOWL", 1, "2011-01-01 10:00", 2.0, 7.0),  # again in the basket
        ("BOWL", -1, "2011-01-01 10:01", 2.0, 7.0),  # a return
        ("POSTAGE", 1, "2011-01-01 10:00", 2.0, 7.0),
        ("MUG", 1, "2011-01-01 10:00", 2.0, None),  # nobody knows whose
        ("MUG", 1, "2011-01-01 10:00", 0.0, 8.0),  # a gift
        ("CUP", 1, "2011-01-01 10:00", 2.0, 8.0),
    ]
    table = pd.DataFrame(
        rows, columns=["Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID"]
    )
    return table.assign(InvoiceDate=pd.to_datetime(table["InvoiceDate"]))


def days_of_pairs(days: int = 30) -> Purchases:
    """Every day a new user buys 0 then 1, or 2 then 3, in one minute, and one of them again."""
    user = np.repeat(np.arange(days), 2)
    item = np.where(user % 2 == 0, 0, 2) + np.tile([0, 1], days)
    at = user * 86_400
    return Purchases(user, item, at, np.tile([0, 1], days), tuple("abcdefghijkl"))


def untaught(purchases: Purchases, settings: ShopSettings = PLAIN) -> ShopModel:
    return ShopModel(np.eye(len(purchases.texts), dtype=np.float32), settings)


def test_lines_become_purchases_in_time_order_and_only_they() -> None:
    purchases = purchases_of(a_table())

    names = [purchases.texts[item] for item in purchases.item]
    assert names == ["bowl", "cup", "cup", "mug"]
    assert purchases.user.tolist() == [0, 0, 1, 0]
    assert purchases.place.tolist() == [0, 1, 0, 0]
    assert np.diff(purchases.at).tolist() == [0, 0, 86_400]


def test_shuffled_lines_stay_in_their_baskets() -> None:
    purchases = days_of_pairs()

    mixed = purchases.shuffled()

    assert sorted(zip(mixed.user, mixed.item, strict=True)) == sorted(
        zip(purchases.user, purchases.item, strict=True)
    )
    assert mixed.item.tolist() != purchases.item.tolist()


@pytest.mark.parametrize(
    ("delay", "count"),
    [("fresh", 4), ("1 event", 3), ("3 events", 1), ("1 minute", 2), ("1 hour", 1), ("1 day", 0)],
)
def test_a_late_state_lacks_what_is_younger(delay: str, count: int) -> None:
    now = 100_000
    moments = [now - 3_600, now - MINUTE, now - 59, now]

    assert known(now, moments, delay) == count


def test_a_state_later_than_its_user_is_old_knows_nothing() -> None:
    assert known(0, [0], "3 events") == 0
    assert known(0, [0], NO_STATE) == 0


def test_scores_of_a_hand_worked_case() -> None:
    purchases = days_of_pairs(1)
    model = untaught(purchases)

    model.learn(0, np.array([], np.int64))
    model.learn(1, np.array([0]))
    model.learn(2, np.array([1, 0]))

    (scores,) = model.scores([np.array([2, 1])])
    popular = 1e-3  # all three were taken once, so each norm is 1 + 1
    assert scores[0] == pytest.approx((0.5 + 0.5 * 1) / 4 + popular)  # by 2, and by the older 1
    assert scores[1] == pytest.approx(1 / 4 + popular)
    assert scores[2] == pytest.approx(0.5 * 1 / 4 + popular)


def test_counts_halve_in_a_half_life() -> None:
    purchases = days_of_pairs(1)
    model = untaught(purchases, replace(PLAIN, half_life_days=1))

    model.learn(0, np.array([], np.int64))
    model.pass_time(86_400)
    model.learn(1, np.array([], np.int64))

    assert model.taken[0] / model.taken[1] == pytest.approx(0.5)


def test_texts_and_repeats_count_by_their_weight() -> None:
    similar = np.array([[1, 0.5], [0.5, 1]], np.float32)
    model = ShopModel(similar, replace(PLAIN, text=2))

    (scores,) = model.scores([np.array([0])])

    assert scores.tolist() == [2, 1]


def test_the_replay_learns_the_pattern_and_a_late_state_misses_it() -> None:
    purchases = days_of_pairs()

    replayed = replay(purchases, untaught(purchases))

    late_in_the_log = replayed.place[-1]  # the second item of a basket
    assert late_in_the_log[DELAYS.index("fresh")] == 1
    assert late_in_the_log[DELAYS.index("1 event")] > 1
    assert late_in_the_log[DELAYS.index("1 minute")] > 1


def test_a_purchase_is_predicted_before_it_is_learned() -> None:
    purchases = days_of_pairs(1)

    replayed = replay(purchases, untaught(purchases))

    assert replayed.place[0].tolist() == [6.5] * len(DELAYS)  # 12 items, all alike


def test_what_is_in_the_basket_is_not_recommended_again() -> None:
    twice = Purchases(
        np.zeros(3, np.int64), np.array([0, 1, 2]), np.zeros(3, np.int64), np.arange(3), ("a",) * 3
    )

    replayed = replay(twice, untaught(twice, replace(PLAIN, text=1)))

    assert replayed.place[2].tolist() == [1] * len(DELAYS)  # the only item that is left


def test_the_newest_item_says_most() -> None:
    pairs = [(0, 1), (2, 3)]  # two users teach them; the third takes 0, then 2, then one of each
    user = np.array([0, 0, 1, 1, 2, 2, 2])
    item = np.array([*pairs[0], *pairs[1], 0, 2, 3])
    log = Purchases(user, item, np.arange(7) * MINUTE, np.zeros(7, np.int64), tuple("abcdefg"))

    replayed = replay(log, untaught(log))

    assert replayed.place[-1, DELAYS.index("fresh")] == 1


def test_all_is_learned_whatever_is_predicted() -> None:
    purchases = days_of_pairs()

    every, some = (replay(purchases, untaught(purchases), every=n) for n in (1, 10))

    assert len(some.event) < len(every.event) == len(purchases)
    shared = np.isin(every.event, some.event)
    assert (every.place[shared] == some.place).all()
    assert (purchases.place[some.event] == 0).sum() == 30  # every first of a basket


def test_curves_keep_the_first_of_a_basket_apart_and_say_what_is_lost() -> None:
    purchases = days_of_pairs()

    found = curves(purchases, replay(purchases, untaught(purchases)), after=20)

    assert found[INSIDE]["fresh"].ndcg == 1
    late = found[INSIDE]["1 event"]
    assert late.lost == pytest.approx(1 - late.ndcg)
    assert late.low <= late.lost <= late.high
    assert found[FIRST]["fresh"] == found[FIRST]["1 day"]  # new users: nothing to be late with


def test_the_whole_replay_writes_its_picture_and_its_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    days = pd.date_range("2011-01-01", periods=200, freq="D").repeat(4)
    table = pd.DataFrame(
        {
            "Description": [f"THING {n % 16}" for n in range(800)],
            "Quantity": 1,
            "InvoiceDate": days,
            "UnitPrice": 1.0,
            "CustomerID": np.arange(800) // 4 % 20 + 0.0,
        }
    )
    table.to_parquet(tmp_path / "log.parquet")
    picture = tmp_path / "curve.svg"

    main(
        ["--data", str(tmp_path / "log.parquet"), "--cache", str(tmp_path), "--plot", str(picture)]
    )

    *_, last = capsys.readouterr().out.splitlines()
    assert json.loads(last)["predicted"] == 800
    assert picture.read_text(encoding="utf-8").startswith("<?xml")


def test_a_picture_is_the_same_whenever_it_is_drawn(tmp_path: Path) -> None:
    purchases = days_of_pairs()
    found = curves(purchases, replay(purchases, untaught(purchases)), after=20)

    for name in ("a.svg", "b.svg"):
        plot(found, tmp_path / name)

    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
