"""Turns: when a history has changed, and how seldom that is said of one that has not."""

from math import comb, exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portrait.opinions.turns import BUCKETS, PATIENCE, REMEMBERED_MS, Bucket, History, _foretold
from portrait.times import DAY_MS, HOUR_MS
from tests.support.reviewers import drawn

LEAST = 0.08


def history(*stretches: tuple[int, float], seed: int = 0) -> History:
    """Return a history of so many texts with such a share each, one an hour."""
    random, made = drawn(seed), History()
    texts = [share for count, share in stretches for _ in range(count)]
    for number, share in enumerate(texts):
        made.add(number * HOUR_MS, is_hit=random.random() < share)
    return made


@pytest.mark.parametrize("share", [0.001, 0.01, 0.05, 0.15, 0.3, 0.5, 0.9])
@pytest.mark.parametrize(("before", "after"), [(1, 1), (5, 5), (20, 20), (100, 10), (60, 60)])
def test_the_mean_evidence_where_nothing_changes_stays_below_three(
    share: float, before: int, after: int
) -> None:
    """Summed over all outcomes, as the docstring of the module says."""
    mean = sum(
        comb(before, a)
        * comb(after, b)
        * share ** (a + b)
        * (1 - share) ** (before + after - a - b)
        * exp(_foretold(a, before) + _foretold(b, after) - _foretold(a + b, before + after))
        for a in range(before + 1)
        for b in range(after + 1)
    )

    assert mean < 3


def test_the_estimator_foretells_all_outcomes_with_a_sum_of_one() -> None:
    assert sum(comb(9, h) * exp(_foretold(h, 9)) for h in range(10)) == pytest.approx(1)


@pytest.mark.parametrize("seed", range(4))
def test_a_turn_is_found_and_dated(seed: int) -> None:
    found = history((1_000, 0.15), (200, 0.5), seed=seed).turn(LEAST)

    assert found is not None
    assert found.is_rise
    assert abs(found.since / HOUR_MS - 1_000) < 70
    assert found.evidence > 7


def test_the_bounds_of_when_it_began_hold_nineteen_times_in_twenty() -> None:
    """Asked after every text, as the worker asks, and told at the first moment that it can be."""
    began, held, widths = 400, 0, []

    for seed in range(80):
        random, made, found, number = drawn(seed), History(), None, 0
        while found is None:
            made.add(number * HOUR_MS, is_hit=random.random() < (0.15 if number < began else 0.5))
            found, number = made.turn(LEAST) if number > began else None, number + 1
        held += found.not_before <= began * HOUR_MS <= found.not_after
        widths.append((found.not_after - found.not_before) / HOUR_MS)
        assert found.not_before <= found.since <= found.not_after < number * HOUR_MS

    assert held >= 76  # of 80: nineteen in twenty
    assert sum(widths) / len(widths) < 72  # hours: narrow enough to help


def test_chance_complaints_before_a_turn_do_not_put_it_outside_of_its_bounds() -> None:
    """The bad batch of the Chinese demo, from day 52.5 on; half of the dozen texts before blame."""
    parts = [
        *((32, 3, 0), (16, 2, 13), (16, 2, 20), (16, 1, 28), (8, 0, 36), (8, 0, 40), (8, 2, 43.7)),
        *((4, 2, 47.6), (4, 2, 49.9), (4, 2, 51.9), (4, 2, 52.8), (2, 2, 53.3), (2, 2, 53.7)),
        *((2, 2, 53.8), (1, 1, 54), (1, 1, 54), (1, 1, 54.3), (1, 1, 54.6)),
    ]
    made = History([Bucket(texts, hits, round(day * DAY_MS)) for texts, hits, day in parts])

    found = made.turn(LEAST)

    assert found is not None
    assert found.not_before <= 52.5 * DAY_MS <= found.not_after


