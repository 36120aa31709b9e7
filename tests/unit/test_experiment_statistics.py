"""The statistics of experiments: false alarms, power, intervals, where the truth is known."""

from math import exp, inf
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.experiments.__main__ import (
    conversion_needs,
    counts_alarm,
    draft_alarm,
    draft_needs,
    one_look,
    ratio_alarm,
    revenue_alarms,
)
from benchmarks.experiments.choices import valued
from portrait.experiments.assignment import is_ramped, is_within, place_of, variant_of
from portrait.experiments.counts import ALPHA, lift_of, log_evidence, ratio_p, share_bounds
from portrait.experiments.interleaving import team_draft
from portrait.experiments.means import LEAST, Sums, mean_lift_of
from portrait.experiments.off_policy import cross_fitted, doubly_robust
from portrait.experiments.thompson import FLOOR, chances, choose

RUNS = 1_000
ALLOWED = 0.05
names = st.text(min_size=1, max_size=20)
counts = st.integers(0, 5_000)


def test_a_thousand_experiments_without_difference_raise_few_alarms_however_often_one_looks() -> (
    None
):
    alarms = [counts_alarm(run, 1_500, 0.1) for run in range(RUNS)]

    ours, usual = np.mean(alarms, axis=0)

    assert ours <= ALLOWED
    assert usual > 3 * ALLOWED  # the same looks, by a test that is meant for one


def test_a_thousand_experiments_without_difference_in_revenue_raise_few_alarms() -> None:
    assert np.mean([revenue_alarms(run, 1_500, looks=60) for run in range(RUNS)]) <= ALLOWED


def test_a_right_assignment_is_seldom_called_wrong_and_a_wrong_one_is() -> None:
    assert np.mean([ratio_alarm(run, 1_000) for run in range(200)]) <= ALLOWED
    assert all(ratio_alarm(run, 5_000, split=0.45) for run in range(10))


def test_two_equal_rankings_are_seldom_told_apart_and_a_better_one_is_preferred() -> None:
    assert np.mean([draft_alarm(run, 400) for run in range(200)]) <= ALLOWED
    needed = [draft_needs(run, 5_000, 0.2) for run in range(10)]
    assert all(lists is not None and lists < 2_000 for lists in needed)


@pytest.mark.parametrize(("rate", "lift"), [(0.1, 0.2), (0.02, 0.2)])
def test_a_lift_is_seen_within_twice_as_many_as_one_look_needs(rate: float, lift: float) -> None:
    fixed = one_look(rate, lift)

    needed = np.array([conversion_needs(run, 3 * fixed, rate, lift) for run in range(40)])

    assert (needed <= 3 * fixed).mean() >= 0.85
    assert np.median(needed) < 2 * fixed


def test_off_policy_intervals_hold_the_truth() -> None:
    held = [value.low <= truth <= value.high for value, truth in map(valued, range(RUNS))]

    assert np.mean(held) >= 0.93


@given(counts, counts, st.floats(0.05, 0.95))
def test_an_interval_leaves_out_no_lift_exactly_if_the_evidence_is_against_it(
    variant: int, control: int, chance: float
) -> None:
    told = lift_of(variant, control, chance)

    is_against = log_evidence(variant, variant + control, chance, chance) >= -np.log(ALPHA)
    assert is_against == (not told.low < 0 < told.high)
    assert told.low <= (inf if told.lift is None else told.lift) <= told.high or not variant


def test_shares_that_are_refused_are_those_beyond_the_bounds() -> None:
    low, high = share_bounds(30, 80, 0.5, ALPHA)

    for share in np.linspace(0.01, 0.99, 197).tolist():
        refused = log_evidence(30, 80, share, 0.5) >= -np.log(ALPHA)
        assert refused == (not low <= share <= high)


def test_evidence_of_three_throws_by_hand() -> None:
    # The prior Beta(200, 200): 200/400 * 201/401 * 202/402 for three hits, against 1/8.
    assert exp(log_evidence(3, 3, 0.5, 0.5)) == pytest.approx(
        200 / 400 * 201 / 401 * 202 / 402 * 8, rel=1e-9
    )
    assert ratio_p((0, 0, 0), (0.2, 0.3, 0.5)) == 1


