"""How often is the judge right? Pairs of models whose order is known, by how much doubt he allows.

    equals     both trained on nine tenths of the users, drawn twice: to be promoted
    fresher    the champion lacks the newest weeks: to be promoted
    poorer     trained on half of the champion's users: to be refused
    poorest    trained on a quarter of them: to be refused
    shuffled   trained on who bought what in disorder: to be refused
    deaf, forgiving, absent    hears no searches, takes complaints for clicks, or knows nothing of
               the visit that somebody is in: to be refused

Without data: planted shops, where there are searches, visits and complaints, too, and models that
do not hear them. The last line is JSON: the share promoted of each kind, by doubt; of planted shops
also without the exams in situations, by the default.
"""

import argparse
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.heads.shops import online_retail
from benchmarks.planted import Flawed, Planted, attentive, deaf, forgiving, plant
from portrait.arrays import Codes
from portrait.dataset.interactions import Interactions
from portrait.evaluation.exam import Exam, set_exam, sit
from portrait.evaluation.judge import judge
from portrait.evaluation.ranking import Scores
from portrait.evaluation.situations import answered
from portrait.evaluation.trial import DEFAULTS, Figures
from portrait.inference.ranker import Ranker
from portrait.model.kinds import KINDS
from portrait.model.recency import Events
from portrait.text.text_encoder import BUNDLED, load_encoder
from portrait.times import DAY_MS
from portrait.training.ranker.co_occurrence import Kind, co_occurrences, neighbours_of, touches

PERIOD = 28 * DAY_MS
DECAY = 0.22  # per event: 0.8 of the one before
GATES = np.ones(KINDS, np.float32)
SHARES = {"equals": 0.9, "poorer": 0.45, "poorest": 0.225}  # of users trained on
ITEMS, PEOPLE, FIRST_SHOP = 300, 250, 101  # of planted shops: the last is a seed
DOUBTS = (0.5, 0.35, 0.2, 0.1, 0.05, 0.02)  # a half: the means alone decide


class Counting:
    """A model of co-occurrence alone: trained in a second, so that many can be judged."""

    def __init__(self, events: Interactions) -> None:
        kind = Kind(co_occurrences(touches(events)), DECAY)
        self._model = neighbours_of([kind], events.items, GATES)
        self._rows = self._model.find(events.items)

    def scores(self, rows: Codes, events: Events) -> Scores:
        """Score every item, (U, N)."""
        known = np.where(rows >= 0, self._rows[rows], -1)
        scores: Scores = self._model.scores(known, events)[:, self._rows]
        return scores


def pairs(exam: Exam, known: Interactions, draws: int) -> Iterator[tuple[str, Figures, Figures]]:
    """Yield champion and challenger by kind."""
    seeds = range(draws)
    sat = {
        (kind, seed): sit(exam, f"{kind} {seed}", Counting(_part(known, share, seed)))
        for kind, share in SHARES.items()
        for seed in seeds
    }
    for seed in seeds:
        champion = sat["equals", seed]
        for other in seeds:
            for kind in SHARES:
                if other != seed:
                    yield kind, champion, sat[kind, other]
        random = np.random.default_rng(seed)
        disorder = replace(known, item=random.permutation(known.item))
        yield "shuffled", champion, sit(exam, "shuffled", Counting(disorder))
    newest = int(known.at.max()) + 1
    whole = sit(exam, "fresher", Counting(known))
    for periods in (1, 2, 3):
        older = Counting(known.before(newest - periods * PERIOD))
        yield "fresher", sit(exam, "stale", older), whole