@given(
    st.lists(st.tuples(st.integers(20, 200), st.floats(0, 1)), min_size=2, max_size=5),
    st.integers(0, 30),
    st.integers(0, 48),
)
def test_it_began_within_its_bounds_however_a_history_drifts(
    stretches: list[tuple[int, float]], seed: int, late: int
) -> None:
    random, made = drawn(seed), History()
    texts = [share for count, share in stretches for _ in range(count)]

    for number, share in enumerate(texts):
        hours = max(0, number - random.randrange(late + 1))  # some come later than others
        made.add(hours * HOUR_MS, is_hit=random.random() < share)
        found = made.turn(LEAST, patience=100)
        if found is not None:
            assert found.not_before <= found.since <= found.not_after


@pytest.mark.parametrize("share", [0.0, 0.02, 0.2, 0.5])
def test_a_history_that_does_not_change_has_no_turn(share: float) -> None:
    random, made = drawn(1), History()

    for number in range(4_000):
        made.add(number * HOUR_MS, is_hit=random.random() < share)
        assert made.turn(LEAST) is None


def test_a_smaller_change_than_is_asked_for_is_none() -> None:
    assert history((4_000, 0.10), (4_000, 0.17)).turn(LEAST) is None
    assert history((4_000, 0.10), (4_000, 0.17)).turn(0.02) is not None


def test_what_always_swings_has_no_turn() -> None:
    """Days of 64 texts, good and bad ones: by chance alone each would be a turn."""
    random, made = drawn(3), History()
    for day in range(120):
        share = random.choice([0.05, 0.15, 0.35])
        for number in range(64):
            made.add(day * DAY_MS + number, is_hit=random.random() < share)
            assert made.turn(LEAST) is None


def test_after_a_turn_what_came_after_it_is_what_is_usual() -> None:
    made = history((1_000, 0.1), (200, 0.6))
    found = made.turn(LEAST)
    assert found is not None

    made.begin_at(found.since)

    assert made.turn(LEAST) is None
    assert made.buckets[0].since == found.since


@given(st.lists(st.booleans(), max_size=400))
def test_buckets_keep_every_text_in_few_numbers(hits: list[bool]) -> None:
    made = History()

    for number, is_hit in enumerate(hits):
        made.add(number, is_hit=is_hit)

    assert sum(bucket.texts for bucket in made.buckets) == len(hits)
    assert sum(bucket.hits for bucket in made.buckets) == sum(hits)
    sizes = [bucket.texts for bucket in made.buckets]
    assert sizes == sorted(sizes, reverse=True)
    assert all(sizes.count(size) <= BUCKETS for size in sizes)


def test_before_there_is_a_week_of_it_a_history_has_no_turn() -> None:
    assert history((140, 0.0), (27, 1.0)).turn(LEAST) is None
    assert history((170, 0.0), (27, 1.0)).turn(LEAST) is not None


def test_what_is_older_than_a_year_is_forgotten() -> None:
    made = History()
    made.add(0, is_hit=True)

    made.add(REMEMBERED_MS + 1, is_hit=False)

    assert made.buckets == [Bucket(1, 0, REMEMBERED_MS + 1)]


@given(st.integers(0, 30), st.floats(0, 1), st.floats(0, 1), st.integers(5, 300))
def test_chi_squared_leaves_no_candidate_out_that_would_suffice(
    seed: int, before: float, after: float, texts: int
) -> None:
    """As it is said in `turn`: log E is not above it."""
    random = drawn(seed)
    one = sum(random.random() < before for _ in range(texts))
    other = sum(random.random() < after for _ in range(60))
    whole, hits = texts + 60, one + other
    evidence = _foretold(one, texts) + _foretold(other, 60) - _foretold(hits, whole)
    spread = hits * (whole - hits) / whole

    assert evidence * spread <= (one / texts - other / 60) ** 2 * texts * 60 + 1e-9


def test_patience_is_what_the_evidence_has_to_reach() -> None:
    made = history((1_000, 0.15), (120, 0.4))

    loose, strict = made.turn(LEAST, patience=10), made.turn(LEAST, patience=1e30)

    assert loose is not None
    assert strict is None
    assert PATIENCE >= 1e6