def test_of_few_who_spend_nothing_is_said() -> None:
    few, many = Sums(1_000, LEAST - 1, 5_000, 1e6), Sums(1_000, 500, 5_000, 1e5)

    told = mean_lift_of(few, many)

    assert (told.low, told.high, told.p) == (-1, inf, 1)


def test_what_everybody_spends_more_of_is_seen() -> None:
    control = Sums(20_000, 10_000, 20_000, 60_000)
    variant = Sums(20_000, 10_000, 24_000, 80_000)

    told = mean_lift_of(variant, control)

    assert told.lift == pytest.approx(0.2)
    assert 0 < told.low < 0.2 < told.high
    assert told.p < ALPHA


@given(names, st.lists(names, min_size=1, max_size=50, unique=True), st.floats(0, 1))
def test_a_growing_ramp_only_adds_people(experiment: str, people: list[str], ramp: float) -> None:
    before = {who for who in people if is_ramped(experiment, ramp, who)}
    after = {who for who in people if is_ramped(experiment, min(1, ramp + 0.1), who)}

    assert before <= after


def test_assignment_is_even_and_independent_of_other_experiments() -> None:
    people = [f"user-{number}" for number in range(20_000)]
    split = {"a": 0.3, "b": 0.7}

    first = np.array([variant_of("one", split, who) == "a" for who in people])
    second = np.array([variant_of("two", split, who) == "a" for who in people])
    ramped = np.array([is_ramped("one", 0.5, who) for who in people])

    assert first.mean() == pytest.approx(0.3, abs=0.015)
    assert (first & second).mean() == pytest.approx(0.09, abs=0.01)
    assert first[ramped].mean() == pytest.approx(0.3, abs=0.02)


def test_experiments_of_one_layer_share_nobody() -> None:
    people = [f"user-{number}" for number in range(2_000)]

    both = [(is_within("l", (0, 0.4), who), is_within("l", (0.4, 1), who)) for who in people]

    assert all(one != other for one, other in both)


def test_places_do_not_change_between_versions() -> None:
    assert place_of("salt", "user-1") == pytest.approx(0.4070014, abs=1e-7)


@given(st.permutations(range(12)), st.permutations(range(6, 18)), st.integers(0, 30), st.integers())
def test_a_team_draft_has_each_item_once_and_as_many_picks_of_both(
    first: list[int], second: list[int], most: int, seed: int
) -> None:
    drawn = team_draft(first, second, most, Random(seed))  # noqa: S311 - a coin

    items = [item for item, _ in drawn]
    assert len({*items}) == len(items) == min(most, 18)
    for end in range(0, min(len(items), 12), 2):  # both still have their best
        teams = [team for _, team in drawn[:end]]
        assert teams.count(0) == teams.count(1)


def test_the_logged_chance_is_the_chance_of_the_choice() -> None:
    random = np.random.default_rng(0)
    trials, successes = np.array([100, 100, 100]), np.array([2, 5, 20])

    chosen = [choose(trials, successes, random) for _ in range(4_000)]

    weights = [sum(1 / each.propensity for each in chosen if each.arm == arm) for arm in range(3)]
    assert np.array(weights) / 4_000 == pytest.approx(np.ones(3), abs=0.25)
    assert min(chances(trials, successes, random)) >= FLOOR
    assert chances(trials, successes, random).sum() == pytest.approx(1)


def test_a_model_that_is_right_needs_no_luck() -> None:
    actions, wanted = np.array([0, 1, 0, 1]), np.full((4, 2), 0.5)
    foreseen = np.tile([0.2, 0.6], (4, 1))

    told = doubly_robust(
        actions, foreseen[np.arange(4), actions], np.full(4, 0.1), wanted, foreseen
    )

    assert told == pytest.approx((0.4, 0.4, 0.4))


def test_no_case_is_foreseen_by_its_own_reward() -> None:
    actions, groups = np.zeros(6, np.int64), np.zeros(6, np.int64)
    rewards = np.array([1.0, 0, 1, 0, 1, 0])

    foreseen = cross_fitted(actions, rewards, groups, 1)

    assert foreseen[::2, 0] == pytest.approx(np.zeros(3))
    assert foreseen[1::2, 0] == pytest.approx(np.ones(3))
