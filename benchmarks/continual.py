"""Continual learning: is a model that is refreshed as good as one that is trained anew?

    python -m benchmarks.continual --data DIR

Online Retail in order of time: a champion learns the first part; then each period is learned by

    kept         the champion as it was
    new only     fine-tuned on the period alone, at the full learning rate: forgets
    refreshed    as the trainer does it: 1:1 replay, averaged with the champion
    joint        trained anew on everything: the bound, and what it costs

Judged on what everybody took next in the following period (new) and, of users held out of all
learning, in the periods before (old). The last line is JSON: relative changes with 95 % of the
bootstrap over the questions, and the time. A quarter of an hour on one core.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from time import process_time

import numpy as np
import torch

from benchmarks.heads.shops import Shop, online_retail
from portrait.arrays import Flags
from portrait.catalogue.traits import traits_of
from portrait.dataset.examination import PLACES
from portrait.dataset.interactions import Interactions
from portrait.dataset.sequences import sequences_of
from portrait.evaluation.exam import sit
from portrait.evaluation.ranking import PerUser, paired_bootstrap
from portrait.inference.ranker import Ranker
from portrait.model.learned import Learned, untaught
from portrait.model.space import Vectors, fit_space
from portrait.text.text_encoder import load_encoder
from portrait.training.examiner import exam_of
from portrait.training.learner import AGAIN, Plan
from portrait.training.loop.train import train
from portrait.training.material import Counts, Material
from portrait.training.ranker.behaviour_encoder import BehaviourEncoder
from portrait.training.ranker.choose_blend import EVEN, choose_blend
from portrait.training.ranker.fit_ranker import fit_neighbours, fit_ranker, refit_ranker
from portrait.training.ranker.next_item import NextItem, NextItemLesson

BEGINS = (0.0, 0.55, 0.7, 0.85, 1.0)  # of the periods, as shares of the events by time
CHOICES = 0.1  # of the events before each end: what choices are made on, and learned then
COURSE = Plan(Path(), "").course

Train = Callable[[Material, Vectors, Learned], Learned]


@dataclass(frozen=True, slots=True)
class Row:
    """One way to learn one period."""

    period: int
    way: str
    new: PerUser  # NDCG@10 of the following period, of each question
    old: PerUser  # of older periods, of users who were never learned from
    seconds: float  # of CPU: others use the machine, too


def periods_of(shop: Shop, learned: float, seed: int = 0) -> list[Material]:
    """Cut a shop's log into periods.

    Args:
        shop: The log.
        learned: Share of the users to learn from; the others are held out.
        seed: Of the users held out and of those replayed.
    """
    draw = np.random.default_rng(seed)
    events = shop.interactions
    held = draw.random(events.users) >= learned
    at = np.sort(events.at)

    def moment(share: float) -> int:
        return int(at[min(len(at) - 1, round(share * len(at)))])

    periods = []
    new_from = int(at[0])
    for begin, end in pairwise(BEGINS[1:]):
        valid_from = moment(begin - CHOICES)
        periods.append(
            Material(
                events=events.before(moment(end) + 1),
                user_refs=np.arange(events.users, dtype=np.uint64),
                replayed=_replayed(events, held, new_from, valid_from, draw),
                held=held,
                texts=tuple(shop.texts),
                queries=(),
                categories=shop.category_refs,
                traits=traits_of([], events.items),
                examined=np.ones(PLACES),
                begin=int(at[0]),
                new_from=new_from,
                valid_from=valid_from,
                test_from=moment(begin),
                until=moment(end) + 1,
                told=Counts({}, 0, 0, 0, len(events), 0),
            )
        )
        new_from = moment(begin)
    return periods


def _replayed(
    events: Interactions,
    held: Flags,
    new_from: int,
    valid_from: int,
    draw: np.random.Generator,
) -> Flags:
    """Choose whole users whose old events are as many as the new ones."""
    taught = ~held[events.user]
    new = int((taught & (events.at >= new_from) & (events.at < valid_from)).sum())
    old = np.bincount(events.user[taught & (events.at < new_from)], minlength=events.users)
    order = draw.permutation(events.users)
    replayed = np.zeros(events.users, np.bool_)
    replayed[order[np.cumsum(old[order]) <= new]] = True
    return replayed


def kept(material: Material, texts: Vectors, champion: Learned) -> Learned:  # noqa: ARG001 - a way
    """Learn nothing."""
    return champion


def refreshed(material: Material, texts: Vectors, champion: Learned) -> Learned:
    """Learn as the trainer does."""
    course = replace(COURSE, course=AGAIN)
    fitted = fit_ranker(
        material.learned,
        material.validation,
        texts,
        course,
        counted=material.counted,
        champion=champion,
    )
    return refit_ranker(
        fitted,
        material.learned_again,
        texts,
        course,
        counted=material.counted_again,
        champion=champion,
    )


def joint(material: Material, texts: Vectors, champion: Learned) -> Learned:  # noqa: ARG001 - a way
    """Learn everything anew."""
    fitted = fit_ranker(material.counted, material.validation, texts, COURSE)
    return refit_ranker(fitted, material.counted_again, texts, COURSE)


def new_only(material: Material, texts: Vectors, champion: Learned) -> Learned:
    """Fine-tune on the new events alone, at the full learning rate."""
    counted = material.counted
    events = counted.where(counted.at >= material.new_from)
    validation = material.validation
    counts = np.bincount(events.item[events.item >= 0], minlength=len(events.items))
    encoder = BehaviourEncoder(texts, counts.astype(np.float32), COURSE.shape)
    encoder.warm_start(champion.behaviour, events.items)
    lesson = NextItemLesson(
        NextItem(encoder, temperature=COURSE.temperature),
        sequences_of(events),
        validation,
        COURSE.examples,
        0,
    )
    train(lesson, AGAIN)
    neighbours = fit_neighbours(events, texts)
    parts = Learned(encoder.exported(events.items), neighbours, EVEN)
    learned, _ = choose_blend(parts, validation, events.items, texts)
    return learned


WAYS: tuple[tuple[str, Train], ...] = (
    ("kept", kept),
    ("new only", new_only),
    ("refreshed", refreshed),
    ("joint", joint),
)


def compare(periods: Sequence[Material], texts: Vectors) -> list[Row]:
    """Learn period after period, each in every way; the refreshed model is the next champion."""
    champion = joint(periods[0], texts, untaught(texts.shape[1]))
    rows = []
    for number, material in enumerate(periods[1:], start=1):
        exam = exam_of(material)
        following = champion
        for way, learn in WAYS:
            started = process_time()
            learned = learn(material, texts, champion)
            seconds = process_time() - started
            ranker = Ranker.over(learned, material.events.items, texts)
            figures = sit(exam, way, ranker)
            older = np.concatenate([ranks.ndcg for ranks in figures.older.values()])
            rows.append(Row(number, way, figures.newest.ndcg, older, seconds))
            print(line_of(rows[-1]), flush=True)
            if way == "refreshed":
                following = learned
        champion = following
    return rows


def summary(rows: Sequence[Row]) -> dict[str, float]:
    """Return the goals' figures, over all periods: relative changes, with 95 % of the bootstrap."""

    def joined(way: str, figure: str) -> PerUser:
        return np.concatenate([getattr(row, figure) for row in rows if row.way == way])

    def change(name: str, figure: str, ours: str, theirs: str) -> dict[str, float]:
        before = joined(theirs, figure)
        found = paired_bootstrap(joined(ours, figure), before)
        level = float(before.mean())
        return {
            name: found.difference / level,
            f"{name}_low": found.low / level,
            f"{name}_high": found.high / level,
        }

    def seconds(way: str) -> float:
        return sum(row.seconds for row in rows if row.way == way)

    return {
        **change("new_vs_joint", "new", "refreshed", "joint"),
        **change("old_vs_champion", "old", "refreshed", "kept"),
        **change("new_vs_champion", "new", "refreshed", "kept"),
        **change("joint_old_vs_champion", "old", "joint", "kept"),
        **change("new_only_old_vs_champion", "old", "new only", "kept"),
        "time_vs_joint": seconds("refreshed") / seconds("joint"),
    }


def line_of(row: Row) -> str:
    """Write a row of the table."""
    figures = f"new {row.new.mean():.4f}  old {row.old.mean():.4f}"
    return f"{row.period}  {row.way:10}  {figures}  {row.seconds:6.1f} s of CPU"


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.continual",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, help="has online_retail/")
    parser.add_argument("--users", type=float, default=0.8, help="share to learn from")
    parser.add_argument("--seeds", type=int, default=2, help="times to hold other users out")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    shop = online_retail(options.data / "online_retail" / "online_retail.parquet")
    encoder = load_encoder("bundled", threads=options.threads)
    torch.set_num_threads(options.threads)
    embeddings = encoder.encode(shop.texts)
    texts = fit_space(encoder.name, embeddings).place(embeddings)
    rows = []
    for seed in range(options.seeds):
        rows += compare(periods_of(shop, options.users, seed), texts)
    figures = {name: round(value, 4) for name, value in summary(rows).items()}
    print(json.dumps({**figures, "seeds": options.seeds, "threads": options.threads}))


if __name__ == "__main__":
    main()
