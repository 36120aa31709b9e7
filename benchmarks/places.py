"""Labels of lists in a shop whose truth is known: does it help to weigh them by their place?

python -m benchmarks.places [--quick]: prints tables; the last line is JSON

Everybody has tastes. A ranker that is partly wrong makes lists; a thing is touched if its place is
looked at and it suits. Others are found without a list. The behaviour encoder learns from what was
touched, and is asked what suits, and what somebody touches next. Once touched, a thing is in no
list of that person any more.
"""

import argparse
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch

from portrait.arrays import Codes, Doubles, Flags, Floats
from portrait.dataset.examination import PLACES, Counts, counts_of, examination
from portrait.dataset.interactions import Interactions, from_columns
from portrait.dataset.past import newest, seen
from portrait.dataset.sequences import sequences_of
from portrait.evaluation.validation import validation_of
from portrait.events.columns import ACTION_CODE
from portrait.events.event import Action
from portrait.model.behaviour import Behaviour
from portrait.model.recency import Events
from portrait.model.space import unit
from portrait.training.loop.train import Course, train
from portrait.training.ranker.behaviour_encoder import BehaviourEncoder, EncoderShape
from portrait.training.ranker.next_item import NextItem, NextItemLesson

USERS, ITEMS, DIM = 900, 500, 16
LENGTH = 12  # of a list
TURN = 3_600_000  # ms from one list to the next
COURSE = Course(epochs=8, mixed_precision=False)
SHAPE = EncoderShape(dim=32, heads=4)
SEEDS = 4


@dataclass(frozen=True, slots=True)
class World:
    """How lists are made in a shop, and what else people do there."""

    personal: float  # how far lists follow what suits whoever sees them: 1 as far as chance, nearly
    wrong: float  # how far they follow what suits nobody in particular
    organic: float = 0.1  # events without a list, for each of one
    steep: float = 1.0  # a place to this power is how much seldomer it is looked at
    lists: int = 25  # of each user

    @property
    def truth(self) -> Doubles:
        """How likely each place is looked at, (P,)."""
        curve: Doubles = np.arange(1.0, PLACES + 1) ** -self.steep
        return curve


WORLDS = {
    "partly wrong": World(1, 1),
    "very wrong": World(1, 3),
    "never wrong": World(1, 0),
    "not personal": World(0, 1),
    "partly wrong, places matter less": World(1, 1, steep=0.5),
    "partly wrong, half without lists": World(1, 1, organic=1),
    "partly wrong, few lists": World(1, 1, lists=6),
}


@dataclass(frozen=True, slots=True)
class Log:
    """What happened."""

    events: Interactions  # all but the last of each user
    last: Codes  # (U,), the items of those
    counts: Counts
    suits: Doubles  # (U, N), how likely somebody touches a thing that they look at
    texts: Floats  # (N, K)


