"""Fitting again with the validation items: what a shop would serve, after all choices are made.

Published rows hold the validation items out of training, and so does the main table. They are the
newest that is known, and say most of what comes next.
"""

from collections.abc import Mapping
from dataclasses import replace

from benchmarks.quality.figures import Figures
from benchmarks.quality.measure import Result, rank
from benchmarks.quality.ours import Ranked, refit
from benchmarks.quality.peer import Lesson, Model, Peer
from benchmarks.quality.sets import RankingSet
from benchmarks.quality.tune import Choice, served
from portrait.evaluation.ranking import ranking_figures


def measure_refitted(
    ranking_set: RankingSet,
    lesson: Lesson,
    peers: Mapping[str, Peer],
    results: Mapping[str, Result],
) -> Figures:
    """Rank the test by one fit of each peer that has seen all but the test."""
    whole = replace(lesson, train=ranking_set.test.histories)
    found: Figures = {}
    for name, peer in peers.items():
        ranking = rank(_refitted(peer, results[name].choice, whole), ranking_set.test)
        found[name] = {
            protocol: ranking_figures(place) for protocol, place in ranking.place.items()
        }
    return found


def _refitted(peer: Peer, choice: Choice, whole: Lesson) -> Model:
    if isinstance(choice.model, Ranked):
        return refit(choice.model, whole)
    return served(peer.fit(whole, choice.fit, 0), choice.serve)
