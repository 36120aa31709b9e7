"""Lists about things: what goes with an item that is looked at, and what a cart still lacks.

    item    one thing of a basket is looked at: what else was in that basket is wanted
    cart    all but one thing of a basket are in the cart: that one is wanted

Asked of each user's last basket, after everything that was before it. Which thing is looked at, or
left out, is drawn, so there are seeds; figures are a user's means over them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from benchmarks.recommend.baskets import Trial
from benchmarks.recommend.measure import SHOWN, USERS_AT_ONCE, gains, hits
from benchmarks.recommend.pairs import AboutModel, AboutPeer
from benchmarks.recommend.peer import Settings
from portrait.arrays import MISSING, Codes, Flags
from portrait.evaluation.ranking import PerUser, top_items

SEEDS = 3
MOST_GIVEN = 50  # of a cart: as many as a request may name


@dataclass(frozen=True, slots=True)
class Questions:
    """What is looked at or in the cart, and what is wanted beside it."""

    given: Codes  # (A, S), items, the newest first; MISSING where there are no more
    truth: csr_array  # (A, N), 1 where an item is wanted


Draw = Callable[[Trial, int], Questions]


@dataclass(frozen=True, slots=True)
class AboutTold:
    """What came of a peer's lists: one figure of each user, (A,)."""

    hit: PerUser  # share of the lists with anything that is wanted
    ndcg: PerUser
    settings: Settings


def item_pages(trial: Trial, seed: int) -> Questions:
    """Look at one thing of each basket: the others are wanted."""
    return _asked(trial, seed, looked_at=1)


def carts(trial: Trial, seed: int) -> Questions:
    """Leave one thing of each basket out of the cart: it is wanted."""
    return _asked(trial, seed, looked_at=None)


SURFACES: dict[str, Draw] = {"item": item_pages, "cart": carts}


def answer(peer: AboutPeer, surface: str, valid: Trial, test: Trial) -> AboutTold:
    """Choose a peer's settings on validation, fit it on all before the test, ask it about that."""
    draw = SURFACES[surface]
    chosen = _choose(peer, draw(valid, 0), valid)
    model = peer.fit(test.before, chosen)
    drawn = [draw(test, seed) for seed in range(SEEDS)]
    found = [(hits(lists(model, each), each.truth), each.truth) for each in drawn]
    return AboutTold(
        hit=np.mean([hit.any(axis=1) for hit, _ in found], axis=0),
        ndcg=np.mean([gains(hit, truth) for hit, truth in found], axis=0),
        settings=chosen,
    )


def lists(model: AboutModel, asked: Questions) -> Codes:
    """Return the ten best items for each question, (A, SHOWN): none of what it is about."""
    parts = []
    for start in range(0, len(asked.given), USERS_AT_ONCE):
        given = asked.given[start : start + USERS_AT_ONCE]
        row, place = np.nonzero(given != MISSING)
        parts.append(top_items(model(given), SHOWN, (row, given[row, place])))
    return np.concatenate(parts)


def _asked(trial: Trial, seed: int, looked_at: int | None) -> Questions:
    """Draw an order of each basket of two things or more; what is not looked at is wanted."""
    random = np.random.default_rng(seed)
    baskets = [random.permutation(basket) for basket in _baskets(trial.truth) if len(basket) > 1]
    cuts = [len(basket) - 1 if looked_at is None else looked_at for basket in baskets]
    given = np.full((len(baskets), min(MOST_GIVEN, max(cuts))), MISSING)
    truth = np.zeros((len(baskets), trial.truth.shape[1]), np.float32)
    for row, (basket, cut) in enumerate(zip(baskets, cuts, strict=True)):
        shown = basket[:cut][:MOST_GIVEN]
        given[row, : len(shown)] = shown
        truth[row, basket[cut:]] = 1
    return Questions(given, csr_array(truth))


def _baskets(truth: csr_array) -> Sequence[Codes]:
    return np.split(truth.indices.astype(np.int64), truth.indptr[1:-1])


def _choose(peer: AboutPeer, asked: Questions, valid: Trial) -> Settings:
    """Return the settings whose lists for the validation gain most."""
    first, *others = peer.grid()
    if not others:
        return first
    return max([first, *others], key=lambda each: _gain(peer.fit(valid.before, each), asked))


def _gain(model: AboutModel, asked: Questions) -> float:
    hit: Flags = hits(lists(model, asked), asked.truth)
    return float(gains(hit, asked.truth).mean())