def planted_pairs(shop: Planted, draws: int) -> Iterator[tuple[str, Figures, Figures]]:
    """Yield champion and challenger by kind, of one shop."""
    seeds = range(draws)
    models = {
        (kind, seed): shop.model(share, 10 * seed + place)
        for place, (kind, share) in enumerate(SHARES.items())
        for seed in seeds
    }
    sat = {(kind, seed): _sat(shop, model) for (kind, seed), model in models.items()}
    for seed in seeds:
        champion, model = sat["equals", seed], models["equals", seed]
        for other in seeds:
            for kind in SHARES:
                if other != seed:
                    yield kind, champion, sat[kind, other]
        yield "deaf", champion, _sat(shop, Flawed(model, deaf))
        yield "forgiving", champion, _sat(shop, Flawed(model, forgiving))
        yield "absent", champion, _sat(shop, Flawed(model, attentive, is_absent_minded=True))


def _sat(shop: Planted, model: Ranker | Flawed) -> Figures:
    figures = sit(shop.exam, "planted", model)
    return replace(figures, situations=answered(shop.situations, model))


def without_situations(figures: Figures) -> Figures:
    """Return what the judge had before there were exams in situations."""
    return replace(figures, situations={})


def _part(known: Interactions, share: float, seed: int) -> Interactions:
    chosen = np.random.default_rng(seed).random(known.users) < share
    return known.where(chosen[known.user])


def promoted(champion: Figures, challenger: Figures) -> Mapping[float, bool]:
    """Return whether the challenger is promoted, by doubt."""
    return {
        doubt: judge(champion, challenger, replace(DEFAULTS, doubt=doubt)).promote
        for doubt in DOUBTS
    }


def main() -> None:
    """Judge them all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="UCI Online Retail as Parquet")
    parser.add_argument("--draws", type=int, default=6)
    parser.add_argument("--shops", type=int, default=4, help="planted ones, without data")
    asked = parser.parse_args()
    trials = [*(_planted(asked.shops, asked.draws) if asked.data is None else _sold(asked))]
    found: dict[str, list[Mapping[float, bool]]] = {}
    before: dict[str, list[bool]] = {}
    changes: dict[str, list[float]] = {}
    for kind, champion, challenger in trials:
        found.setdefault(kind, []).append(promoted(champion, challenger))
        old = judge(without_situations(champion), without_situations(challenger)).promote
        before.setdefault(kind, []).append(old)
        change = challenger.newest.ndcg.mean() / champion.newest.ndcg.mean() - 1
        changes.setdefault(kind, []).append(float(change))
    _print(found, before, changes)


def _sold(asked: argparse.Namespace) -> Iterator[tuple[str, Figures, Figures]]:
    events = online_retail(asked.data).interactions
    end = int(events.at.max()) + 1 - PERIOD
    exam = set_exam(events, [end + place * PERIOD for place in (-3, -2, -1, 0, 1)])
    print(f"questions: {len(exam.newest)} newest, {[len(each) for each in exam.older.values()]}")
    yield from pairs(exam, events.before(end), asked.draws)


def _planted(shops: int, draws: int) -> Iterator[tuple[str, Figures, Figures]]:
    encoder = load_encoder(BUNDLED, threads=1)
    for seed in range(FIRST_SHOP, FIRST_SHOP + shops):
        yield from planted_pairs(plant("en", ITEMS, PEOPLE, seed, encoder), draws)


def _print(
    found: Mapping[str, list[Mapping[float, bool]]],
    before: Mapping[str, list[bool]],
    changes: Mapping[str, list[float]],
) -> None:
    head = "".join(f"{doubt:>8}" for doubt in DOUBTS)
    print(f"{'kind':10}{'pairs':>6}{'NDCG':>8}{head}  without situations")
    shares = {
        kind: {str(doubt): float(np.mean([one[doubt] for one in some])) for doubt in DOUBTS}
        | {"without situations": float(np.mean(before[kind]))}
        for kind, some in found.items()
    }
    for kind, by_doubt in shares.items():
        row = "".join(f"{share:8.2f}" for share in by_doubt.values())
        print(f"{kind:10}{len(found[kind]):6}{np.mean(changes[kind]):+8.1%}{row}")
    print(json.dumps(shares))


if __name__ == "__main__":
    main()
