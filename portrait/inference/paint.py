"""Paint: facts and a space make a portrait. A pure function, for many users at once.

ring ─▶ weights (U, 2, RING) ─▶ vectors (U, 2, K), and the learned state (U, D)
                             ─▶ shares by category and brand ─▶ interests, brands
     ─▶ visits, late and early ─▶ shares by category ─▶ trends of interests
                             ─▶ weighted quantiles of price

Everything is linear in the events, so each event's share of a score is exact (`explain.py`). Each
user's numbers come from that user's row alone, in an order that it alone decides: how users are
batched changes no bit. A portrait is as of the user's newest event: time alone does not make it
stale.
"""

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import MISSING, Codes, Doubles, Flags, Floats, Ring
from portrait.catalogue.catalogue import Catalogue
from portrait.catalogue.names import Names
from portrait.events.columns import ACTION_CODE, RING
from portrait.events.event import Action
from portrait.model.kinds import KIND_WEIGHTS, LARGEST_WEIGHT
from portrait.model.recency import TEXT_RECENCY, Events
from portrait.model.space import unit
from portrait.profiles.layout import (
    BRANDS,
    EVIDENCE,
    INTERESTS,
    LONG,
    NO_EVIDENCE,
    QUANTILES,
    SHORT,
    blank_portraits,
)
from portrait.profiles.trend import trends, visits
from portrait.times import DAY_MS

WIDTHS = (8, 16, 32, RING)  # a ring is cut to the narrowest of these that holds its events
LONG_HALF_LIFE_MS = 30 * DAY_MS
CHUNK = 16  # users whose vectors are gathered at once: a megabyte, which fits the L2 cache


def paint(ring: Ring, catalogue: Catalogue) -> NDArray[np.void]:
    """Paint the portraits of U users.

    Args:
        ring: (U, RING) of EVENT, newest first.
        catalogue: Items and texts by ref. What it does not know carries no weight.

    Returns:
        (U,) of portrait_dtype.
    """
    catalogue.place()
    dims = catalogue.vectors.dim, catalogue.placed.dim
    portrait = blank_portraits(len(ring), *dims)
    count = (ring["at"] > 0).sum(axis=1)
    narrower = 0
    for width in WIDTHS:
        members = np.flatnonzero((count > narrower) & (count <= width))
        narrower = width
        if len(members):
            portrait[members] = _paint_ring(ring[members, :width], catalogue)
    portrait["space"] = catalogue.space_id.encode()
    return portrait


def _paint_ring(ring: Ring, catalogue: Catalogue) -> NDArray[np.void]:
    """Paint portraits from rings cut to the same width S, but for the name of the space."""
    portrait = blank_portraits(len(ring), catalogue.vectors.dim, catalogue.placed.dim)
    items, texts = catalogue.locate(ring)  # (U, S) each
    events = Events.of_ring(ring, is_known(items, texts))
    weight = weights(events)  # (U, 2, S)
    portrait["vectors"] = _vectors(bounded(weight, events), texts, catalogue.vectors.matrix)
    if catalogue.learned is not None:
        portrait["state"] = catalogue.learned.behaviour.states(
            catalogue.placed.matrix, placed_rows(ring, catalogue), events
        )
    interest = catalogue.interest_of(items, texts)
    spoken = (interest != MISSING) & (weight[:, LONG] > 0)
    visited = visits(ring["at"], spoken)
    _interests(portrait["interests"], weight[:, LONG], visited, interest, catalogue.interests)
    _brands(portrait["brands"], weight[:, LONG], catalogue.brand_of(items), catalogue.brands)
    portrait["price"] = _price_band(weight[:, LONG], _prices(ring, items, catalogue))
    return portrait


