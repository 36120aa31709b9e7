"""Who is served how well: hits and heads by income, age and activity."""

from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from benchmarks.heads.shops import Shop
from benchmarks.heads.states import TextStates
from portrait.arrays import MISSING, Codes
from portrait.dataset.history import Anchors, History
from portrait.dataset.interactions import NO_ITEM, Interactions
from portrait.dataset.labels import PURCHASE_HORIZON
from portrait.dataset.questions import cut
from portrait.evaluation.fairness import Groups, by_activity, by_group
from portrait.events.columns import PURCHASE
from portrait.model.recency import Events
from portrait.training.ranker.fit_ranker import fit_neighbours

ACTIVITY = ["quiet", "middling", "busy"]
RANKED, SHOWN = 2_000, 10  # items most bought, of which the best are shown


def groups_of(shop: Shop) -> Groups:
    """Return what users of a shop are told apart by; activity as it was before the test."""
    past = shop.interactions.before(cut(shop.interactions, shop.until).test_from)
    events = np.bincount(past.user, minlength=shop.interactions.users)
    return {"activity": (by_activity(events), ACTIVITY), **shop.groups}


def hits_by_group(shop: Shop, states: TextStates, groups: Groups) -> dict[str, object]:
    """Return the hit rate of ten recommendations by group: was one of them bought in the week?

    Everybody is asked about once, where the test begins. What they have had may be shown again:
    these shops live by repetition. Two of Portrait's three sources, text and neighbours, beside
    popularity.
    """
    interactions = shop.interactions
    start = cut(interactions, shop.until).test_from
    past = interactions.before(start)
    counts = np.bincount(past.item[past.action == PURCHASE], minlength=len(interactions.items))
    ranked = np.argsort(-counts, kind="stable")[:RANKED]
    week = round(PURCHASE_HORIZON.total_seconds() * 1_000)
    bought = interactions.where(
        (interactions.at >= start)
        & (interactions.at < start + week)
        & (interactions.action == PURCHASE)
    )
    users = np.unique(bought.user)
    facts = History(interactions).facts(Anchors(users, np.full(len(users), start)))
    by_text = states(facts.ring) @ states.items(interactions.items[ranked]).T  # (U, n)
    shown = {
        "text": ranked[_best(by_text)],
        "neighbours": ranked[_best(_by_neighbours(past, ranked, states, facts.ring))],
        "popularity": np.broadcast_to(ranked[:SHOWN], (len(users), SHOWN)),
    }
    taken = set(zip(bought.user.tolist(), bought.item.tolist(), strict=True))
    rates: dict[str, object] = {}
    for name, items in shown.items():
        hit = np.array(
            [
                any((user, item) in taken for item in row)
                for user, row in zip(users.tolist(), items.tolist(), strict=True)
            ]
        )
        spreads = {
            trait: by_group(partial(_share, hit), users, codes, names).rows
            for trait, (codes, names) in groups.items()
        }
        rates[name] = {"hit_rate": round(float(hit.mean()), 4), "users": len(users)} | spreads
    return rates


def _by_neighbours(
    past: Interactions, ranked: Codes, states: TextStates, ring: NDArray[np.void]
) -> NDArray[np.float32]:
    """Score the ranked items by who bought what together, (U, n)."""
    place = np.full(len(past.items), NO_ITEM)
    place[ranked] = np.arange(len(ranked))
    counted = past.where(place[past.item] != NO_ITEM)
    refs = past.items[ranked]
    counted = replace(counted, item=place[counted.item], items=refs)
    neighbours = fit_neighbours(counted, states.items(refs))
    rows = neighbours.find(ring["ref"])
    events = Events.of_ring(ring, rows != MISSING)
    scores = neighbours.scores(rows, events)
    return scores[:, neighbours.find(refs)]


def _best(scores: NDArray[np.float32]) -> Codes:
    return np.argsort(-scores, axis=1, kind="stable")[:, :SHOWN]


def _share(hit: NDArray[np.bool_], places: Codes) -> float:
    return float(hit[places].mean())
