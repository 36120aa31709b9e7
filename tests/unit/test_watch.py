"""The watch: a planted regression is called, chance is not."""

import numpy as np
import pytest

from portrait.arrays import Doubles, Flags
from portrait.monitoring.watch import DEFAULTS, Limits, Live, Promise, promised, regression

PROMISE = Promise(hit_rate=0.15, ece={"churn_risk": 0.02})


def hits(seed: int, count: int, rate: float) -> Flags:
    flags: Flags = np.random.default_rng(seed).random(count) < rate
    return flags


def outcomes(seed: int, count: int, bias: float = 0.0) -> tuple[Doubles, Flags]:
    """Return probabilities, and what happens if they are too low by `bias`."""
    random = np.random.default_rng(seed)
    predicted = random.beta(1, 6, count)
    return predicted, random.random(count) < np.clip(predicted + bias, 0, 1)


def looks(seed: int, rate: float, *, times: int = 200, each: int = 50) -> str | None:
    """Watch in small steps, as the trainer does, and return the first alarm."""
    live = Live()
    for step in range(times):
        live = live.seen(hits(seed * 1_000 + step, each, rate))
        reason = regression(PROMISE, live)
        if reason is not None:
            return reason
    return None


def test_before_anything_is_counted_there_is_no_regression() -> None:
    assert regression(PROMISE, Live()) is None


def test_a_model_that_keeps_its_promise_is_never_rolled_back() -> None:
    assert [looks(seed, 0.15) for seed in range(40)] == [None] * 40


def test_a_drop_within_the_tolerance_is_tolerated_however_long_it_is_watched() -> None:
    assert [looks(seed, 0.136) for seed in range(40)] == [None] * 40


def test_a_planted_regression_is_called_with_its_figures() -> None:
    alarms = [looks(seed, 0.05) for seed in range(20)]

    assert None not in alarms
    assert alarms[0] is not None
    assert alarms[0].startswith("The hit rate is 0.0")
    assert alarms[0].endswith("predictions; 0.1500 was promised, 0.1350 is tolerated.")


@pytest.mark.parametrize(("rate", "most"), [(0.0, 500), (0.05, 1_000), (0.1, 4_500)])
def test_the_worse_it_is_the_sooner_it_is_called(rate: float, most: int) -> None:
    for seed in range(5):
        flags = hits(seed, most, rate)

        assert regression(PROMISE, Live().seen(flags)) is not None


def test_a_high_promise_is_watched_too() -> None:
    promise = Promise(hit_rate=0.95)

    assert regression(promise, Live().seen(hits(1, 3_000, 0.9))) is None
    assert regression(promise, Live(trials=500, hits=382)) is None  # misses come in bursts
    assert regression(promise, Live().seen(hits(1, 3_000, 0.7))) is not None


def test_counting_in_parts_is_counting_at_once() -> None:
    flags, (predicted, outcome) = hits(1, 900, 0.2), outcomes(2, 900)
    parts = Live()
    for at in range(0, 900, 90):
        here = slice(at, at + 90)
        parts = parts.seen(flags[here]).happened("churn_risk", predicted[here], outcome[here])

    whole = Live().seen(flags).happened("churn_risk", predicted, outcome)

    assert (parts.trials, parts.hits) == (whole.trials, whole.hits)
    np.testing.assert_allclose(parts.bins["churn_risk"], whole.bins["churn_risk"])
    assert parts.as_figures() == pytest.approx(whole.as_figures())


def test_the_counters_survive_a_restart() -> None:
    live = Live().seen(hits(1, 90, 0.2)).happened("churn_risk", *outcomes(2, 900))

    assert Live.model_validate_json(live.model_dump_json()) == live


def test_a_calibrated_head_is_left_alone() -> None:
    alarms = [
        regression(PROMISE, Live().happened("churn_risk", *outcomes(seed, count)))
        for seed in range(20)
        for count in (DEFAULTS.least_outcomes, 5_000)
    ]

    assert alarms == [None] * 40


def test_the_noise_of_a_calibrated_head_is_known_not_tolerated() -> None:
    perfect, strict = Promise(hit_rate=0.1, ece={"churn_risk": 0.0}), Limits(ece_rise=0.0)

    alarms = [
        regression(perfect, Live().happened("churn_risk", *outcomes(seed, count)), strict)
        for seed in range(20)
        for count in (DEFAULTS.least_outcomes, 5_000)
    ]

    assert alarms == [None] * 40


def test_a_head_that_has_gone_off_is_called() -> None:
    live = Live().happened("churn_risk", *outcomes(1, 5_000, bias=0.12))

    reason = regression(PROMISE, live)

    assert reason is not None
    assert reason.startswith("churn_risk is off by 0.1")


def test_few_outcomes_and_heads_without_a_promise_say_nothing() -> None:
    off = outcomes(1, 5_000, bias=0.3)
    few = (off[0][: DEFAULTS.least_outcomes - 1], off[1][: DEFAULTS.least_outcomes - 1])

    assert regression(PROMISE, Live().happened("other", *off)) is None
    assert regression(PROMISE, Live().happened("churn_risk", *few)) is None
    assert regression(PROMISE, Live().happened("churn_risk", *off)) is not None


def test_the_error_shown_is_the_mean_gap() -> None:
    predicted = np.array([0.25, 0.25, 0.95, 0.95])
    outcome = np.array([True, False, True, True])

    figures = Live().happened("a", predicted, outcome).as_figures()

    assert figures["live_ece/a"] == pytest.approx(0.5 * 0.25 + 0.5 * 0.05)


def test_what_is_promised_is_the_formers_rate_less_a_loss_the_judge_saw() -> None:
    assert promised(0.2, 0.10, 0.12) == 0.2
    assert promised(0.2, 0.10, 0.099) == pytest.approx(0.198)
    assert promised(0.2, 0.0, 0.1) == 0.2


def test_who_tolerates_less_is_warned_sooner() -> None:
    live = Live().seen(hits(1, 40_000, 0.139))

    assert regression(PROMISE, live) is None
    assert regression(PROMISE, live, Limits(hit_drop=0.0)) is not None
