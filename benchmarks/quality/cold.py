"""The cold test: items that training never saw, and whether they reach users.

One item in twenty leaves the training altogether. Whoever took one as their last or last but one
item is asked for it, with every other item in the ranking. What that costs the others is told, too:
whose last item is known is asked for it among the same items.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.quality.counting import Popular
from benchmarks.quality.figures import Figures
from benchmarks.quality.measure import Result
from benchmarks.quality.peer import Lesson, Model, Peer
from benchmarks.quality.sets import RankingSet, Trial
from benchmarks.quality.tune import CUTOFF, masked_ranks, served, user_chunks
from portrait.arrays import Codes
from portrait.evaluation.ranking import ranking_figures, top_items

SHARE = 0.05


@dataclass(frozen=True, slots=True)
class ColdTest:
    """What is learned from, and what is asked."""

    lesson: Lesson  # without the items held out
    held: Codes  # items, ascending
    trials: tuple[Trial, ...]  # targets are all held out; repeats are left out
    everybody: Trial  # the whole test

    @property
    def known(self) -> Trial:
        """The questions of the test whose targets are not held out."""
        targets = self.everybody.targets
        return self.everybody.of(np.flatnonzero(~np.isin(targets, self.held)))


def cold_test(ranking_set: RankingSet, lesson: Lesson, seed: int = 0) -> ColdTest:
    """Hold items out, drawn evenly."""
    items = len(ranking_set.ids)
    drawn = np.random.default_rng(seed).permutation(items)[: max(1, round(SHARE * items))]
    held = np.sort(drawn)
    train, valid = lesson.train, lesson.valid
    known = train.where(~np.isin(train.flat, held))
    answerable = np.flatnonzero(~np.isin(valid.targets, held) & (known.lengths > 0))
    return ColdTest(
        lesson=replace(lesson, train=known, valid=Trial(known, valid.targets).of(answerable)),
        held=held,
        trials=tuple(_asking_for(trial, held) for trial in (valid, ranking_set.test)),
        everybody=ranking_set.test,
    )


def measure_cold(
    ranking_set: RankingSet, lesson: Lesson, peers: Mapping[str, Peer], results: list[Result]
) -> Figures:
    """Fit some peers again without the items held out, with the settings they chose before."""
    test = cold_test(ranking_set, lesson)
    models: dict[str, Model] = {
        result.name: served(
            peers[result.name].fit(test.lesson, result.choice.fit, 0), result.choice.serve
        )
        for result in results
        if result.name in peers
    }
    true_counts = lesson.train.counts(lesson.items)
    models["Pop, counting what was held out"] = Popular(true_counts)
    return {
        "items_held_out": len(test.held),
        "questions": sum(len(trial.targets) for trial in test.trials),
        "models": {"chance": _chance(test)} | {n: _figures(m, test) for n, m in models.items()},
    }


def _asking_for(trial: Trial, held: Codes) -> Trial:
    rows, items = trial.histories.pairs
    repeated = np.zeros(len(trial.targets), np.bool_)
    repeated[rows[items == trial.targets[rows]]] = True
    return trial.of(np.flatnonzero(np.isin(trial.targets, held) & ~repeated))


def _figures(model: Model, test: ColdTest) -> Figures:
    place = np.concatenate([masked_ranks(model, trial) for trial in test.trials])
    found = ranking_figures(place)
    known = ranking_figures(masked_ranks(model, test.known))
    return {
        **{name: found[name] for name in ("hr@10", "hr@50", "ndcg@10")},
        **{f"known_{name}": known[name] for name in ("hr@10", "ndcg@10")},
        "share_of_first_ten": float(np.isin(_first_ten(model, test.everybody), test.held).mean()),
    }


def _first_ten(model: Model, trial: Trial) -> Codes:
    parts = (trial.of(rows) for rows in user_chunks(trial))
    return np.concatenate(
        [top_items(model.scores(p.histories), CUTOFF, p.histories.pairs) for p in parts]
    )


def _chance(test: ColdTest) -> Figures:
    """Return what an even draw among the items that a user does not have would find."""
    left = np.concatenate(
        [
            test.lesson.items - np.bincount(t.histories.pairs[0], minlength=len(t.targets))
            for t in test.trials
        ]
    )
    discounts = 1 / np.log2(np.arange(2, CUTOFF + 2))
    hit, gain = float((10 / left).mean()), float((discounts.sum() / left).mean())
    return {
        "hr@10": hit,
        "hr@50": float((50 / left).mean()),
        "ndcg@10": gain,
        "known_hr@10": hit,
        "known_ndcg@10": gain,
        "share_of_first_ten": len(test.held) / test.lesson.items,
    }