def weights(events: Events) -> Floats:
    """Weigh U users' events by kind and age. Returns (U, 2, S): LONG by time, SHORT by rank.

    Source of the decays: docs/experiments.md; negative weights are returns and low ratings. Of
    somebody who only ever complained nothing weighs anything: what is unlike a thing that they
    dislike is not thereby what they like.
    """
    base = np.where(events.present, KIND_WEIGHTS[events.kind], np.float32(0))
    age = (events.at - events.at[:, :1]).astype(np.float32) / np.float32(LONG_HALF_LIFE_MS)
    weight = np.empty((len(events), 2, age.shape[1]), np.float32)
    np.multiply(base, np.exp2(age), out=weight[:, LONG])  # ages are 0 or below
    weight[:, SHORT] = TEXT_RECENCY.weights(events)[..., 0]
    weight[~(base > 0).any(axis=1)] = 0
    return weight


def vector_weights(events: Events) -> Floats:
    """Weigh U users' events for their vectors, (U, 2, S): as `weights`, but `bounded`.

    Then the factors count that the events have; what is painted has none.
    """
    weight = bounded(weights(events), events)
    return weight if events.factor is None else weight * events.factor[:, None]


def bounded(weight: Floats, events: Events) -> Floats:
    """Bound the short-term weights, (U, 2, S): see `Recency.bounded`."""
    short = TEXT_RECENCY.bounded(weight[:, SHORT, :, None], events)[..., 0]
    return np.stack([weight[:, LONG], short], axis=1)


def is_known(items: Codes, texts: Codes) -> Flags:
    """Say of events whether their item is known, or their search was read.

    Items that the catalogue lacks are known as soon as an event has spoken of them.
    """
    known: Flags = (items != MISSING) | (texts != MISSING)
    return known


def placed_rows(ring: Ring, catalogue: Catalogue) -> Codes:
    """Find where the learned model sees each event, (U, S), or MISSING."""
    refs = np.ascontiguousarray(ring["ref"])
    catalogue.place_searches(refs[ring["action"] == ACTION_CODE[Action.SEARCH]])
    return catalogue.placed.find(refs)


def _vectors(weight: Floats, texts: Codes, matrix: Floats) -> Floats:
    """Sum the events' vectors by weight. Returns (U, 2, K), unit rows, or zero."""
    users, width = texts.shape
    weight = np.where((texts != MISSING)[:, None, :], weight, np.float32(0))
    summed = np.empty((users, 2, matrix.shape[1]), np.float32)
    gathered = np.empty((CHUNK, width, matrix.shape[1]), np.float32)
    for start in range(0, users, CHUNK):
        part = slice(start, start + CHUNK)
        here = gathered[: len(texts[part])]
        np.take(matrix, texts[part], axis=0, out=here, mode="clip")  # MISSING reads row 0, weight 0
        np.matmul(weight[part], here, out=summed[part])  # (u, 2, S) @ (u, S, K)
    return unit(summed)


def _interests(
    interests: NDArray[np.void],
    weight: Floats,
    visited: tuple[Doubles, Doubles],
    category: Codes,
    names: Names,
) -> None:
    """Fill (U, INTERESTS): the categories with the largest share of weight, and why."""
    key, place = _by_group(names.ranks[category], weight)
    long = _group_shares(key, place, weight)
    late, early = (_group_sums(key, place, part) for part in visited)
    trend = trends(late, early)
    strongest = np.argsort(-long, axis=1, kind="stable")[:, :INTERESTS]
    score = np.take_along_axis(long, strongest, axis=1)
    held = score > 0
    code = np.take_along_axis(key, strongest, axis=1)
    interests["category"] = np.where(held, names.refs[code], 0)
    interests["score"] = np.where(held, score, 0)
    interests["trend"] = np.where(held, np.take_along_axis(trend, strongest, axis=1), 0)
    interests["evidence"] = _evidence(key, place, weight, strongest, held)


def _brands(brands: NDArray[np.void], weight: Floats, brand: Codes, names: Names) -> None:
    """Fill (U, BRANDS): the brands with the largest share of weight."""
    key, place = _by_group(names.ranks[brand], weight)
    share = _group_shares(key, place, weight)
    strongest = np.argsort(-share, axis=1, kind="stable")[:, :BRANDS]
    share = np.take_along_axis(share, strongest, axis=1)
    code = np.take_along_axis(key, strongest, axis=1)
    brands["brand"] = np.where(share > 0, names.refs[code], 0)
    brands["share"] = np.where(share > 0, share, 0)


