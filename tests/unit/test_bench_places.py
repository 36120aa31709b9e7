"""The benchmark of places: its shops add up, and what suits is told from what does not."""

import numpy as np

from benchmarks.places import LENGTH, World, figures, learned, lived, ndcg
from portrait.dataset.examination import counts_of, examination


def test_what_came_of_lists_is_what_was_touched_in_them_and_nothing_is_touched_twice() -> None:
    log = lived(World(1, 1, lists=4), 0, users=100)

    touched = log.counts.touched
    held_out = np.count_nonzero(log.last >= 0)
    came_of_lists = np.count_nonzero(log.events.place)
    assert touched.sum() - held_out <= came_of_lists <= touched.sum()
    assert log.counts.shown.sum() == 4 * 100 * LENGTH
    assert (touched <= log.counts.shown).all()
    pairs = np.stack([log.events.user, log.events.item])
    assert np.unique(pairs, axis=1).shape == pairs.shape


def test_the_best_order_has_one_and_what_was_had_is_left_out() -> None:
    gains = np.random.default_rng(0).random((5, 30))
    had = np.zeros((5, 30), np.bool_)
    had[:, :10] = True

    assert ndcg(gains, gains, had) == 1
    assert ndcg(np.where(had, 9, gains), gains, had) == 1
    assert ndcg(-gains, gains, had) < 0.5


def test_a_model_knows_more_than_chance() -> None:
    log = lived(World(1, 1, lists=12), 0, users=150)

    weights = counts_of(examination(log.counts), log.events.place)
    suits, then = figures(log, learned(log, weights, 0))

    by_chance = ndcg(
        np.random.default_rng(0).random(log.suits.shape),
        log.suits,
        np.zeros(log.suits.shape, np.bool_),
    )
    assert suits > 1.5 * by_chance
    assert then > 10 / 500  # what chance finds among the first ten