def main() -> None:
    """Measure, and print tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one seed: two minutes")
    seeds = 1 if parser.parse_args().quick else SEEDS
    torch.set_num_threads(1)
    started = time.monotonic()
    print("NDCG@10 of what suits / of what is touched next; the curve, as parts of the true one")
    worlds = {name: measured(name, world, seeds) for name, world in WORLDS.items()}
    print(json.dumps({"seeds": seeds, **worlds, "seconds": round(time.monotonic() - started)}))


def measured(name: str, world: World, seeds: int) -> dict[str, object]:
    """Train with and without weights in a few shops of a kind."""
    told: list[dict[str, tuple[float, float]]] = []
    curves = []
    for seed in range(seeds):
        log = lived(world, seed)
        curve = examination(log.counts)
        place = log.events.place
        curves.append(curve[:LENGTH] / world.truth[:LENGTH])
        weights = {
            "alike": None,
            "by place": counts_of(curve, place),
            "by the true curve": counts_of(world.truth, place),
        }
        told.append({how: figures(log, learned(log, each, seed)) for how, each in weights.items()})
    means = {
        how: np.mean([each[how] for each in told], axis=0).round(4).tolist() for how in told[0]
    }
    gains = np.array([np.subtract(each["by place"], each["alike"]) for each in told])
    spread = gains.std(axis=0, ddof=1).round(4).tolist() if seeds > 1 else None
    curve = np.mean(curves, axis=0)
    _print(name, means, curve)
    found = {"curve": curve.round(3).tolist(), "gain": gains.mean(axis=0).round(4).tolist()}
    return {**means, **found, "spread of gains": spread}


def _print(name: str, means: Mapping[str, list[float]], curve: Doubles) -> None:
    said = "  ".join(f"{how} {suits:.4f} / {nxt:.4f}" for how, (suits, nxt) in means.items())
    print(f"{name:34}{said}  places 3, 6, 12: {curve[2]:.2f} {curve[5]:.2f} {curve[11]:.2f}")


def lived(world: World, seed: int, users: int = USERS) -> Log:
    """Let everybody see lists, touch what suits them, and find some things without."""
    random = np.random.default_rng(seed)
    texts, suits = _shop(random, users)
    wrong = world.wrong * random.normal(size=ITEMS)
    liked = np.log(suits / (1 - suits))
    had = np.zeros((users, ITEMS), np.bool_)
    counts = Counts(np.zeros((ITEMS, PLACES)), np.zeros((ITEMS, PLACES)))
    rows: list[tuple[Codes, Codes, Codes, Codes]] = []  # user, item, place, at
    for turn in range(world.lists):
        score = world.personal * liked + wrong + random.normal(size=(users, ITEMS))
        shown = np.argsort(np.where(had, np.inf, -score), axis=1)[:, :LENGTH]
        chance = np.take_along_axis(suits, shown, axis=1) * world.truth[:LENGTH]
        who, place = np.nonzero(random.random(chance.shape) < chance)
        item = shown[who, place]
        np.add.at(counts.shown, (shown, np.broadcast_to(np.arange(LENGTH), shown.shape)), 1)
        np.add.at(counts.touched, (item, place), 1)
        had[who, item] = True
        rows.append((who, item, place + 1, turn * TURN + random.integers(TURN // 2, size=len(who))))
        who = np.flatnonzero(random.random(users) < world.organic * len(who) / users)
        lot = np.where(
            had[who], -np.inf, np.log(suits[who]) + random.gumbel(size=(len(who), ITEMS))
        )
        item = lot.argmax(axis=1)
        had[who, item] = True
        rows.append(
            (who, item, 0 * who, turn * TURN + TURN // 2 + random.integers(9, size=len(who)))
        )
    user, item, place, at = (np.concatenate(column) for column in zip(*rows, strict=True))
    events = from_columns(
        user=user,
        item=item,
        action=np.full(len(user), ACTION_CODE[Action.CLICK], np.uint8),
        at=at,
        place=place.astype(np.uint8),
        items=np.arange(1, ITEMS + 1, dtype=np.uint64),
        users=users,
    )
    return _last_held_out(events, counts, suits, texts)


def _last_held_out(events: Interactions, counts: Counts, suits: Doubles, texts: Floats) -> Log:
    """Keep the last event of everybody for the question what is touched next."""
    ends = events.starts[1:]
    some = np.diff(events.starts) > 1
    is_last = np.zeros(len(events), np.bool_)
    is_last[ends[some] - 1] = True
    last = np.full(events.users, -1)
    last[some] = events.item[ends[some] - 1]
    return Log(events.where(~is_last), last, counts, suits, texts)


def _shop(random: np.random.Generator, users: int) -> tuple[Floats, Doubles]:
    """Draw the texts of things, (N, K), and what suits whom, (U, N): two things like theirs."""
    groups = random.normal(size=(20, DIM))
    things = unit(groups[random.integers(20, size=ITEMS)] + 0.8 * random.normal(size=(ITEMS, DIM)))
    texts = things + 0.25 * random.normal(size=things.shape)
    texts = np.c_[texts, np.zeros_like(texts)]  # as many axes as an encoder has, and more
    first, second = random.integers(ITEMS, size=(2, users))
    tastes = unit(things[first] + things[second])
    return unit(texts).astype(np.float32), 1 / (1 + np.exp(4.5 - 7 * tastes @ things.T))


def learned(log: Log, weights: Floats | None, seed: int) -> Behaviour:
    """Train the behaviour encoder, what each event counts given, (E,)."""
    torch.manual_seed(seed)
    touched = np.bincount(log.events.item, minlength=ITEMS).astype(np.float32)
    module = NextItem(BehaviourEncoder(log.texts, touched, SHAPE), temperature=0.1)
    lesson = NextItemLesson(module, sequences_of(log.events, weights), None, 1_536, seed)
    train(lesson, replace(COURSE, seed=seed))
    return module.encoder.exported(log.events.items)


def figures(log: Log, model: Behaviour) -> tuple[float, float]:
    """Return the NDCG@10 of what suits whom, and of what they touched next."""
    users = np.flatnonzero(log.last >= 0)
    asked = validation_of(log.events, users, log.last[users])
    placed = model.items(log.events.items, log.texts)

    def scores(rows: Codes, happened: Events) -> Floats:
        return model.states(placed, rows, happened) @ placed.T

    had = np.zeros((len(users), ITEMS), np.bool_)
    had[seen(log.events, users)] = True
    suiting = ndcg(scores(*newest(log.events, users)), log.suits[users], had)
    then = asked.figures(lambda some: scores(asked.rows[some], asked.events[some]))
    return suiting, then["ndcg@10"]


def ndcg(scores: Floats | Doubles, gains: Doubles, had: Flags, at: int = 10) -> float:
    """Return the gain of the first so many, discounted, beside the best there can be; the mean."""
    discount = 1 / np.log2(np.arange(at) + 2)
    first = np.argsort(np.where(had, np.inf, -scores), axis=1)[:, :at]
    best = -np.sort(np.where(had, 0, -gains), axis=1)[:, :at]
    reached = np.take_along_axis(gains, first, axis=1) @ discount
    return float((reached / (best @ discount)).mean())


if __name__ == "__main__":
    main()