def _by_group(code: Codes, weight: Floats) -> tuple[Codes, Codes]:
    """Sort each row by code, and within a code by weight, heaviest first.

    Codes must mean the same in every process, for their order decides between equals and in which
    order is added up. One sort of one packed integer: code, 24 bits of weight, 6 bits of place.

    Returns (U, S) twice: the code of each sorted place, and the place in the ring it came from.
    """
    lightness = ((LARGEST_WEIGHT - weight) * (1 << 20)).astype(np.int64)
    packed = np.sort((code + 1) << 32 | lightness << 6 | np.arange(code.shape[1]), axis=1)
    return (packed >> 32) - 1, packed & (RING - 1)


def _group_shares(key: Codes, place: Codes, weight: Floats) -> Floats:
    """Sum the weight of each group as a share of all groups' positive weight.

    Returns (U, S): the share at the group's first sorted place, 0 elsewhere.
    """
    total = np.maximum(_group_sums(key, place, weight), 0)
    whole = total.sum(axis=1, keepdims=True)
    return (total / np.where(whole > 0, whole, 1)).astype(np.float32)


def _group_sums(key: Codes, place: Codes, weight: Floats | Doubles) -> Doubles:
    """Sum the weight of each group. Returns (U, S): the sum at its first sorted place, else 0."""
    ordered = np.take_along_axis(weight, place, axis=1).astype(np.float64)
    running = np.cumsum(ordered, axis=1)
    first = np.ones(key.shape, np.bool_)
    first[:, 1:] = key[:, 1:] != key[:, :-1]
    width = key.shape[1]
    column = np.arange(width)
    # Where the next group begins, seen from each place: the nearest `first` to its right.
    ahead = np.where(first, column, width)
    next_first = np.full(key.shape, width)
    next_first[:, :-1] = np.minimum.accumulate(ahead[:, :0:-1], axis=1)[:, ::-1]
    total = np.take_along_axis(running, next_first - 1, axis=1) - running + ordered
    return np.where(first & (key != MISSING), total, 0)


def _evidence(
    key: Codes, place: Codes, weight: Floats, strongest: Codes, held: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """Name the heaviest events of each group. Returns (U, INTERESTS, EVIDENCE) places."""
    nth = strongest[:, :, None] + np.arange(EVIDENCE)  # (U, INTERESTS, EVIDENCE)
    inside = nth < key.shape[1]
    nth = np.minimum(nth, key.shape[1] - 1).reshape(len(key), -1)
    same = (
        np.take_along_axis(key, nth, axis=1).reshape(inside.shape)
        == np.take_along_axis(key, strongest, axis=1)[:, :, None]
    )
    where = np.take_along_axis(place, nth, axis=1)
    speaks = np.take_along_axis(weight, where, axis=1).reshape(inside.shape) > 0
    named = inside & same & speaks & held[:, :, None]
    return np.where(named, where.reshape(inside.shape), NO_EVIDENCE).astype(np.uint8)


def _prices(ring: Ring, items: Codes, catalogue: Catalogue) -> Floats:
    """Return what each event's item cost: as the event says, else as the catalogue does."""
    return np.where(ring["price"] > 0, ring["price"], catalogue.price_of(items))


def _price_band(weight: Floats, price: Floats) -> Floats:
    """Return weighted quantiles of price, (U, 3); zeros where no price is known."""
    weight = np.where(price > 0, np.maximum(weight, 0), 0)
    order = np.argsort(price, axis=1, kind="stable")
    running = np.cumsum(np.take_along_axis(weight, order, axis=1), axis=1, dtype=np.float64)
    whole = running[:, -1:]
    ordered = np.take_along_axis(price, order, axis=1)
    band = np.zeros((len(price), len(QUANTILES)), np.float32)
    for column, quantile in enumerate(QUANTILES):
        reached = (running < quantile * whole).sum(axis=1, keepdims=True)
        reached = np.minimum(reached, price.shape[1] - 1)
        band[:, column] = np.take_along_axis(ordered, reached, axis=1)[:, 0]
    return np.where(whole > 0, band, 0)
