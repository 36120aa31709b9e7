"""Figures: results as plain numbers, and Portrait compared with the best peer, user by user."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

import numpy as np

from benchmarks.recommend.baskets import Trial
from benchmarks.recommend.measure import Told, repeats_of
from portrait.evaluation.ranking import paired_bootstrap

Figures = dict[str, Any]  # ready for JSON
OURS = "Portrait"  # and what it would be if it knew more of its users


def figures_of(told: Told, seconds: float) -> Figures:
    """Return every figure of one peer: means over the users of whom it can be said."""
    names = [field.name for field in fields(Told) if field.name != "settings"]
    means = {name: round(float(np.nanmean(getattr(told, name))), 4) for name in names}
    return means | {"settings": dict(told.settings), "seconds": round(seconds, 1)}


def set_figures(size: Mapping[str, int], test: Trial) -> Figures:
    """Return the figures of the data themselves."""
    return {
        **size,
        "asked": len(test.user),
        "basket": round(float(test.truth.sum() / len(test.user)), 1),
        "repeats": round(float(np.nanmean(repeats_of(test))), 4),
    }


def against(results: Mapping[str, Told]) -> Figures:
    """Compare Portrait, as the service knows its users and as it might, with the best peer."""
    peers = {name: told for name, told in results.items() if not name.startswith(OURS)}
    best = max(peers, key=lambda name: float(peers[name].ndcg.mean()))
    return {
        ours: {
            "peer": best,
            **{
                name: asdict(
                    paired_bootstrap(getattr(results[ours], name), getattr(peers[best], name))
                )
                for name in ("recall", "ndcg")
            },
        }
        for ours in results
        if ours not in peers
    }
