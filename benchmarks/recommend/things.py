"""One shop's item pages and carts: every peer on the same questions, as figures.

Of a large shop the things bought most, so that every pair of them can be counted.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from benchmarks.heads.shops import Shop
from benchmarks.quality.texts import text_vectors
from benchmarks.recommend.about import AboutTold, answer
from benchmarks.recommend.baskets import baskets_of, trial_of
from benchmarks.recommend.figures import OURS, Figures
from benchmarks.recommend.narrow import Narrow
from benchmarks.recommend.pairs import CONFIDENCE, COSINE, AboutPeer, Alike, Popular
from portrait.arrays import MISSING, Floats, Rows
from portrait.catalogue.names import Paths
from portrait.catalogue.traits import Traits, levels_of, tops_of
from portrait.dataset.interactions import Interactions
from portrait.evaluation.ranking import paired_bootstrap
from portrait.inference.parts import OF_THINGS, Part

SIMILAR, TOGETHER = frozenset[Part]({"similar"}), frozenset[Part]({"together"})
MOST_ITEMS = 4_000  # bought most before anything is asked


def about_things(shop: Shop, surfaces: Sequence[str], cache: Path) -> Figures:
    """Measure every peer on each of the surfaces."""
    events, rows = _bought_most(shop.interactions)
    texts, names = [shop.texts[row] for row in rows], [shop.categories[row] for row in rows]
    vectors = text_vectors(texts, cache, threads=1)
    traits = _traits(names, _prices(events))
    known = events, vectors, traits
    baskets = baskets_of(events)
    valid, test = trial_of(baskets, 2), trial_of(baskets, 1)
    peers: list[AboutPeer] = [
        Popular(),
        CONFIDENCE,
        COSINE,
        Alike(vectors),
        Narrow(f"{OURS}, similar", *known, SIMILAR),
        Narrow(f"{OURS}, what people touch next", *known, TOGETHER, by_orders=False),
        Narrow(f"{OURS}, together", *known, TOGETHER),
        Narrow(OURS, *known, OF_THINGS),
    ]
    found = {}
    for surface in surfaces:
        told: dict[str, AboutTold] = {}
        seconds: dict[str, float] = {}
        for peer in tqdm(peers, f"{shop.name}, {surface}", disable=None):
            started = time.perf_counter()
            told[peer.name] = answer(peer, surface, valid, test)
            seconds[peer.name] = time.perf_counter() - started
        found[surface] = {
            "asked": len(told[OURS].ndcg),
            "items": len(events.items),
            "peers": {name: _figures(each, seconds[name]) for name, each in told.items()},
            "against": _against(told),
        }
    return found


def _bought_most(events: Interactions) -> tuple[Interactions, Rows]:
    """Return what happened to the items most bought before all that is asked, in order of refs."""
    before = trial_of(baskets_of(events), 2).before
    counts = np.bincount(before.item, minlength=len(events.items))
    most = np.argsort(-counts, kind="stable")[:MOST_ITEMS]
    rows = most[np.argsort(events.items[most])]
    row_of = np.full(len(events.items) + 1, MISSING)
    row_of[rows] = np.arange(len(rows))
    kept = events.where(row_of[events.item] != MISSING)
    return replace(kept, item=row_of[kept.item], items=events.items[rows]), rows


def _prices(events: Interactions) -> Floats:
    """Return what each item cost last, (N,)."""
    prices = np.zeros(len(events.items), np.float32)
    order = np.argsort(events.at, kind="stable")
    prices[events.item[order]] = np.maximum(events.price[order], 0)
    return prices


def _traits(names: Sequence[str], prices: Floats) -> Traits:
    paths = Paths()
    category = np.array([paths.code(name) if name else MISSING for name in names], np.int64)
    return Traits(category, levels_of(category, prices), tops_of(paths))


def _figures(told: AboutTold, seconds: float) -> Figures:
    return {
        "hit": round(float(told.hit.mean()), 4),
        "ndcg": round(float(told.ndcg.mean()), 4),
        "settings": dict(told.settings),
        "seconds": round(seconds, 1),
    }


def _against(told: dict[str, AboutTold]) -> Figures:
    """Compare Portrait with the best of the others, user by user."""
    peers = {name: each for name, each in told.items() if not name.startswith(OURS)}
    best = max(peers, key=lambda name: float(peers[name].ndcg.mean()))
    ours, theirs = told[OURS], peers[best]
    return {
        "peer": best,
        "hit": asdict(paired_bootstrap(ours.hit, theirs.hit)),
        "ndcg": asdict(paired_bootstrap(ours.ndcg, theirs.ndcg)),
    }
